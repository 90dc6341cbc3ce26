//! Writes a metadata file: complete and synced before it has its final name.

use std::{fs::File, io::Write as _, path::Path};

use super::{
    error::OutputError,
    folder::sync_folder,
    metadata::Metadata,
    paths::OutputPaths,
    rename::{into_free, over_ours, remove_if_there},
};
use crate::failpoint;

/// The text of the metadata file at `path`.
pub(super) fn text_of(metadata: &Metadata, path: &Path) -> Result<Vec<u8>, OutputError> {
    metadata
        .to_json()
        .map_err(|source| OutputError::Io { path: path.to_owned(), source: source.into() })
}

/// Writes the text of a metadata file. The file and its name last when this returns.
///
/// With `replace`, the file replaces metadata that are known to be lipsyncd's own.
pub(super) fn write_text(path: &Path, text: &[u8], replace: bool) -> Result<(), OutputError> {
    let fresh = OutputPaths::part_of(path);
    // The file is removed and created again, so that a link in its place is not followed.
    remove_if_there(&fresh)?;
    failpoint::before("metadata.write");
    File::create_new(&fresh)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        })
        .map_err(OutputError::at(&fresh))?;
    failpoint::after("metadata.write");
    if replace {
        over_ours(&fresh, path)?
    } else {
        into_free(&fresh, path)?
    }
    sync_folder(path.parent().unwrap_or(path))
}
