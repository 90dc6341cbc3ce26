//! What lies in the output folder: the metadata beside each result, read as far as it takes no long while.
//!
//! It may hang on a dead share: whoever calls has the patience.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::output::Metadata;

/// So many are read, of so many files looked at.
pub(super) const READ_MAX: usize = 200;
const FILES_MAX: usize = 50_000;

/// Those that were written last, as far as the folder is looked through.
pub(super) fn latest(root: &Path) -> Vec<Metadata> {
    let (mut found, mut left, mut seen) = (Vec::new(), vec![root.to_owned()], 0);
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).ok().into_iter().flatten().flatten() {
            seen += 1;
            if seen > FILES_MAX {
                break;
            }
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            if kind.is_dir() {
                left.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "json") {
                let written = entry.metadata().and_then(|file| file.modified());
                found.extend(written.ok().map(|written| (written, path)));
            }
        }
    }
    found.sort_unstable_by(|one: &(_, PathBuf), other| other.cmp(one));
    found.iter().take(READ_MAX).filter_map(|(_, path)| metadata(path)).collect()
}

/// None where there is none, or it is not of ours.
pub(super) fn metadata(place: &Path) -> Option<Metadata> {
    Metadata::read(place).ok().flatten()
}
