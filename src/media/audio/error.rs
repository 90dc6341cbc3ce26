//! Why an audio file cannot be used.

use std::io;

use crate::{
    job::timing::{SHORTEST_MS, Seconds},
    media::{boxes::BoxError, incomplete::Incomplete},
};

/// Why the API would not accept an audio file. Its text is for users.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages describe the variants")]
pub enum AudioError {
    #[error("the audio's name ends in `{0}`; .mp3, .wav, .m4a and .aac are allowed")]
    Ending(String),
    #[error("the file is not MP3, WAV, M4A or AAC audio: it contains {0}")]
    Foreign(&'static str),
    /// It is still being written, or was cut short.
    #[error("the audio is incomplete ({0})")]
    Incomplete(Incomplete),
    #[error("the audio is damaged: {0}")]
    Damaged(String),
    #[error("the file contains no audio")]
    Empty,
    #[error("the audio has {0} bytes; at most 5 MB (5000000 bytes) are allowed")]
    TooBig(u64),
    #[error("the audio lasts {}; 2 to 60 s are allowed", Seconds(*.0))]
    Length(i64),
    #[error("the audio cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl AudioError {
    /// Returns the stable code for the database and for `--json`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ending(_) | Self::Foreign(_) => "audio_format",
            Self::Incomplete(_) | Self::Damaged(_) | Self::Empty => "audio_damaged",
            Self::TooBig(_) => "audio_too_big",
            Self::Length(..SHORTEST_MS) => "audio_too_short",
            Self::Length(_) => "audio_too_long",
            Self::Io(_) => "audio_unreadable",
        }
    }
}

impl From<BoxError> for AudioError {
    fn from(error: BoxError) -> Self {
        match error {
            BoxError::Foreign(what) => Self::Foreign(what),
            BoxError::Incomplete(what) => Self::Incomplete(what),
            BoxError::Damaged(what) => Self::Damaged(what.to_owned()),
            BoxError::Io(error) => Self::Io(error),
        }
    }
}
