//! Copies a result for a second job of the same task.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use super::{
    digest::{CHUNK_BYTES, has_facts, hash, hex},
    error::OutputError,
    facts::FileFacts,
    metadata::Metadata,
    part_file::discard,
    paths::{OutputPaths, VideoKind},
};
use crate::failpoint;

/// Makes the parts of `to` from the published videos of `from`, ready for [`publish`](super::publish()).
///
/// `metadata` name the expected bytes. Both videos are copied if `metadata` name a watermarked result. There is nothing
/// to copy if both paths are the same. Never makes a hard link: people edit files.
///
/// # Errors
/// [`OutputError::SourceChanged`] if a video of `from` cannot be read, or has other bytes: then it must be fetched
/// again. Otherwise what the file system reports about `to`.
pub fn copy_result(
    from: &OutputPaths,
    to: &OutputPaths,
    metadata: &Metadata,
) -> Result<(), OutputError> {
    metadata.files().try_for_each(|(kind, facts)| copy_video(from, to, kind, facts))
}

pub(super) fn copy_video(
    from: &OutputPaths,
    to: &OutputPaths,
    kind: VideoKind,
    facts: &FileFacts,
) -> Result<(), OutputError> {
    let source = from.video(kind);
    if from == to {
        return match has_facts(&source, facts).map_err(|error| changed(&source, error))? {
            true => Ok(()),
            false => Err(changed(&source, "it is missing or has other bytes")),
        };
    }
    let file = open(&source, facts)?;
    let part = OutputPaths::part_of(&to.video(kind));
    // A part of a download must not be continued with other bytes.
    discard(&part)?;
    let copied = copy_file(&source, file, &part, facts);
    if copied.is_err() {
        discard(&part)?;
    }
    copied
}

/// Opens a plain file of the recorded size.
fn open(path: &Path, facts: &FileFacts) -> Result<File, OutputError> {
    // A pipe would block the thread, and a link leads to a file that is not from lipsyncd.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| changed(path, error))?;
    let found = file.metadata().map_err(|error| changed(path, error))?;
    if !found.is_file() {
        return Err(changed(path, "it is not a plain file"));
    }
    if found.len() != facts.bytes {
        let why = format!("it has {} bytes instead of {}", found.len(), facts.bytes);
        return Err(changed(path, why));
    }
    Ok(file)
}

fn copy_file(source: &Path, from: File, part: &Path, facts: &FileFacts) -> Result<(), OutputError> {
    let mut to = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(part)
        .map_err(OutputError::at(part))?;
    failpoint::before("copy.write");
    let (sha256, bytes) = match reflink(&to, &from) {
        // The source may have been changed before: the hash is that of the part.
        true => {
            let mut hasher = Sha256::new();
            let bytes = hash(&to, &mut hasher).map_err(OutputError::at(part))?;
            (hex(hasher), bytes)
        }
        false => copy_bytes(source, from, part, &mut to, facts.bytes)?,
    };
    failpoint::after("copy.write");
    if bytes != facts.bytes || !sha256.eq_ignore_ascii_case(&facts.sha256) {
        return Err(changed(source, "its SHA-256 is not the recorded one"));
    }
    failpoint::around("part.sync", || to.sync_all()).map_err(OutputError::at(part))
}

/// Returns false where the file system cannot share blocks, or where the files are on two file systems.
fn reflink(to: &File, from: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

/// Copies and hashes in one pass, at most one byte more than recorded.
fn copy_bytes(
    source: &Path,
    from: File,
    part: &Path,
    to: &mut File,
    bytes_max: u64,
) -> Result<(String, u64), OutputError> {
    let mut from = from.take(bytes_max.saturating_add(1));
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok((hex(hasher), bytes)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(changed(source, error)),
        };
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read]).map_err(OutputError::at(part))?;
        bytes += read as u64;
    }
}

fn changed(path: &Path, why: impl ToString) -> OutputError {
    OutputError::SourceChanged { path: path.to_owned(), why: why.to_string() }
}
