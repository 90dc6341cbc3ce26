//! The pipeline with a real database, real HTTP and real files, against the simulator.

mod batch;
mod codes;
mod crash;
mod downloads;
mod line;
mod lost;
mod order;
mod sessions;
mod time;
