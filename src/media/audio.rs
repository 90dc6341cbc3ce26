//! Measures length and size of an audio file, and checks them against the API's limits.
//!
//! Owns the API page's limits of `sound_file`. Counts packets instead of trusting headers; decodes nothing.

use std::{
    io::{Cursor, Read},
    path::Path,
};

pub use error::AudioError;
use frames::{StreamLength, ZERO_TAIL_BYTES};

use super::{
    boxes::{has_boxes, movie::Movie},
    content::guess,
    incomplete::Incomplete,
    open::open_regular,
};
use crate::job::timing::{LONGEST_MS, SHORTEST_MS};

mod adts;
mod error;
mod frame;
mod frames;
mod mpeg;
mod tags;
mod wav;
mod wav_format;

/// "Max 5MB". Read as decimal megabytes, the stricter of the two readings.
pub const MAX_BYTES: u64 = 5_000_000;

/// What an encoder adds to 60 s of speech: up to two frames, which no header distinguishes from the speech. It is never
/// used: `sound_end_time` is at most [`LONGEST_MS`] after the start.
const PADDING_MS: i64 = 150;

/// No format has a header that is smaller.
const SMALLEST_FILE: usize = 12;

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
    /// Whether the last frame of a stream is cut off. It is still being written, or a recording that ends anywhere.
    pub ends_in_frame: bool,
}

/// Measures an audio file. A file over [`MAX_BYTES`] is refused unread.
pub fn measure_file(path: &Path) -> Result<AudioFacts, AudioError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    check_ending(&ending)?;
    let (file, metadata) = open_regular(path)?;
    if metadata.len() > MAX_BYTES {
        return Err(AudioError::TooBig(metadata.len()));
    }
    let mut bytes = Vec::new();
    // The file may have grown since.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    measure(&bytes)
}

/// Measures audio. The content decides the format.
///
/// # Errors
/// [`AudioError::Incomplete`] if its own format says that there is more; [`AudioError::Foreign`] for other content.
pub fn measure(bytes: &[u8]) -> Result<AudioFacts, AudioError> {
    let length = measure_content(bytes)?;
    if length.ms == 0 {
        return Err(AudioError::Empty);
    }
    let StreamLength { ms, ends_in_frame } = length;
    Ok(AudioFacts { length_ms: ms, bytes: bytes.len() as u64, ends_in_frame })
}

fn measure_content(bytes: &[u8]) -> Result<StreamLength, AudioError> {
    if has_boxes(bytes) {
        return Ok(StreamLength { ms: measure_m4a(bytes)?, ends_in_frame: false });
    }
    let present = bytes.len() as u64;
    if bytes.len() < SMALLEST_FILE {
        return Err(AudioError::Incomplete(Incomplete::Tiny(present)));
    }
    let tags = tags::leading_tags_bytes(bytes);
    let behind_tags = bytes.get(tags..).unwrap_or_default();
    if wav::is_wav(behind_tags) {
        return wav::measure(behind_tags);
    }
    if tags > 0 && behind_tags.len() < SMALLEST_FILE {
        let expected = tags as u64;
        return Err(AudioError::Incomplete(match expected > present {
            true => Incomplete::Bytes { present, expected },
            false => Incomplete::Part("audio behind its tags"),
        }));
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(AudioError::Incomplete(Incomplete::Zeros));
    }
    match frames::find_stream(bytes) {
        Some((stream, at)) => frames::measure(stream, bytes, at),
        None if frames::is_start(behind_tags) => Err(AudioError::Incomplete(Incomplete::LastFrame)),
        None if is_begun(behind_tags) => Err(AudioError::Incomplete(Incomplete::Zeros)),
        None => Err(AudioError::Foreign(guess(behind_tags.get(..512).unwrap_or(behind_tags)))),
    }
}

/// Whether only tags, or less than three frames, are written so far, and zeros follow.
fn is_begun(behind_tags: &[u8]) -> bool {
    let zeros = frames::zeros_at_end(behind_tags);
    let enough = ZERO_TAIL_BYTES.min(behind_tags.len() / 2);
    zeros == behind_tags.len() || behind_tags.starts_with(b"\xff") && zeros >= enough
}

/// Checks an audio file against the API's limits (API page, `sound_file`).
pub fn check(facts: &AudioFacts) -> Result<(), AudioError> {
    if facts.bytes > MAX_BYTES {
        return Err(AudioError::TooBig(facts.bytes));
    }
    if facts.length_ms < SHORTEST_MS && facts.ends_in_frame {
        return Err(AudioError::Incomplete(Incomplete::LastFrame));
    }
    if !(SHORTEST_MS..=LONGEST_MS + PADDING_MS).contains(&facts.length_ms) {
        return Err(AudioError::Length(facts.length_ms));
    }
    Ok(())
}

fn check_ending(ending: &str) -> Result<(), AudioError> {
    match ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
        true => Ok(()),
        false => Err(AudioError::Ending(format!(".{ending}"))),
    }
}

/// Reads the boxes with their edit list: without it, the encoder's delay would count as audio.
fn measure_m4a(bytes: &[u8]) -> Result<i64, AudioError> {
    let movie = Movie::read(Cursor::new(bytes), bytes.len() as u64)?;
    if let Some(what) = movie.unwritten() {
        return Err(AudioError::Incomplete(what));
    }
    let track = movie.audio().ok_or(AudioError::Empty)?;
    // A delay before the audio is not part of it: decoders do not fill it with silence.
    movie.shown_ms(track).ok_or(AudioError::Empty)
}

#[cfg(test)]
mod tests;
