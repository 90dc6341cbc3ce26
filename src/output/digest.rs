//! SHA-256 of files, and the comparison of a file with recorded facts.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{error::OutputError, facts::FileFacts};

/// Bytes that are read and hashed at a time.
pub(super) const CHUNK_BYTES: usize = 32 << 10;

/// Returns the facts among `known` that match the file at `path`. None if there is no such file, or no facts match.
pub(super) fn known_file<'a>(
    path: &Path,
    known: &[&'a FileFacts],
) -> Result<Option<&'a FileFacts>, OutputError> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(OutputError::at(path))?,
    };
    if !found.is_file() {
        return Ok(None);
    }
    let bytes = found.len();
    // Reading a large file takes long: the size alone excludes most files.
    if known.iter().all(|facts| facts.bytes != bytes) {
        return Ok(None);
    }
    let mut hasher = Sha256::new();
    File::open(path).and_then(|file| hash(file, &mut hasher)).map_err(OutputError::at(path))?;
    let sha256 = hex(hasher);
    let matches =
        |facts: &&FileFacts| facts.bytes == bytes && facts.sha256.eq_ignore_ascii_case(&sha256);
    Ok(known.iter().copied().find(matches))
}

/// Returns true if the file at `path` has the recorded size and SHA-256.
pub(super) fn has_facts(path: &Path, facts: &FileFacts) -> Result<bool, OutputError> {
    Ok(known_file(path, &[facts])?.is_some())
}

/// Hashes everything that is left to read. Returns the number of bytes.
pub(super) fn hash(mut reader: impl Read, hasher: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK_BYTES];
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

/// Returns true for a regular file. Links, folders and devices are never lipsyncd's own.
pub(super) fn is_plain_file(path: &Path) -> Result<bool, OutputError> {
    Ok(fs::symlink_metadata(path).map_err(OutputError::at(path))?.is_file())
}
