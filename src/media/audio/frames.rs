//! Finds and counts the frames of MP3 and ADTS streams. Decodes nothing.
//!
//! Own code, because no crate counts each frame at its own sample rate: joined clips have several.

use super::{
    adts,
    error::AudioError,
    frame::Frame,
    mpeg::{self, StreamHeader},
    tags::{leading_tags_bytes, tag_bytes},
};
use crate::media::incomplete::Incomplete;

/// How far behind the tags the first frame may begin: behind padding, text, or the rest of a cut frame.
const SEARCH_BYTES: usize = 64 << 10;

/// So many frames in a row are no coincidence.
const AGREEING: usize = 3;

/// A multiple of all sample rates, so that nothing is rounded while frames of several rates are added.
const TICKS_PER_SECOND: u64 = 28_224_000;

/// So many zeros at the end are space that is reserved and not filled yet; so are as many as a frame has.
pub(super) const ZERO_TAIL_BYTES: usize = 4_096;

/// Returns how many zeros are at the end.
pub(super) fn zeros_at_end(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| **byte == 0).count()
}

/// The format of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Mp3,
    Adts,
}

/// The length of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamLength {
    pub(super) ms: i64,
    /// Whether the last frame is cut off.
    pub(super) ends_in_frame: bool,
}

/// Finds the first frame: after tags, and after some KB of anything else.
pub(super) fn find_stream(bytes: &[u8]) -> Option<(Stream, usize)> {
    let from = leading_tags_bytes(bytes);
    let until = from.saturating_add(SEARCH_BYTES);
    let first = |stream: Stream| Some((stream, stream.find(bytes, from, until)?));
    let found = [first(Stream::Mp3), first(Stream::Adts)].into_iter().flatten();
    found.min_by_key(|(_, at)| *at)
}

/// Whether these bytes begin with a frame, and are too few to find a stream.
pub(super) fn is_start(bytes: &[u8]) -> bool {
    let mut frames = [Stream::Mp3, Stream::Adts].into_iter().filter_map(|it| it.frame(bytes));
    frames.any(|frame| frame.bytes * AGREEING > bytes.len())
}

/// Measures a stream whose first frame begins at `first_at`.
///
/// # Errors
/// [`AudioError::Incomplete`] if the first frame says that there is more, or only zeros follow.
pub(super) fn measure(
    stream: Stream,
    bytes: &[u8],
    first_at: usize,
) -> Result<StreamLength, AudioError> {
    let mut count = Count::default();
    let end = count.read(stream, bytes, first_at);
    if let Some(what) = count.missing(end, bytes.len(), first_at) {
        return Err(AudioError::Incomplete(what));
    }
    let ticks = count.ticks.saturating_sub(count.padding_ticks());
    let ms = ticks / (TICKS_PER_SECOND / 1_000);
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Ok(StreamLength { ms, ends_in_frame: end == StreamEnd::InFrame })
}

impl Stream {
    fn frame(self, bytes: &[u8]) -> Option<Frame> {
        match self {
            Self::Mp3 => mpeg::frame(bytes),
            Self::Adts => adts::frame(bytes),
        }
    }

    /// Returns the first position from `from` to `until` where frames begin.
    fn find(self, bytes: &[u8], from: usize, until: usize) -> Option<usize> {
        let until = until.min(bytes.len());
        (from..until).find(|at| bytes[*at] == 0xff && self.begins(bytes, *at))
    }

    /// Whether frames of one kind begin at `at`: some in a row, or all to the end.
    fn begins(self, bytes: &[u8], at: usize) -> bool {
        let Some(first) = bytes.get(at..).and_then(|rest| self.frame(rest)) else { return false };
        let mut next = at + first.bytes;
        for frames in 1..AGREEING {
            let rest = bytes.get(next..).unwrap_or_default();
            match self.frame(rest) {
                Some(frame) if frame.kind == first.kind => next += frame.bytes,
                Some(_) => return false,
                // One frame may end exactly there. One that is cut off must follow another.
                None => {
                    return next == bytes.len()
                        || next > bytes.len() && frames > 1
                        || tag_bytes(rest).is_some();
                }
            }
        }
        true
    }
}

/// How the frames end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamEnd {
    /// With the file, or with tags and other bytes behind them.
    Complete,
    InFrame,
    Zeros,
}

/// The frames of a stream.
#[derive(Debug, Default)]
struct Count {
    header: Option<StreamHeader>,
    frames: u64,
    ticks: u64,
    last: Option<Frame>,
    is_of_one_kind: bool,
}

