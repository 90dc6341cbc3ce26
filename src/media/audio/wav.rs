//! Measures WAV files, also RF64 and BW64, by their chunks and the bytes that are there.
//!
//! Own code, because readers of WAV refuse deviations of real files: lists of an odd size without padding, wrong
//! block sizes, and the sizes that programs leave that write to a pipe.

use super::{
    error::AudioError,
    frames::{self, StreamLength},
    wav_format::{WavFormat, damaged},
};
use crate::media::incomplete::Incomplete;

/// A program that writes to a pipe leaves 0 or a size near 2 or 4 GiB, as large as no file is that the API accepts.
const PIPE_BYTES: u64 = 0x7fff_0000;

/// Some programs count the header of 8 bytes, or the padding of an odd chunk that they do not write.
const TOLERATED_BYTES: u64 = 8;

/// Whether a file begins as a WAV does.
pub(super) fn is_wav(bytes: &[u8]) -> bool {
    matches!(bytes.first_chunk::<4>(), Some(b"RIFF" | b"RF64" | b"BW64"))
        && bytes.get(8..12).is_none_or(|form| form == b"WAVE")
}

/// The chunks that matter.
#[derive(Default)]
struct Chunks<'a> {
    format: Option<&'a [u8]>,
    /// The audio as far as it is there, and where it should end.
    data: Option<(&'a [u8], Option<u64>)>,
    /// The sizes of the file and of its audio in `ds64`.
    wide: Option<[u64; 2]>,
}

/// Measures what begins with `RIFF` or a sister of it.
pub(super) fn measure(bytes: &[u8]) -> Result<StreamLength, AudioError> {
    let chunks = Chunks::read(bytes);
    let present = bytes.len() as u64;
    let riff_size = match chunks.wide {
        Some([riff, _]) => Some(riff),
        None => number(bytes, 4),
    };
    let riff_end = riff_size.filter(is_known).map(|size| size.saturating_add(8));
    let data_end = chunks.data.and_then(|(_, end)| end);
    if let Some(expected) = riff_end
        .filter(|end| *end > present + TOLERATED_BYTES)
        .into_iter()
        .chain(data_end.filter(|end| *end > present))
        .max()
    {
        return Err(AudioError::Incomplete(Incomplete::Bytes { present, expected }));
    }
    let unwritten = |part| AudioError::Incomplete(Incomplete::Part(part));
    let (data, _) = chunks.data.ok_or_else(|| match riff_end {
        Some(_) => AudioError::Empty,
        None => unwritten("`data` chunk"),
    })?;
    if data.is_empty() && data_end.is_none() {
        return Err(unwritten("audio behind its header"));
    }
    let format = chunks.format.ok_or_else(|| damaged("its `fmt ` chunk is missing"))?;
    match WavFormat::read(format)? {
        WavFormat::Mp3 => {
            let (stream, at) = frames::find_stream(data).ok_or(AudioError::Empty)?;
            frames::measure(stream, data, at)
        }
        WavFormat::Blocks(blocks) => {
            let bytes = data.len() as u64;
            // The program that writes to a pipe writes complete blocks.
            let ends_in_frame = data_end.is_none() && !blocks.are_complete(bytes);
            Ok(StreamLength { ms: blocks.length_ms(bytes), ends_in_frame })
        }
    }
}

impl<'a> Chunks<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut chunks = Self::default();
        let mut at = 12;
        while let Some((id, Some(size))) =
            bytes.get(at..at + 4).map(|id| (id, number(bytes, at + 4)))
        {
            let body_at = at + 8;
            let size = match (id, chunks.wide) {
                (b"data", Some([_, wide])) if size == u64::from(u32::MAX) => wide,
                _ => size,
            };
            let body = bytes.get(body_at..).unwrap_or_default();
            let there = usize::try_from(size).ok().and_then(|size| body.get(..size));
            match id {
                b"fmt " => chunks.format = Some(there.unwrap_or(body)),
                b"ds64" => {
                    chunks.wide = body.first_chunk().map(|sizes: &[u8; 16]| {
                        let (riff, data) = sizes.split_at(8);
                        [riff, data].map(|size| {
                            size.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
                        })
                    });
                }
                b"data" if !is_known(&size) => {
                    // Nobody knows where it ends: what is there is the audio.
                    chunks.data.get_or_insert((body, None));
                    break;
                }
                b"data" => {
                    let end = (body_at as u64).saturating_add(size);
                    chunks.data.get_or_insert((there.unwrap_or(body), Some(end)));
                }
                _ => {}
            }
            let Some(there) = there else { break };
            at = body_at + there.len() + padding(body, there.len());
        }
        chunks
    }
}

/// Chunks begin at even positions. Some programs do not write the padding.
fn padding(body: &[u8], size: usize) -> usize {
    let next = body.get(size..).unwrap_or_default();
    let is_next = [b"data", b"fmt ", b"fact", b"LIST"].iter().any(|id| next.starts_with(*id));
    if is_next { 0 } else { size % 2 }
}

fn is_known(size: &u64) -> bool {
    (1..PIPE_BYTES).contains(size)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let number = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*number).into())
}
