//! Local sound and video: where a file lies, how long it is, whether the API takes it.
//!
//! [`locate`] finds a manifest's file and keeps to the folders it may lie in; [`sound`] and [`video`]
//! read lengths and shapes from the files themselves, and hold them against the API's limits.
//! Everything here is synchronous and reads disks: async callers put it on a blocking thread. It sends
//! nothing and writes nothing.

mod boxes;
#[cfg(test)]
mod fixtures;
pub mod locate;
mod open;
pub mod sound;
pub mod video;

pub use locate::{Fingerprint, LocateFault, Located, Locator, public_url};
pub use open::{open_regular, open_resolved};
pub use sound::{SoundFacts, SoundFault};
pub use video::{VideoFacts, VideoFault};

/// Anything that keeps a local file from being used. Its text is for users.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file is not where it may be.
    #[error(transparent)]
    Locate(#[from] LocateFault),
    /// It is no sound that the API takes.
    #[error(transparent)]
    Sound(#[from] SoundFault),
    /// It is no video that the API takes.
    #[error(transparent)]
    Video(#[from] VideoFault),
}

impl Fault {
    /// Whether the system kept the file from being read, which may pass without a change of it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Locate(fault) => matches!(fault, LocateFault::Io { .. }),
            Self::Sound(SoundFault::Io(error)) | Self::Video(VideoFault::Io(error)) => {
                error.raw_os_error().is_some()
            }
            Self::Sound(_) | Self::Video(_) => false,
        }
    }

    /// Its name in the database and in `--json`, which stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Locate(fault) => fault.code(),
            Self::Sound(fault) => fault.code(),
            Self::Video(fault) => fault.code(),
        }
    }
}
