//! Names of manifests: which files in the jobs folder are manifests, and how a path begins the keys of its jobs.
//!
//! Does not touch the disk.

use std::ffi::OsStr;

use super::problem::{Problem, quoted};

/// Endings of files that editors, browsers and synchronisers are writing.
const UNFINISHED: [&str; 4] = ["~", ".tmp", ".part", ".swp"];

/// Returns true if a file of this name is ignored: hidden, or still being written by a program.
#[must_use]
pub fn ignored(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || UNFINISHED.iter().any(|end| name.ends_with(end.as_bytes()))
}

/// Returns true if a folder of this name is ignored: hidden (`.stfolder`), or a NAS's own (`@eaDir`).
#[must_use]
pub fn ignored_folder(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "@eaDir"
}

/// Returns true if a file of this name is a manifest: `*.yaml` or `*.yml`, and not ignored.
#[must_use]
pub fn is_manifest(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !ignored(name) && (bytes.ends_with(b".yaml") || bytes.ends_with(b".yml"))
}

/// The path without its ending: the key of a single job, the beginning of a batch's keys.
pub(super) fn stem(path: &str) -> &str {
    [".yaml", ".yml"].iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path)
}

/// Returns why jobs and outputs cannot be named by the path.
pub(super) fn path_problem(path: &str) -> Option<Problem> {
    let error = stem(path).split('/').find_map(part_error)?;
    let what = format!("the path {} cannot name jobs: {error}", quoted(path));
    Some(Problem::of_file(what).help("rename the manifest or its folder"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finished_visible_yaml_is_a_manifest() {
        for name in ["a.yaml", "b.yml", "a b.yaml", "ü.yml", "a.part.yaml"] {
            assert!(is_manifest(OsStr::new(name)), "{name}");
        }
        for name in [
            ".a.yaml",
            "a.yaml~",
            "a.yaml.tmp",
            "a.yml.part",
            ".a.yaml.swp",
            "a.json",
            "yaml",
            ".yaml",
            "a.YAML",
        ] {
            assert!(!is_manifest(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn folders_of_synchronisers_are_not_entered() {
        for name in [".stfolder", "@eaDir", ".git"] {
            assert!(ignored_folder(OsStr::new(name)), "{name}");
        }
        assert!(!ignored_folder(OsStr::new("promo.part")));
    }
}
