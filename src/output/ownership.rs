//! Which files are lipsyncd's own: known by their bytes, or by the metadata beside them.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{
    error::OutputError,
    metadata::{FileFacts, Metadata},
    place::{Kind, Place},
    rename::exists,
};

/// Whether nothing is in the way of a job's files but its own. To be asked before anything is paid for.
///
/// `earlier` are the files that the database knows the job to have published before.
///
/// # Errors
/// [`OutputError::Foreign`] names the file that is in the way.
pub fn free_or_ours(
    place: &Place,
    job: &str,
    watermark: bool,
    earlier: &[FileFacts],
) -> Result<(), OutputError> {
    let kinds: &[Kind] = if watermark { &[Kind::Result, Kind::Watermark] } else { &[Kind::Result] };
    let known = with_watermark(place, earlier)?;
    for kind in kinds {
        require_ours_or_free(&place.video(*kind), &known)?;
    }
    metadata_is_ours_or_free(place, job, None, earlier).map(|_| ())
}

/// `earlier`, and the watermarked result that was published with one of them: the database knows only
/// results, the metadata beside them know both.
pub(super) fn with_watermark(
    place: &Place,
    earlier: &[FileFacts],
) -> Result<Vec<FileFacts>, OutputError> {
    let found = Metadata::read(&place.metadata())?;
    let ours = found.filter(|found| earlier.contains(&found.result));
    Ok(earlier.iter().cloned().chain(ours.and_then(|ours| ours.watermark)).collect())
}

/// True if the file is there and its bytes are known, false if there is none.
pub(super) fn require_ours_or_free(path: &Path, known: &[FileFacts]) -> Result<bool, OutputError> {
    if !exists(path)? {
        return Ok(false);
    }
    match known_file(path, known)? {
        Some(_) => Ok(true),
        None => Err(OutputError::Foreign(path.to_owned())),
    }
}

/// True if there is metadata, and it is this job's: of this very task, of a result known to be the job's, whatever
/// key it went by then, or of one that never got its name (a crash came first, and the task could not be fetched
/// any more).
pub(super) fn metadata_is_ours_or_free(
    place: &Place,
    job: &str,
    task_id: Option<&str>,
    earlier: &[FileFacts],
) -> Result<bool, OutputError> {
    let path = place.metadata();
    if !exists(&path)? {
        return Ok(false);
    }
    let found = if is_plain_file(&path)? { Metadata::read(&path)? } else { None };
    let orphaned = !exists(&place.video(Kind::Result))?;
    let ours = found.is_some_and(|metadata| {
        let known =
            Some(metadata.task_id.as_str()) == task_id || earlier.contains(&metadata.result);
        known || metadata.job == job && orphaned
    });
    if ours { Ok(true) } else { Err(OutputError::Foreign(path)) }
}

/// By which of the `known` facts the file at `path` is known; none if it is a stranger, or not there.
pub(super) fn known_file<'a>(
    path: &Path,
    known: &'a [FileFacts],
) -> Result<Option<&'a FileFacts>, OutputError> {
    if !exists(path)? || !is_plain_file(path)? {
        return Ok(None);
    }
    let bytes = fs::metadata(path).map_err(OutputError::at(path))?.len();
    if known.iter().all(|facts| facts.bytes != bytes) {
        return Ok(None);
    }
    let mut hasher = Sha256::new();
    File::open(path).and_then(|file| hash(file, &mut hasher)).map_err(OutputError::at(path))?;
    let sha256 = hex(hasher);
    Ok(known
        .iter()
        .find(|facts| facts.bytes == bytes && facts.sha256.eq_ignore_ascii_case(&sha256)))
}

/// So many bytes are read and hashed at once.
const HASHED_BYTES: usize = 32 << 10;

/// Hashes all that is left to read; returns how many bytes that were.
pub(super) fn hash(mut reader: impl Read, hasher: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; HASHED_BYTES];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest in lower-case hexadecimal.
pub(super) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Links, folders and devices are never lipsyncd's own.
pub(super) fn is_plain_file(path: &Path) -> Result<bool, OutputError> {
    Ok(fs::symlink_metadata(path).map_err(OutputError::at(path))?.is_file())
}
