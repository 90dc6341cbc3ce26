//! What the inbox hands over: an accepted manifest with the jobs that it asks for.

use crate::job::{JobSpec, Media, outcome::PermanentError};

/// `watch.on_change`: what happens to a job whose request changes after its task was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnChange {
    /// The job keeps its result and is flagged.
    #[default]
    Flag,
    /// The new request is made.
    Run,
}

/// With `watch.on_change: run`, a file that changes more finished jobs than this runs none: they are flagged.
pub const RUN_AT_ONCE_MAX: usize = 20;

/// A job that a manifest asks for.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct WantedJob {
    pub spec: JobSpec,
    pub spec_hash: String,
    /// Digest of everything that decides its result; none while its media cannot be read.
    pub request_hash: Option<String>,
    pub media: Result<Media, PermanentError>,
}

/// A manifest without errors.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AcceptedManifest {
    pub path: String,
    pub file_stamp: String,
    pub jobs: Vec<WantedJob>,
}
