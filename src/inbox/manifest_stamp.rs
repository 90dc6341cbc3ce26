//! The stamp of a manifest: size and time of the last write, which change when the file is edited.

use std::{fmt, fs::Metadata, os::unix::fs::MetadataExt as _};

const NS_PER_S: i128 = 1_000_000_000;

/// Shows whether a manifest must be read again.
///
/// Unlike [`FileStamp`](crate::media::FileStamp), a new inode or a `chmod` leaves it the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManifestStamp {
    bytes: u64,
    modified_s: i64,
    /// The rest of the time of the last write, below one second.
    modified_ns: u32,
}

impl ManifestStamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified_s: metadata.mtime(),
            modified_ns: u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
        }
    }

    pub(super) fn modified_ns(&self) -> i128 {
        i128::from(self.modified_s) * NS_PER_S + i128::from(self.modified_ns)
    }

    /// Parses what [`Display`](fmt::Display) wrote. None for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (bytes, modified_ns) = text.split_once(' ')?;
        let modified_ns: i128 = modified_ns.parse().ok()?;
        let stamp = Self {
            bytes: bytes.parse().ok()?,
            modified_s: i64::try_from(modified_ns.div_euclid(NS_PER_S)).ok()?,
            modified_ns: u32::try_from(modified_ns.rem_euclid(NS_PER_S)).ok()?,
        };
        (stamp.to_string() == text).then_some(stamp)
    }
}

/// The form that the database keeps: `<bytes> <modified_ns>`.
impl fmt::Display for ManifestStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.bytes, self.modified_ns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_the_same_after_it_was_stored() {
        for (modified_s, modified_ns) in
            [(0, 0), (-1, 999_999_999), (1_700_000_000, 123_456_789), (i64::MAX, 1), (i64::MIN, 0)]
        {
            let stamp = ManifestStamp { bytes: 17, modified_s, modified_ns };
            let text = stamp.to_string();
            assert_eq!(text, format!("17 {}", stamp.modified_ns()));
            assert_eq!(ManifestStamp::parse(&text), Some(stamp));
        }
        assert_eq!(ManifestStamp::parse("17 -1").unwrap().modified_ns(), -1);
        for other in ["", "unreadable", "1 2 3", "+1 2", "01 2"] {
            assert_eq!(ManifestStamp::parse(other), None);
        }
    }
}
