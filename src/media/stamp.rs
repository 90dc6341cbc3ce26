//! The stamp of a file: what the file system says about it, without its content.

use std::{fmt, fs::Metadata, os::unix::fs::MetadataExt as _};

/// Identifies a file and its content at one moment. Equal stamps mean that nothing was written in
/// between.
///
/// The device number may differ after a reboot: the file is then read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i64,
    /// The time of the last change of content or metadata, which no program can set back.
    changed_ns: i64,
}

impl FileStamp {
    /// Returns the stamp of the file with this metadata.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, ns| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns the size of the file.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns when the content was last written, as Unix time in nanoseconds.
    #[must_use]
    pub const fn modified_ns(&self) -> i64 {
        self.modified_ns
    }

    /// Returns when content or metadata last changed, as Unix time in nanoseconds.
    #[must_use]
    pub const fn changed_ns(&self) -> i64 {
        self.changed_ns
    }
}

/// The form that the database keeps: `<device>:<inode>:<bytes>:<modified_ns>:<changed_ns>`.
impl fmt::Display for FileStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, inode, bytes, modified_ns, changed_ns } = self;
        write!(f, "{device}:{inode}:{bytes}:{modified_ns}:{changed_ns}")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn a_stamp_is_shown_with_all_its_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp3");
        fs::write(&path, "abc").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let shown = FileStamp::of(&metadata).to_string();
        let parts: Vec<_> = shown.split(':').collect();
        let [device, inode, bytes, ..] = parts[..] else { panic!("{shown}") };
        assert_eq!((parts.len(), bytes), (5, "3"));
        assert_eq!(device, metadata.dev().to_string());
        assert_eq!(inode, metadata.ino().to_string());
    }

    #[test]
    fn a_change_with_preserved_size_and_mtime_changes_the_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp3");
        fs::write(&path, "before").unwrap();
        let before = fs::metadata(&path).unwrap();
        // Some file systems count time in ticks of several milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, "behind").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        let (before, after) = (FileStamp::of(&before), FileStamp::of(&after));
        assert_eq!((before.bytes, before.modified_ns), (after.bytes, after.modified_ns));
        assert_ne!(before, after);
    }
}
