//! A result on disk: written beside its place, checked, synced and renamed.
//!
//! Owns the part file, the metadata beside a result, and the rule that no half file ever has a final
//! name and no stranger's file is overwritten. It must not download, and knows neither the API nor
//! the store. Everything here blocks: call it on a thread that may.
//!
//! Order on disk, so that a start after a crash can tell where it was:
//!
//! 1. The part file is whole, checked and synced ([`Part::finish`]).
//! 2. The metadata has its final name, synced: it says whose the next files are.
//! 3. The watermarked result, then the result, get their final names; the folder is synced ([`publish()`]).
//!
//! [`already_published`] is true only after the last of them.

mod error;
mod folder;
mod metadata;
mod ownership;
mod part;
mod place;
mod publish;
mod rename;
mod resume;
mod room;

pub use error::OutputError;
pub use metadata::{FaceUsed, FileFacts, Metadata, TimingUsed};
pub use ownership::free_or_ours;
pub use part::{Part, Source};
pub use place::{Kind, Place};
pub use publish::{already_published, publish, published_before};
pub use room::{require_names, require_room};

#[cfg(test)]
mod tests;
