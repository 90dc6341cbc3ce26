//! The SHA-256 of a local file, which identifies its content.

use std::{
    fs::File,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

use super::{
    error::MediaError,
    locate::{LocateError, Located},
    stamp::FileStamp,
};

/// The size of the blocks in which a file is read.
const BLOCK_BYTES: usize = 1 << 20;

/// Computes the SHA-256 of a file, as 64 lower-case hex digits. Blocks.
///
/// # Errors
/// [`LocateError::Changed`] when the file was changed or replaced since it was located, also while it
/// was read: the caller locates it again. [`LocateError::Io`] when it cannot be read.
pub fn sha256_of(located: &Located) -> Result<String, MediaError> {
    hash_file(located, || {})
}

/// Returns bytes as lower-case hex digits of their SHA-256.
#[must_use]
pub fn sha256_of_bytes(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// Hashes a file, and calls `after_block` after each block that was read.
fn hash_file(located: &Located, mut after_block: impl FnMut()) -> Result<String, MediaError> {
    let as_written = || located.path.display().to_string();
    let unreadable = |error| LocateError::Io { as_written: as_written(), error };
    let mut file = located.open()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BLOCK_BYTES];
    let mut left = located.stamp.bytes();
    // A file that grows is not followed: reading ends at the located size.
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let read = read_block(&mut file, &mut buffer[..wanted]).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        left = left.saturating_sub(read as u64);
        after_block();
    }
    // A writer may have changed blocks that were read already: only an unchanged stamp excludes that.
    let stamp = FileStamp::of(&file.metadata().map_err(unreadable)?);
    if left > 0 || stamp != located.stamp {
        return Err(LocateError::Changed(located.path.clone()).into());
    }
    Ok(hex(hasher.finalize().as_slice()))
}

fn read_block(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Returns bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, path::Path, time::Duration};

    use super::*;
    use crate::media::Locator;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn located(folder: &Path, content: &[u8]) -> Located {
        fs::write(folder.join("a.mp4"), content).unwrap();
        let locator = Locator { jobs_dir: folder.to_owned(), media_dirs: Vec::new() };
        locator.locate(folder, "a.mp4").unwrap()
    }

    #[test]
    fn known_content_has_the_known_hash() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(sha256_of(&located(folder.path(), b"abc")).unwrap(), ABC);
        assert_eq!(sha256_of_bytes(b"abc"), ABC);
        let empty = sha256_of(&located(folder.path(), b"")).unwrap();
        assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_file_of_several_blocks_has_the_hash_of_all_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..BLOCK_BYTES * 2 + 17).map(|at| (at % 251) as u8).collect();
        let mut blocks = 0;
        let hash = hash_file(&located(folder.path(), &content), || blocks += 1).unwrap();
        assert_eq!((hash, blocks), (sha256_of_bytes(&content), 3));
    }

    #[test]
    fn a_file_that_changes_while_it_is_hashed_has_no_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        let content = vec![7; BLOCK_BYTES + 1];
        let overwrite = || {
            // As large as before, and in a part that was read already.
            let mut file = File::options().write(true).open(&path).unwrap();
            file.write_all(b"new").unwrap();
        };
        let shorten = || File::options().write(true).open(&path).unwrap().set_len(9).unwrap();
        let replace = || {
            fs::write(path.with_extension("new"), &content).unwrap();
            fs::rename(path.with_extension("new"), &path).unwrap();
        };
        let changes: [&dyn Fn(); 3] = [&overwrite, &shorten, &replace];
        for change in changes {
            let located = located(folder.path(), &content);
            // Some file systems count time in ticks of several milliseconds.
            std::thread::sleep(Duration::from_millis(20));
            let error = hash_file(&located, change).unwrap_err();
            assert!(matches!(error, MediaError::Locate(LocateError::Changed(_))), "{error}");
        }
    }

    #[test]
    fn a_file_that_changed_since_it_was_located_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let located = located(folder.path(), b"abc");
        fs::write(&located.path, "abcd").unwrap();
        let error = hash_file(&located, || panic!("a block was read")).unwrap_err();
        assert_eq!(error.code(), "file_changed");
    }
}
