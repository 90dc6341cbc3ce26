//! YAML text to wanted jobs, or to every problem with its place.
//!
//! Owns the manifest's format: its keys, their ranges and defaults, what is ignored in the folder. It uses no
//! disk and no network: a path of a file stays as written.
//!
//! A text goes through `yaml` (bytes to a tree with locations), `draft` (the keys of one mapping), `finish`
//! (defaults, what is missing, what does not fit) and `batch` (what jobs must not share). `keys` lists every
//! key once, with its type, default, meaning, reader and canonical value; `digest` makes the request hash and
//! the spec hash from that table, and `schema` the JSON Schema.

mod batch;
mod canonical;
mod digest;
mod draft;
mod finish;
mod ignore;
mod keys;
mod name;
mod path;
pub(crate) mod problem;
mod render;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod value;
mod value_type;
pub(crate) mod yaml;

pub use digest::{ContentHashes, request_hash, spec_hash};
pub use ignore::{ignored, ignored_folder, is_manifest};
pub use keys::{KEYS, KeyDefault, ManifestKey, keys};
pub use path::ManifestPath;
pub use problem::{Location, Problem, Problems};
pub use schema::schema;
pub use yaml::MAX_BYTES as BYTES_MAX;

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
    /// The digest of everything that the manifest says about the job: see [`spec_hash`]. It does not
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

/// Reads a manifest's bytes. `path` begins the keys of its jobs. Does not use the disk.
///
/// # Errors
/// All problems of the text at once. No job of a manifest with errors is returned.
pub fn read(text: &[u8], path: &ManifestPath) -> Result<Manifest, Problems> {
    let mut problems = problem::ProblemCollector::default();
    let text = yaml::decode(text)?;
    let stem = match path.problem() {
        Some(problem) => {
            problems.add(problem);
            // Keys made from the path would only repeat that problem.
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
