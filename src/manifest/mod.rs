//! YAML text to wanted jobs, or to every problem with its place.
//!
//! Owns the manifest's format: its keys, their ranges and defaults, what is ignored in the folder.
//! It touches no disk and no network: a path of a file stays as written, for whoever looks it up.
//!
//! A text goes through `yaml` (bytes to a tree that knows its places), `draft` (the keys of one
//! mapping, each by its own reader), `finish` (defaults, what is missing, what does not fit) and
//! `batch` (what jobs must not share). `keys` lists every key once; `digest` makes the request hash and
//! the spec hash from that table.

mod batch;
mod digest;
mod draft;
mod finish;
mod ignore;
mod keys;
mod name;
mod path;
pub(crate) mod problem;
mod render;
mod source;
#[cfg(test)]
mod tests;
mod value;
pub(crate) mod yaml;

pub use digest::{ContentHashes, request_hash, spec_hash};
pub use ignore::{ignored, ignored_folder, is_manifest};
pub use keys::KEYS;
pub use path::ManifestPath;
pub use problem::{Location, Problem, Problems};

pub use yaml::MAX_BYTES as BYTES_MAX;

use crate::job::JobSpec;

/// What a faultless manifest asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// In the order of the text; one at least.
    pub jobs: Vec<ManifestJob>,
}

/// One job of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestJob {
    /// What is wanted.
    pub spec: JobSpec,
    /// The digest of everything that the manifest says about the job: see [`spec_hash`]. It does not
    /// depend on the manifest's path, comments, order of keys or spelling of times.
    pub spec_hash: String,
    /// The job's mapping.
    pub location: Location,
    /// The job's id; for a single job its mapping.
    pub id_location: Location,
    /// The value of `video`, which may stand in `defaults`.
    pub video_location: Location,
    /// The value of `audio`, likewise.
    pub audio_location: Location,
    /// The value of `output`, else what the output is named by.
    pub output_location: Location,
    /// The value of `external_task_id`, if there is one.
    pub external_task_id_location: Option<Location>,
}

/// Reads a manifest's bytes. `path` begins the keys of its jobs. Never looks at the disk.
///
/// # Errors
/// All faults of the text at once; no job of a faulty manifest is given.
pub fn read(text: &[u8], path: &ManifestPath) -> Result<Manifest, Problems> {
    let mut problems = problem::ProblemCollector::default();
    let text = yaml::decode(text)?;
    let stem = match path.problem() {
        Some(problem) => {
            problems.add(problem);
            // What is built on the path would only repeat that fault.
            "unnamed"
        }
        None => path.stem(),
    };
    let jobs = yaml::parse(text, &mut problems)
        .map(|root| batch::read(&root, stem, &mut problems))
        .unwrap_or_default();
    problems.conclude()?;
    Ok(Manifest { jobs })
}
