//! Results on disk: written as part files, checked, synced and renamed.
//!
//! Owns the part file, the metadata beside a result, and two rules: no half file ever has a final name, and
//! nothing is overwritten. Must not download. Does not know the API or the store. Everything here blocks:
//! call it on a thread that may block.
//!
//! ARCHITECTURE.md has the order on disk, from which a start after a crash sees what is done ([`publish()`]), and
//! says which files are lipsyncd's own.

mod aside;
mod available;
mod copy;
mod digest;
mod encode;
mod error;
mod facts;
mod folder;
mod metadata;
mod one_writer;
mod part;
mod part_file;
mod part_note;
mod paths;
mod publish;
mod recognize;
mod rename;
mod verdict;
mod watermark;
mod write_verdict;

pub use available::{check_available, check_names, check_writable};
pub use copy::copy_result;
pub use error::OutputError;
pub use facts::FileFacts;
pub use metadata::{Metadata, TimingUsed};
pub use part::{Part, PartSource, remove_incomplete};
pub use paths::{FolderId, OutputPaths, VideoKind};
pub use publish::{publish, publish_superseded};
pub use recognize::{
    Presence, find_set_aside, list_set_aside, presence, published_result, recover_published,
};
pub use verdict::VerdictFacts;
pub use watermark::{copy_watermark, publish_watermark, published_watermark};
pub use write_verdict::write_verdict;

#[cfg(test)]
mod tests;
