//! Making the store agree with the folder: what the folder says is wanted.
//!
//! The watcher only says "look again"; the scan tells the truth. Files that are still being written
//! are waited for. Owns no state of jobs: what a manifest's change means for a job is decided in
//! [`job`](crate::job) and written by the [`store`](crate::store). The folder is only ever read.

mod all_media;
mod changed;
mod differ;
mod gone;
mod keep;
mod known;
mod look;
mod many;
mod read;
mod refuse;
mod scan;
mod settle;
mod take_in;
mod wait;
mod watch;

pub use keep::{Inbox, InboxSettings};
pub use look::{Look, Looker};
pub use read::{Faulty, ReadJob, Reading, read_manifest};
pub use scan::{Found, Listing, Stamp, scan};
