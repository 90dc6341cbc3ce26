//! Measures MP3 and ADTS streams by counting their frames.
//!
//! Only this file uses symphonia, which finds the frames among tags and padding. Decodes nothing.

use std::{
    io::{self, Cursor},
    panic::{AssertUnwindSafe, catch_unwind},
};

use symphonia::{
    core::{
        errors::Error as SymphoniaError,
        formats::{FormatOptions, FormatReader, Track},
        io::MediaSourceStream,
    },
    default::formats::{AdtsReader, MpaReader},
};

use super::error::AudioError;

/// The format of the frames.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Mp3,
    Adts,
}

/// Counts the frames. symphonia has panicked on damaged files: a panic counts as damage.
pub(super) fn length_ms(stream: Stream, bytes: &[u8]) -> Result<i64, AudioError> {
    catch_unwind(AssertUnwindSafe(|| count(stream, bytes)))
        .map_err(|_| AudioError::Damaged("its parts contradict each other".to_owned()))?
}

fn count(stream: Stream, bytes: &[u8]) -> Result<i64, AudioError> {
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let options = FormatOptions::default();
    let mut reader: Box<dyn FormatReader> = match stream {
        Stream::Adts => Box::new(AdtsReader::try_new(source, options)?),
        Stream::Mp3 => Box::new(MpaReader::try_new(source, options)?),
    };
    let frames = count_frames(reader.as_mut(), bytes.len())?;
    let track = reader.tracks().first().ok_or(AudioError::Empty)?;
    let base = track.time_base.ok_or(AudioError::Empty)?;
    let frames = u128::from(frames.without_padding(track));
    let ms = frames * 1000 * u128::from(base.numer.get()) / u128::from(base.denom.get());
    Ok(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// The audio frames in the packets of a file.
struct Frames {
    all: u64,
    in_last_packet: u64,
}

impl Frames {
    /// Subtracts the encoder's padding, if the header gives it for exactly these packets. A header that is about
    /// fewer or more packets (joined or cut files) is ignored.
    fn without_padding(&self, track: &Track) -> u64 {
        let padding = u64::from(track.delay.unwrap_or(0)) + u64::from(track.padding.unwrap_or(0));
        let declared = track.num_frames.unwrap_or(0).saturating_add(padding);
        if padding > 0 && declared.abs_diff(self.all) <= self.in_last_packet {
            return self.all.saturating_sub(padding);
        }
        self.all
    }
}

/// Reads packets to the end. Each has at least one byte, so there are at most as many packets as bytes.
///
/// Uses the positions of the packets, not their durations: symphonia 0.6 counts packets behind an estimated end
/// twice.
fn count_frames(reader: &mut dyn FormatReader, bytes: usize) -> Result<Frames, AudioError> {
    let mut frames = Frames { all: 0, in_last_packet: 0 };
    let mut positions = None;
    for _ in 0..bytes {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // The last packet is cut off. All packets before it were complete.
            Err(SymphoniaError::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let at = packet.pts.get();
        let (first_at, last_at) = positions.unwrap_or((at, at));
        frames.in_last_packet = match at.abs_diff(last_at) {
            0 => packet.dur.get(),
            step => step,
        };
        frames.all = at.abs_diff(first_at).saturating_add(frames.in_last_packet);
        positions = Some((first_at, at));
    }
    Ok(frames)
}

impl From<SymphoniaError> for AudioError {
    fn from(error: SymphoniaError) -> Self {
        match error {
            SymphoniaError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Self::Io(error)
            }
            SymphoniaError::IoError(_) => Self::Empty,
            other => Self::Damaged(other.to_string()),
        }
    }
}
