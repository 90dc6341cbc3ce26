//! Why a local file cannot be used.

use std::io;

use super::{audio::AudioError, incomplete::Incomplete, locate::LocateError, video::VideoError};

/// Anything that prevents the use of a local file. Its text is for users.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the errors inside describe the variants")]
pub enum MediaError {
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error(transparent)]
    Audio(#[from] AudioError),
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

    /// Returns what is missing in a file that is not complete. Such a file is waited for: it is still being written,
    /// or somebody must replace it.
    #[must_use]
    pub const fn incomplete(&self) -> Option<Incomplete> {
        match self {
            Self::Audio(AudioError::Incomplete(what))
            | Self::Video(VideoError::Incomplete(what)) => Some(*what),
            Self::Locate(_) | Self::Audio(_) | Self::Video(_) => None,
        }
    }

    /// Whether the file changed since it was located.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        matches!(self, Self::Locate(LocateError::Changed(_)))
    }

    /// Returns the stable code for the database and for `--json`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Locate(error) => error.code(),
            Self::Audio(error) => error.code(),
            Self::Video(error) => error.code(),
        }
    }
}