impl Count {
    /// Counts the frames from `first_at` on.
    fn read(&mut self, stream: Stream, bytes: &[u8], first_at: usize) -> StreamEnd {
        let mut at = first_at;
        self.is_of_one_kind = true;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let frame = stream.frame(rest).filter(|frame| {
                // The same kind, or the begin of another clip.
                self.last.is_none_or(|last| last.kind == frame.kind) || stream.begins(bytes, at)
            });
            match (frame, tag_bytes(rest)) {
                (Some(frame), _) if frame.bytes > rest.len() => return StreamEnd::InFrame,
                (Some(frame), _) => {
                    self.add(stream, frame, &rest[..frame.bytes], at == first_at);
                    at += frame.bytes;
                }
                (None, Some(size)) if size > rest.len() => return StreamEnd::InFrame,
                (None, Some(size)) => at += size,
                (None, None) => match self.end(rest) {
                    Some(end) => return end,
                    None => match stream.find(bytes, at + 1, bytes.len()) {
                        Some(next) => at = next,
                        None => return self.end_of_rest(rest),
                    },
                },
            }
        }
    }

    fn add(&mut self, stream: Stream, frame: Frame, bytes: &[u8], is_first: bool) {
        self.is_of_one_kind &= self.last.is_none_or(|last| last.kind == frame.kind);
        self.last = Some(frame);
        let header = if stream == Stream::Mp3 { mpeg::stream_header(bytes) } else { None };
        if header.is_some() {
            // Joined clips have several. Only the first can be about all of them.
            self.header = if is_first { header } else { self.header };
            return;
        }
        self.frames += 1;
        self.ticks += u64::from(frame.samples) * (TICKS_PER_SECOND / u64::from(frame.rate));
    }

    /// Returns how the stream ends, if nothing but a rest follows the frames.
    fn end(&self, rest: &[u8]) -> Option<StreamEnd> {
        match rest {
            [] => Some(StreamEnd::Complete),
            [0xff, _, _, _, _, _, _, ..] => None,
            // Too few bytes for a header.
            [0xff, ..] => Some(StreamEnd::InFrame),
            _ if rest.iter().any(|byte| *byte != 0) => None,
            _ => Some(self.end_of_rest(rest)),
        }
    }

    /// Returns how the stream ends, if no frame is in the rest.
    fn end_of_rest(&self, rest: &[u8]) -> StreamEnd {
        let frame_bytes = self.last.map_or(ZERO_TAIL_BYTES, |last| last.bytes);
        // The zeros may begin inside of a frame, also of the first one of another clip.
        let enough = match rest {
            [0 | 0xff, ..] => ZERO_TAIL_BYTES.min(frame_bytes),
            _ => ZERO_TAIL_BYTES,
        };
        if zeros_at_end(rest) >= enough { StreamEnd::Zeros } else { StreamEnd::Complete }
    }

    /// Returns what is missing by the header in the first frame, or by zeros at the end.
    fn missing(&self, end: StreamEnd, len: usize, first_at: usize) -> Option<Incomplete> {
        let (present, begin) = (len as u64, first_at as u64);
        let header = self.header.unwrap_or_default();
        let behind = header.bytes.map(|bytes| begin + bytes).filter(|end| *end > present);
        let is_short = match (header.bytes, header.frames) {
            // A damaged file is complete, although fewer frames are found in as many bytes.
            (Some(_), Some(frames)) => behind.is_some() && frames > self.frames,
            (Some(_), None) => behind.is_some(),
            // Some encoders count the frame of the header.
            (None, Some(frames)) => frames > self.frames + u64::from(end == StreamEnd::Complete),
            (None, None) => false,
        };
        match (is_short, behind, header.frames) {
            (true, Some(expected), _) => Some(Incomplete::Bytes { present, expected }),
            (true, None, Some(expected)) => {
                Some(Incomplete::Frames { present: self.frames, expected })
            }
            _ => (end == StreamEnd::Zeros).then_some(Incomplete::Zeros),
        }
    }

    /// Returns the encoder's padding, if the header is about exactly these frames. The header of a joined file is
    /// about its first clip.
    fn padding_ticks(&self) -> u64 {
        let Some(StreamHeader { frames: Some(frames), padding: Some(samples), .. }) = self.header
        else {
            return 0;
        };
        let rate = self.last.filter(|_| self.is_of_one_kind && frames.abs_diff(self.frames) <= 1);
        rate.map_or(0, |frame| samples * (TICKS_PER_SECOND / u64::from(frame.rate)))
    }
}
