//! Length and size of a sound file, and what the API takes of them.
//!
//! Owns the API page's limits of `sound_file`. Measures what would be heard, by counting packets
//! instead of believing headers; decodes nothing.

use std::{
    io::{self, Cursor, Read},
    path::Path,
};

use frames::Stream;

use super::{
    boxes::{BoxFault, movie::Movie},
    open_regular,
};
use crate::job::timing::{LONGEST_MS, SHORTEST_MS, Seconds};

mod frames;
mod wav;

/// "Max 5MB". Read as decimal megabytes, the stricter of the two readings.
pub const MAX_BYTES: u64 = 5_000_000;

/// "Accepted formats: .mp3/.wav/.m4a/.aac".
const ENDINGS: [&str; 4] = ["mp3", "wav", "m4a", "aac"];

/// What is known of a sound file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundFacts {
    /// How long it sounds, rounded down. Exact for WAV, for M4A with its edit list, and for MP3 with
    /// a LAME header; else it includes what the encoder put before and behind, some 50 to 150 ms.
    pub length_ms: i64,
    /// The size of the file.
    pub bytes: u64,
}

/// Why a file is no sound, or none that the API takes. Its text is for users.
#[derive(Debug, thiserror::Error)]
pub enum SoundFault {
    /// Not named as the API wants it.
    #[error("the sound's name ends in `{0}`; .mp3, .wav, .m4a and .aac are allowed")]
    Ending(String),
    /// The content is of no kind that the API takes.
    #[error("the file holds no MP3, WAV, M4A or AAC sound")]
    Foreign,
    /// The file is smaller than its boxes say.
    #[error("the sound is cut short: its file is smaller than its boxes say")]
    CutShort,
    /// It is of a right kind, yet cannot be read.
    #[error("the sound is damaged: {0}")]
    Damaged(String),
    /// There is nothing to hear in it.
    #[error("the file holds no sound")]
    Empty,
    /// Over [`MAX_BYTES`].
    #[error("the sound is {0} bytes; at most 5 MB (5000000 bytes) are allowed")]
    TooBig(u64),
    /// Outside 2 to 60 s.
    #[error("the sound lasts {}; 2 to 60 s are allowed", Seconds(*.0))]
    Length(i64),
    /// The file cannot be read.
    #[error("the sound cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl SoundFault {
    /// Its name in the database and in `--json`, which stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ending(_) | Self::Foreign => "sound_format",
            Self::CutShort | Self::Damaged(_) | Self::Empty => "sound_damaged",
            Self::TooBig(_) => "sound_too_big",
            Self::Length(..SHORTEST_MS) => "sound_too_short",
            Self::Length(_) => "sound_too_long",
            Self::Io(_) => "sound_unreadable",
        }
    }
}

impl From<BoxFault> for SoundFault {
    fn from(fault: BoxFault) -> Self {
        match fault {
            BoxFault::Foreign(_) => Self::Foreign,
            BoxFault::CutShort => Self::CutShort,
            BoxFault::Damaged(what) => Self::Damaged(what.to_owned()),
            BoxFault::Io(error) => Self::Io(error),
        }
    }
}

/// Measures a file; one over [`MAX_BYTES`] is refused unread.
///
/// # Errors
/// As [`measure`], and when the file is too big, cannot be read or is no regular file.
pub fn measure_file(path: &Path) -> Result<SoundFacts, SoundFault> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    known_ending(&ending)?;
    let (file, metadata) = open_regular(path)?;
    if metadata.len() > MAX_BYTES {
        return Err(SoundFault::TooBig(metadata.len()));
    }
    let mut bytes = Vec::new();
    // The file may grow meanwhile.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    measure(bytes, Some(&ending))
}

/// Measures a sound. Its content decides what it is; of the name's `extension` is asked only that
/// the API takes it, and where the content begins with foreign bytes it is the hint.
///
/// # Errors
/// When it is of no kind that the API takes, holds no sound or cannot be read.
pub fn measure(bytes: Vec<u8>, extension: Option<&str>) -> Result<SoundFacts, SoundFault> {
    let extension = extension.map(known_ending).transpose()?;
    let size = bytes.len() as u64;
    let kind = Kind::of(sound_part(&bytes), extension).ok_or(SoundFault::Foreign)?;
    let length_ms = match kind {
        Kind::M4a => measure_m4a(&bytes)?,
        Kind::Wav => wav::length_ms(&bytes)?,
        Kind::Mp3 => frames::length_ms(Stream::Mp3, sound_part(&bytes))?,
        Kind::Aac => frames::length_ms(Stream::Adts, sound_part(&bytes))?,
    };
    if length_ms == 0 {
        return Err(SoundFault::Empty);
    }
    Ok(SoundFacts { length_ms, bytes: size })
}

/// Holds a sound against the API's limits (API page, `sound_file`).
///
/// # Errors
/// The first limit it breaks, with what is and what is allowed.
pub fn check(facts: &SoundFacts) -> Result<(), SoundFault> {
    if facts.bytes > MAX_BYTES {
        return Err(SoundFault::TooBig(facts.bytes));
    }
    if !(SHORTEST_MS..=LONGEST_MS).contains(&facts.length_ms) {
        return Err(SoundFault::Length(facts.length_ms));
    }
    Ok(())
}

fn known_ending(ending: &str) -> Result<&'static str, SoundFault> {
    let known = ENDINGS.into_iter().find(|known| ending.eq_ignore_ascii_case(known));
    known.ok_or_else(|| SoundFault::Ending(format!(".{ending}")))
}

/// The kinds of sound that the API takes, by content.
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
fn sound_part(mut bytes: &[u8]) -> &[u8] {
    while let [b'I', b'D', b'3', _, _, _, a, b, c, d, rest @ ..] = bytes {
        let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | usize::from(**byte & 0x7f));
        bytes = rest.get(size..).unwrap_or_default();
    }
    bytes
}

/// By the boxes, for the library knows no edit lists: an encoder's delay would count as sound.
fn measure_m4a(bytes: &[u8]) -> Result<i64, SoundFault> {
    let movie = Movie::read(Cursor::new(bytes), bytes.len() as u64)?;
    let track = movie.track(b"soun").ok_or(SoundFault::Empty)?;
    movie.length_ms(track).ok_or(SoundFault::Empty)
}

#[cfg(test)]
mod tests;
