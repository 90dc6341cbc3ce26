//! The stamp of a manifest: what the file system says about it, which changes when the file is edited or replaced.

use std::{fmt, fs::Metadata, os::unix::fs::MetadataExt as _};

/// Shows whether a manifest must be read again.
///
/// Unlike [`FileStamp`](crate::media::FileStamp), it has no device: a share gets another one each time it is mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManifestStamp {
    inode: u64,
    bytes: u64,
    modified_ns: i64,
    /// The time of the last change of content or metadata, which no program can set back.
    changed_ns: i64,
}

impl ManifestStamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, ns| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) const fn modified_ns(&self) -> i64 {
        self.modified_ns
    }

    pub(super) const fn changed_ns(&self) -> i64 {
        self.changed_ns
    }

    /// Parses what [`Display`](fmt::Display) wrote. None for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let stamp = Self {
            inode: parts.next()?.parse().ok()?,
            bytes: parts.next()?.parse().ok()?,
            modified_ns: parts.next()?.parse().ok()?,
            changed_ns: parts.next()?.parse().ok()?,
        };
        (stamp.to_string() == text).then_some(stamp)
    }
}

/// The form that the database keeps: `<inode>:<bytes>:<modified_ns>:<changed_ns>`.
impl fmt::Display for ManifestStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inode, bytes, modified_ns, changed_ns } = self;
        write!(f, "{inode}:{bytes}:{modified_ns}:{changed_ns}")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
    };

    use super::*;

    #[test]
    fn a_stamp_is_the_same_after_it_was_stored() {
        for (modified_ns, changed_ns) in [(0, 0), (-1, 999_999_999), (i64::MAX, i64::MIN)] {
            let stamp = ManifestStamp { inode: 5, bytes: 17, modified_ns, changed_ns };
            let text = stamp.to_string();
            assert_eq!(text, format!("5:17:{modified_ns}:{changed_ns}"));
            assert_eq!(ManifestStamp::parse(&text), Some(stamp));
        }
        for other in ["", "unreadable", "17 1", "1:2:3", "1:2:3:4:5", "+1:2:3:4", "01:2:3:4"] {
            assert_eq!(ManifestStamp::parse(other), None);
        }
    }

    #[test]
    fn edits_and_replacements_of_the_same_size_and_mtime_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "before").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let stamp = || ManifestStamp::of(&fs::metadata(&path).unwrap());
        let write = |to: &Path, text: &str| {
            // Some file systems count time in ticks of several milliseconds.
            std::thread::sleep(std::time::Duration::from_millis(20));
            fs::write(to, text).unwrap();
            File::options().write(true).open(to).unwrap().set_modified(modified).unwrap();
        };
        let before = stamp();
        write(&path, "behind");
        let edited = stamp();
        assert_eq!((before.inode, before.modified_ns), (edited.inode, edited.modified_ns));
        assert_ne!(before, edited);
        let other = folder.path().join("other");
        write(&other, "beside");
        fs::rename(&other, &path).unwrap();
        let replaced = stamp();
        assert_eq!((replaced.bytes, replaced.modified_ns), (edited.bytes, edited.modified_ns));
        assert_ne!(replaced.inode, edited.inode);
    }
}
