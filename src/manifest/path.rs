//! A manifest's path under the jobs folder, and what may be in it.
//!
//! Owns how a path becomes the beginning of its jobs' keys; does not touch the disk.

use super::problem::{Problem, quoted};

/// The path of a manifest under `jobs_dir`, its parts joined by `/`, such as `promo/fr.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestPath(String);

impl ManifestPath {
    /// Accepts any text; [`read`](super::read()) reports a path that cannot name jobs.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// The path as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without its ending: the key of a single job, the beginning of a batch's keys.
    #[must_use]
    pub fn stem(&self) -> &str {
        let path = &self.0;
        [".yaml", ".yml"].iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path)
    }

    /// Returns why jobs and outputs cannot be named by it.
    pub(super) fn problem(&self) -> Option<Problem> {
        let error = self.stem().split('/').find_map(part_error)?;
        let what = format!("the path {} cannot name jobs: {error}", quoted(&self.0));
        Some(Problem::of_file(what).help("rename the manifest or its folder"))
    }
}

impl std::fmt::Display for ManifestPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The longest part in bytes: it leaves room for endings and for the marks of part files.
const MAX_PART_BYTES: usize = 200;

/// Why a part of a relative path cannot be in an output path.
pub(super) fn part_error(part: &str) -> Option<&'static str> {
    if part.is_empty() {
        Some("a part is empty")
    } else if part.starts_with('.') {
        Some("no part may start with a dot")
    } else if part.contains('\\') {
        Some("it contains a backslash")
    } else if part.chars().any(char::is_control) {
        Some("it contains a control character")
    } else if part.trim() != part {
        Some("a part begins or ends with a blank")
    } else if part.len() > MAX_PART_BYTES {
        Some("a part is longer than 200 bytes")
    } else {
        None
    }
}
