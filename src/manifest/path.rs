//! Paths that can name jobs and outputs. Does not touch the disk.

use super::{
    file_name::stem,
    problem::{Problem, quoted},
};

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
