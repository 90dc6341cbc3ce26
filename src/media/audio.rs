//! Length and size of an audio file, and what the API takes of them.
//!
//! Owns the API page's limits of `sound_file`. Measures what would be heard, by counting packets
//! instead of believing headers; decodes nothing.

use std::{
    io::{self, Cursor, Read},
    path::Path,
};

use frames::Stream;

use super::{
    boxes::{BoxError, movie::Movie},
    open_regular,
};
use crate::job::timing::{LONGEST_MS, SHORTEST_MS, Seconds};

mod frames;
mod wav;

/// "Max 5MB". Read as decimal megabytes, the stricter of the two readings.
pub const MAX_BYTES: u64 = 5_000_000;

/// "Accepted formats: .mp3/.wav/.m4a/.aac".
const ENDINGS: [&str; 4] = ["mp3", "wav", "m4a", "aac"];

/// What is known of an audio file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFacts {
    /// How long it audio files, rounded down. Exact for WAV, for M4A with its edit list, and for MP3 with
    /// a LAME header; else it includes what the encoder put before and behind, some 50 to 150 ms.
    pub length_ms: i64,
    /// The size of the file.
    pub bytes: u64,
}

/// Why a file is no audio, or none that the API takes. Its text is for users.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// Not named as the API wants it.
    #[error("the audio's name ends in `{0}`; .mp3, .wav, .m4a and .aac are allowed")]
    Ending(String),
    /// The content is of no kind that the API takes.
    #[error("the file holds no MP3, WAV, M4A or AAC audio")]
    Foreign,
    /// The file is smaller than its boxes say.
    #[error("the audio is cut short: its file is smaller than its boxes say")]
    CutShort,
    /// It is of a right kind, yet cannot be read.
    #[error("the audio is damaged: {0}")]
    Damaged(String),
    /// There is nothing to hear in it.
    #[error("the file holds no audio")]
    Empty,
    /// Over [`MAX_BYTES`].
    #[error("the audio is {0} bytes; at most 5 MB (5000000 bytes) are allowed")]
    TooBig(u64),
    /// Outside 2 to 60 s.
    #[error("the audio lasts {}; 2 to 60 s are allowed", Seconds(*.0))]
    Length(i64),
    /// The file cannot be read.
    #[error("the audio cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl AudioError {
    /// Its name in the database and in `--json`, which stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ending(_) | Self::Foreign => "audio_format",
            Self::CutShort | Self::Damaged(_) | Self::Empty => "audio_damaged",
            Self::TooBig(_) => "audio_too_big",
            Self::Length(..SHORTEST_MS) => "audio_too_short",
            Self::Length(_) => "audio_too_long",
            Self::Io(_) => "audio_unreadable",
        }
    }
}

impl From<BoxError> for AudioError {
    fn from(fault: BoxError) -> Self {
        match fault {
            BoxError::Foreign(_) => Self::Foreign,
            BoxError::CutShort => Self::CutShort,
            BoxError::Damaged(what) => Self::Damaged(what.to_owned()),
            BoxError::Io(error) => Self::Io(error),
        }
    }
}

/// Measures a file; one over [`MAX_BYTES`] is refused unread.
///
/// # Errors
/// As [`measure`], and when the file is too big, cannot be read or is no regular file.
pub fn measure_file(path: &Path) -> Result<AudioFacts, AudioError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    known_ending(&ending)?;
    let (file, metadata) = open_regular(path)?;
    if metadata.len() > MAX_BYTES {
        return Err(AudioError::TooBig(metadata.len()));
    }
    let mut bytes = Vec::new();
    // The file may grow meanwhile.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    measure(bytes, Some(&ending))
}

/// Measures a audio. Its content decides what it is; of the name's `extension` is asked only that
/// the API takes it, and where the content begins with foreign bytes it is the hint.
///
/// # Errors
/// When it is of no kind that the API takes, holds no audio or cannot be read.
pub fn measure(bytes: Vec<u8>, extension: Option<&str>) -> Result<AudioFacts, AudioError> {
    let extension = extension.map(known_ending).transpose()?;
    let size = bytes.len() as u64;
    let kind = Kind::of(audio_part(&bytes), extension).ok_or(AudioError::Foreign)?;
    let length_ms = match kind {
        Kind::M4a => measure_m4a(&bytes)?,
        Kind::Wav => wav::length_ms(&bytes)?,
        Kind::Mp3 => frames::length_ms(Stream::Mp3, audio_part(&bytes))?,
        Kind::Aac => frames::length_ms(Stream::Adts, audio_part(&bytes))?,
    };
    if length_ms == 0 {
        return Err(AudioError::Empty);
    }
    Ok(AudioFacts { length_ms, bytes: size })
}

/// Holds an audio file against the API's limits (API page, `sound_file`).
///
/// # Errors
/// The first limit it breaks, with what is and what is allowed.
pub fn check(facts: &AudioFacts) -> Result<(), AudioError> {
    if facts.bytes > MAX_BYTES {
        return Err(AudioError::TooBig(facts.bytes));
    }
    if !(SHORTEST_MS..=LONGEST_MS).contains(&facts.length_ms) {
        return Err(AudioError::Length(facts.length_ms));
    }
    Ok(())
}

fn known_ending(ending: &str) -> Result<&'static str, AudioError> {
    let known = ENDINGS.into_iter().find(|known| ending.eq_ignore_ascii_case(known));
    known.ok_or_else(|| AudioError::Ending(format!(".{ending}")))
}

/// The kinds of audio that the API takes, by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mp3,
    Wav,
    M4a,
    Aac,
}

impl Kind {
    fn of(bytes: &[u8], extension: Option<&str>) -> Option<Self> {
        match bytes {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::M4a),
            // Eleven or twelve bits of sync, then the layer: none in ADTS, 3 (as `01`) in MP3.
            [0xff, second, ..] if second & 0xf6 == 0xf0 => Some(Self::Aac),
            [0xff, second, ..] if second & 0xe6 == 0xe2 => Some(Self::Mp3),
            // Some writers put padding before the first frame; the readers look for it.
            [0, ..] if extension == Some("mp3") => Some(Self::Mp3),
            [0, ..] if extension == Some("aac") => Some(Self::Aac),
            _ => None,
        }
    }
}

/// The bytes behind any ID3v2 tags: 10 bytes of header, whose last four hold seven bits each of the
/// size of what follows.
fn audio_part(mut bytes: &[u8]) -> &[u8] {
    while let [b'I', b'D', b'3', _, _, _, a, b, c, d, rest @ ..] = bytes {
        let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | usize::from(**byte & 0x7f));
        bytes = rest.get(size..).unwrap_or_default();
    }
    bytes
}

/// By the boxes, for the library knows no edit lists: an encoder's delay would count as audio.
fn measure_m4a(bytes: &[u8]) -> Result<i64, AudioError> {
    let movie = Movie::read(Cursor::new(bytes), bytes.len() as u64)?;
    let track = movie.track(b"soun").ok_or(AudioError::Empty)?;
    movie.length_ms(track).ok_or(AudioError::Empty)
}

#[cfg(test)]
mod tests;
