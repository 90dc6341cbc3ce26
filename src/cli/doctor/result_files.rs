//! The metadata files in the output folder. A network share can block them: callers set a time limit.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::output::Metadata;

/// The most files that are read, and the most that are listed.
pub(super) const READ_MAX: usize = 200;
const FILES_MAX: usize = 50_000;

pub(super) fn latest(root: &Path) -> Vec<Metadata> {
    let (mut found, mut folders, mut seen) = (Vec::new(), vec![root.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok().into_iter().flatten().flatten() {
            seen += 1;
            if seen > FILES_MAX {
                break;
            }
            let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "json") {
                let written = entry.metadata().and_then(|file| file.modified());
                found.extend(written.ok().map(|written| (written, path)));
            }
        }
    }
    found.sort_unstable_by(|one: &(_, PathBuf), other| other.cmp(one));
    found.iter().take(READ_MAX).filter_map(|(_, path)| read(path)).collect()
}

/// Returns the metadata in a file; none for a file that is not lipsyncd's.
pub(super) fn read(path: &Path) -> Option<Metadata> {
    Metadata::read(path).ok().flatten()
}
