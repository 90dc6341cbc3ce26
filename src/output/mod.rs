//! Results on disk: written as part files, checked, synced and renamed.
//!
//! Owns the part file, the metadata beside a result, and two rules: no half file ever has a final name, and
//! nothing is overwritten. Must not download. Does not know the API or the store. Everything here blocks:
//! call it on a thread that may block.
//!
//! Order on disk, from which a start after a crash sees what is done ([`publish()`]):
//!
//! 1. The part files are complete, checked and synced ([`Part::finish`], [`copy_result`]).
//! 2. An earlier result at the place is set aside. `HEX` are the first 8 digits of its SHA-256; 16 or 64, if that
//!    name has other bytes.
//!    1. Its metadata are copied to `STEM.HEX.json`, synced. They stay at `STEM.json`, too.
//!    2. Its watermarked result is renamed to `STEM.HEX.watermark.mp4`.
//!    3. Its result is renamed to `STEM.HEX.mp4`; the folder is synced.
//! 3. The new metadata get the name `STEM.json`, synced: from now on they say whose the next files are.
//! 4. The watermarked result, then the result, get their final names; the folder is synced.
//!
//! So beside each video there are always metadata that name its SHA-256, and a repeat continues at the step where
//! the crash was. Each step first compares what is on disk: a video that is moved already is not moved again.
//! The result of a superseded task ([`publish_superseded`]) goes to `STEM.HEX.*` in the same order: metadata,
//! watermarked result, result.
//!
//! A file is lipsyncd's own if the database knows its SHA-256, or if the metadata beside it name its SHA-256.
//! Metadata of the same task and result may be replaced by more complete ones; nothing else ever is.

mod aside;
mod available;
mod copy;
mod digest;
mod encode;
mod error;
mod facts;
mod folder;
mod metadata;
mod part;
mod part_note;
mod paths;
mod publish;
mod recognize;
mod rename;
mod superseded;
mod writable;
mod write;

pub use available::check_available;
pub use copy::copy_result;
pub use error::OutputError;
pub use facts::FileFacts;
pub use metadata::{Metadata, TimingUsed};
pub use part::{Part, PartSource};
pub use paths::{OutputPaths, VideoKind};
pub use publish::publish;
pub use recognize::{
    Presence, find_set_aside, list_set_aside, presence, published_result, recover_published,
};
pub use superseded::publish_superseded;
pub use writable::{check_names, check_writable};

#[cfg(test)]
mod tests;
