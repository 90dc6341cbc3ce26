//! The pipeline with a real database, real HTTP and real files, against the simulator.

mod batch;
mod lost;
