//! What is known of each manifest in the folder, in few bytes: a folder may hold a hundred thousand.

use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use super::scan::ManifestStamp;
use crate::store::StoredManifest;

/// What tells whether a manifest must be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Print {
    /// Size and time of the last write, in ns since 1970.
    File { bytes: u64, modified_ns: i64 },
    /// What is no such pair: why there is none, or a time out of all bounds.
    Other(Box<str>),
}

/// A manifest that the store knows of.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) print: Print,
    pub(super) refused: bool,
    /// Whether the last walk came by it.
    pub(super) walked: AtomicBool,
}

/// By path under the folder, parts joined by `/`.
pub(super) type Known = BTreeMap<Box<str>, Seen>;

impl Print {
    /// What is kept in the database.
    pub(super) fn parse(text: &str) -> Self {
        let parsed = text.split_once(' ').and_then(|(bytes, modified_ns)| {
            Some(Self::File { bytes: bytes.parse().ok()?, modified_ns: modified_ns.parse().ok()? })
        });
        parsed
            .filter(|parsed| parsed.to_string() == text)
            .unwrap_or_else(|| Self::Other(text.into()))
    }

    pub(super) fn of(stamp: &ManifestStamp) -> Self {
        let ManifestStamp { bytes, modified_ns, .. } = *stamp;
        match i64::try_from(modified_ns) {
            Ok(modified_ns) => Self::File { bytes, modified_ns },
            Err(_) => Self::Other(format!("{bytes} {modified_ns}").into()),
        }
    }
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { bytes, modified_ns } => write!(f, "{bytes} {modified_ns}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Seen {
    pub(super) fn new(print: Print, refused: bool) -> Self {
        Self { print, refused, walked: AtomicBool::new(true) }
    }

    /// Notes whether a walk came by it.
    pub(super) fn walk_by(&self, walked: bool) {
        self.walked.store(walked, Ordering::Relaxed);
    }
}

impl From<StoredManifest> for Seen {
    fn from(manifest: StoredManifest) -> Self {
        Self::new(Print::parse(&manifest.file_stamp), manifest.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_is_the_same_in_the_database_and_by_its_stamp() {
        for modified_ns in [0, -1, 1_700_000_000_123_456_789, i128::from(i64::MAX) + 1] {
            let stamp = ManifestStamp { bytes: 17, modified_ns };
            let print = Print::of(&stamp);
            assert_eq!(print.to_string(), format!("17 {modified_ns}"));
            assert_eq!(Print::parse(&print.to_string()), print);
        }
        for other in ["", "odd", "unreadable", "1 2 3", "+1 2", "01 2"] {
            assert_eq!(Print::parse(other), Print::Other(other.into()));
        }
    }
}
