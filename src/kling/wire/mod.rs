//! What the API's answers say, in this program's units: milliseconds and millionths of a unit.
//!
//! Reading is lenient: unknown fields are ignored, optional ones may be missing, numbers may come as strings and
//! strings as numbers. Only an answer that misses what the call is about is an error: no session, no task id, faces
//! that cannot be read.

mod costs;
mod fields;
mod identify;
mod task;

pub use costs::ResourcePack;
pub(super) use costs::costs;
pub(super) use fields::{DataError, as_integer, as_text};
pub(super) use identify::identified;
pub use identify::{Face, Identified};
pub use task::{Created, ParentVideo, RemoteTask, ResultVideo, TaskStatus};
pub(super) use task::{created, task, tasks};
