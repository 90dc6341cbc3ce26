//! Local audio and video: where a file is, what it contains, whether the API accepts it.
//!
//! [`locate`] finds a manifest's file, in the allowed folders only; [`hash`] identifies its content;
//! [`audio`] and [`video`] read lengths and shapes from the files and compare them with the API's
//! limits. Everything here is synchronous and reads disks: async callers use a thread that may block.
//! This module sends nothing and writes nothing.

pub mod audio;
mod boxes;
pub mod hash;
pub mod locate;
mod open;
mod stamp;
pub mod video;

use std::io;

pub use audio::{AudioError, AudioFacts};
pub use hash::{sha256_of, sha256_of_bytes};
pub use locate::{LocateError, Located, Locator, public_url};
pub use open::{open_regular, open_resolved};
pub use stamp::FileStamp;
pub use video::{VideoError, VideoFacts};

/// Anything that prevents the use of a local file. Its text is for users.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The file is missing, changed, or not allowed.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// It is no audio that the API accepts.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// It is no video that the API accepts.
    #[error(transparent)]
    Video(#[from] VideoError),
}

impl MediaError {
    /// Returns the system error that prevents reading the file. Such an error may pass without a
    /// change of the file.
    #[must_use]
    pub fn read_error(&self) -> Option<&io::Error> {
        match self {
            Self::Locate(LocateError::Io { error, .. }) => Some(error),
            Self::Audio(AudioError::Io(error)) | Self::Video(VideoError::Io(error)) => {
                error.raw_os_error().map(|_| error)
            }
            Self::Locate(_) | Self::Audio(_) | Self::Video(_) => None,
        }
    }

    /// Whether the file changed since it was located.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        matches!(self, Self::Locate(LocateError::Changed(_)))
    }

    /// Its name in the database and in `--json`, which stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Locate(fault) => fault.code(),
            Self::Audio(fault) => fault.code(),
            Self::Video(fault) => fault.code(),
        }
    }
}
