//! Measures length and size of an audio file, and checks them against the API's limits.
//!
//! Owns the API page's limits of `sound_file`. Counts packets instead of trusting headers; decodes nothing.

use std::{
    io::{Cursor, Read},
    path::Path,
};

pub use error::AudioError;
use frames::Stream;

use super::{boxes::movie::Movie, open::open_regular};
use crate::job::timing::{LONGEST_MS, SHORTEST_MS};

mod error;
mod frames;
mod wav;

/// "Max 5MB". Read as decimal megabytes, the stricter of the two readings.
pub const MAX_BYTES: u64 = 5_000_000;

/// "Accepted formats: .mp3/.wav/.m4a/.aac".
const ENDINGS: [&str; 4] = ["mp3", "wav", "m4a", "aac"];

/// Length and size of an audio file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFacts {
    /// Rounded down. Exact for WAV, for M4A with its edit list, and for MP3 with a LAME header. Otherwise it includes
    /// the encoder's padding, some 50 to 150 ms.
    pub length_ms: i64,
    /// The size of the file.
    pub bytes: u64,
    /// Whether it is MP3 or ADTS whose last frame is cut off. It is still being written, or a recording of a stream.
    pub ends_in_frame: bool,
}

/// Measures an audio file. A file over [`MAX_BYTES`] is refused unread.
pub fn measure_file(path: &Path) -> Result<AudioFacts, AudioError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    known_ending(&ending)?;
    let (file, metadata) = open_regular(path)?;
    if metadata.len() > MAX_BYTES {
        return Err(AudioError::TooBig(metadata.len()));
    }
    let mut bytes = Vec::new();
    // The file may have grown since.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    measure(bytes, Some(&ending))
}

/// Measures audio. The content decides the format. The `extension` of the name must be one that the API accepts, and
/// is a hint where the content begins with padding.
pub fn measure(bytes: Vec<u8>, extension: Option<&str>) -> Result<AudioFacts, AudioError> {
    let extension = extension.map(known_ending).transpose()?;
    let size = bytes.len() as u64;
    let format = AudioFormat::of(audio_part(&bytes), extension).ok_or(AudioError::Foreign)?;
    let length_ms = match format {
        AudioFormat::M4a => measure_m4a(&bytes)?,
        AudioFormat::Wav => wav::length_ms(&bytes)?,
        AudioFormat::Mp3 => frames::length_ms(Stream::Mp3, audio_part(&bytes))?,
        AudioFormat::Aac => frames::length_ms(Stream::Adts, audio_part(&bytes))?,
    };
    if length_ms == 0 {
        return Err(AudioError::Empty);
    }
    Ok(AudioFacts { length_ms, bytes: size, ends_in_frame: false })
}

/// Checks an audio file against the API's limits (API page, `sound_file`).
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

/// The formats that the API accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AudioFormat {
    Mp3,
    Wav,
    M4a,
    Aac,
}

impl AudioFormat {
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

/// Skips ID3v2 tags. Each has a header of 10 bytes, whose last four have seven bits each of the size that follows.
fn audio_part(mut bytes: &[u8]) -> &[u8] {
    while let [b'I', b'D', b'3', _, _, _, a, b, c, d, rest @ ..] = bytes {
        let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | usize::from(**byte & 0x7f));
        bytes = rest.get(size..).unwrap_or_default();
    }
    bytes
}

/// Reads the boxes, because symphonia ignores edit lists: the encoder's delay would count as audio.
fn measure_m4a(bytes: &[u8]) -> Result<i64, AudioError> {
    let movie = Movie::read(Cursor::new(bytes), bytes.len() as u64)?;
    if let Some(what) = movie.unwritten() {
        return Err(AudioError::Incomplete(what));
    }
    let track = movie.sound().ok_or(AudioError::Empty)?;
    // A delay before the sound is not part of it: decoders do not fill it with silence.
    movie.shown_ms(track).ok_or(AudioError::Empty)
}

#[cfg(test)]
mod tests;
