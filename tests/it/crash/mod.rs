//! The real binary, killed at chosen points and at random times.

mod batch;
mod caps;
mod kill;
mod points;
mod set_aside;
mod source;
