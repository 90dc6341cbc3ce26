//! Before and after: the source with the new audio beside the results, and what people think of them.
//!
//! Owns the player of a job's page, the files that it plays, and verdicts. It serves published results and the local
//! sources of tasks, and nothing else.

mod files;
mod media;
mod section;
mod verdict;

pub(super) use files::Files;
pub(super) use media::{audio, result, video};
pub(super) use section::section;
pub(super) use verdict::give;
