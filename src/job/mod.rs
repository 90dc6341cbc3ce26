//! The pure core: what a job is, what to do with it next, what an outcome makes of it.
//!
//! Nothing here does IO, reads a clock or rolls a die: time and chance come in as arguments. It
//! imports nothing of the other modules.

pub mod spec;
pub mod state;
pub mod timing;

pub use spec::{FaceChoice, JobSpec, Source};
pub use state::State;
