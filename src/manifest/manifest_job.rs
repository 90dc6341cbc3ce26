//! What a manifest without errors contains.

use super::problem::Location;
use crate::job::JobSpec;

/// The jobs of a manifest without errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// In the order of the text; at least one.
    pub jobs: Vec<ManifestJob>,
}

/// One job of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestJob {
    /// What is wanted.
    pub spec: JobSpec,
    /// The digest of everything that the manifest says about the job: see [`spec_hash`](super::spec_hash). It does not
    /// depend on the manifest's path, comments, order of keys or spelling of times.
    pub spec_hash: String,
    /// Where the job's mapping is.
    pub location: Location,
    /// Where the job's id is; for a single job its mapping.
    pub id_location: Location,
    /// Where the value of `video` is; it may be in `defaults`.
    pub video_location: Location,
    /// Where the value of `audio` is.
    pub audio_location: Location,
    /// Where the value of `output` is, else the id or job that names the output.
    pub output_location: Location,
    /// Where the value of `external_task_id` is, if there is one.
    pub external_task_id_location: Option<Location>,
}
