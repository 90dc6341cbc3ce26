//! Makes the store agree with the folder, which is only ever read.
//!
//! The file watcher only asks for a scan. The scan decides what changed.

mod accept;
mod changes;
mod departures;
mod diff;
mod first_scan;
#[expect(clippy::module_inception, reason = "the file of the type that the module is named after")]
mod inbox;
mod job_media;
mod manifest_index;
mod manifest_stamp;
mod media_check;
mod media_schedule;
mod pass;
mod read;
mod refuse;
mod scan;
mod settings;
mod settle;
mod skipped;
mod watch;

pub use inbox::Inbox;
pub use manifest_stamp::ManifestStamp;
pub use media_check::{MediaCheck, MediaChecker};
pub use read::{
    NO_JSON_MANIFEST, ReadJob, ReadManifest, RejectedManifest, is_manifest, read_manifest,
};
pub use scan::{FolderListing, ScanEntry, scan, scan_entry, skipped_folder};
pub use settings::{InboxSettings, InboxSignals};
