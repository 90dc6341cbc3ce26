//! Measures WAV files by their chunks and the bytes that are there.
//!
//! Own code, because symphonia 0.6 refuses deviations of real files: lists of an odd size, and sizes of 0 or the
//! maximum, which programs leave that write to a pipe.

use super::error::AudioError;

/// How samples are packed, from the `fmt ` chunk.
struct Format {
    block_bytes: u64,
    block_samples: u64,
    samples_per_second: u64,
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, AudioError> {
        let fields = chunk.first_chunk::<14>();
        let fields = fields.ok_or_else(|| damaged("its `fmt ` chunk is too small"))?;
        let [t0, t1, _, _, r0, r1, r2, r3, b0, b1, b2, b3, a0, a1] = *fields;
        let samples_per_second = u64::from(u32::from_le_bytes([r0, r1, r2, r3]));
        let align = u64::from(u16::from_le_bytes([a0, a1]));
        let (block_bytes, block_samples) = match (u16::from_le_bytes([t0, t1]), chunk.get(18..20)) {
            // PCM, float, A-law, µ-law, extensible.
            (1 | 3 | 6 | 7 | 0xfffe, _) => (align, 1),
            // Microsoft's and IMA's ADPCM say how many samples a block holds.
            (2 | 0x11, Some(samples)) => {
                (align, u64::from(samples[0]) | u64::from(samples[1]) << 8)
            }
            // Others (MP3 in WAV) only how many bytes a second has.
            _ => (u64::from(u32::from_le_bytes([b0, b1, b2, b3])), samples_per_second),
        };
        match block_bytes * samples_per_second {
            0 => Err(damaged("its `fmt ` chunk says that a second has no bytes")),
            _ => Ok(Self { block_bytes, block_samples, samples_per_second }),
        }
    }

    /// Returns the length of this many bytes. A block that is cut off counts in part.
    fn length_ms(&self, bytes: u64) -> i64 {
        let samples =
            u128::from(bytes) * u128::from(self.block_samples) / u128::from(self.block_bytes);
        i64::try_from(samples * 1000 / u128::from(self.samples_per_second)).unwrap_or(i64::MAX)
    }
}

/// Reads the length of what begins with `RIFF`, a size and `WAVE`.
pub(super) fn length_ms(bytes: &[u8]) -> Result<i64, AudioError> {
    let mut format = None;
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let [i0, i1, i2, i3, s0, s1, s2, s3, body @ ..] = rest {
        let size = u32::from_le_bytes([*s0, *s1, *s2, *s3]) as usize;
        let content = body.get(..size).unwrap_or(body);
        match &[*i0, *i1, *i2, *i3] {
            b"fmt " => format = Some(Format::read(content)?),
            b"data" => {
                let format = format.ok_or_else(|| damaged("its `fmt ` chunk is missing"))?;
                // Size 0: the writer could not go back to fill it in.
                let there = if size == 0 { body.len() } else { content.len() } as u64;
                return Ok(format.length_ms(there));
            }
            _ => {}
        }
        // Chunks begin at even positions.
        rest = body.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    Err(AudioError::Empty)
}

fn damaged(what: &str) -> AudioError {
    AudioError::Damaged(what.to_owned())
}
