//! The length of MP3 and ADTS streams: frames in a row, which must be counted.
//!
//! Owns the use of symphonia, whose readers find the frames among tags and padding. Nothing is decoded.

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

use super::AudioError;

/// What the frames are of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Mp3,
    Adts,
}

/// Counts the frames. Broken files have made symphonia panic: that too is a fault of the file.
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
    let heard = u128::from(frames.heard(track));
    let ms = heard * 1000 * u128::from(base.numer.get()) / u128::from(base.denom.get());
    Ok(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// How many audio frames the packets of a file hold.
struct Frames {
    all: u64,
    in_last_packet: u64,
}

impl Frames {
    /// Without what the encoder put before and behind, where the header tells it of just these
    /// packets; a header that tells of fewer or more (joined files, a cut one) is not believed.
    fn heard(&self, track: &Track) -> u64 {
        let padding = u64::from(track.delay.unwrap_or(0)) + u64::from(track.padding.unwrap_or(0));
        let told = track.num_frames.unwrap_or(0).saturating_add(padding);
        if padding > 0 && told.abs_diff(self.all) <= self.in_last_packet {
            return self.all.saturating_sub(padding);
        }
        self.all
    }
}

/// Reads packets to the end. Each takes a byte at least, so that no file goes on for ever.
///
/// Told by the packets' places, not by the durations in them: those of symphonia 0.6 count what is
/// behind an estimated end twice.
fn count_frames(reader: &mut dyn FormatReader, bytes: usize) -> Result<Frames, AudioError> {
    let mut frames = Frames { all: 0, in_last_packet: 0 };
    let mut places = None;
    for _ in 0..bytes {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // The last packet is cut off: all before it was there.
            Err(SymphoniaError::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let at = packet.pts.get();
        let (first_at, last_at) = places.unwrap_or((at, at));
        frames.in_last_packet = match at.abs_diff(last_at) {
            0 => packet.dur.get(),
            step => step,
        };
        frames.all = at.abs_diff(first_at).saturating_add(frames.in_last_packet);
        places = Some((first_at, at));
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
