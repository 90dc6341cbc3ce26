//! Making the store agree with the folder: what the folder says is wanted.
//!
//! The watcher only says "look again"; the scan tells the truth. Files that are still being written
//! are waited for. Owns no state of jobs: what a manifest's change means for a job is decided in
//! [`job`](crate::job) and written by the [`store`](crate::store). The folder is only ever read.

mod accept;
mod changed_files;
mod changes;
mod departures;
mod diff;
#[expect(clippy::module_inception, reason = "the file of the type that the module is named after")]
mod inbox;
mod job_media;
mod manifest_index;
mod media_check;
mod media_schedule;
mod read;
mod refuse;
mod scan;
mod settle;
mod watch;

pub use inbox::{Inbox, InboxSettings};
pub use media_check::{MediaCheck, MediaChecker};
pub use read::{ReadJob, ReadManifest, RejectedManifest, read_manifest};
pub use scan::{FolderListing, ManifestStamp, ScanEntry, scan};
