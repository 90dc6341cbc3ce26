//! The real binary, ended as a power failure would: at chosen points, and at random instants.

mod batch;
mod kill;
mod points;
mod set_aside;
mod source;
