//! How a WAV packs its samples, from the `fmt ` chunk.

use super::error::AudioError;

/// What the `fmt ` chunk says.
pub(super) enum WavFormat {
    Blocks(Blocks),
    /// Frames of MP3, which must be counted.
    Mp3,
}

/// Samples in blocks of one size.
pub(super) struct Blocks {
    block_bytes: u64,
    block_samples: u64,
    samples_per_second: u64,
}

/// The fields that all `fmt ` chunks have.
struct FormatFields {
    tag: u16,
    channels: u64,
    samples_per_second: u64,
    bytes_per_second: u64,
    align: u64,
    bits: u64,
}

impl WavFormat {
    pub(super) fn read(chunk: &[u8]) -> Result<Self, AudioError> {
        let fields =
            FormatFields::read(chunk).ok_or_else(|| damaged("its `fmt ` chunk is too small"))?;
        if fields.tag == 0x55 {
            return Ok(Self::Mp3);
        }
        let (block_bytes, block_samples) = fields.block();
        let samples_per_second = fields.samples_per_second;
        if block_bytes == 0 || samples_per_second == 0 {
            return Err(damaged("its `fmt ` chunk says that a second has no bytes"));
        }
        Ok(Self::Blocks(Blocks { block_bytes, block_samples, samples_per_second }))
    }
}

impl FormatFields {
    fn read(chunk: &[u8]) -> Option<Self> {
        let fields = chunk.first_chunk::<14>()?;
        let short = |at: usize| u16::from_le_bytes([fields[at], fields[at + 1]]);
        let long = |at: usize| u64::from(short(at)) | u64::from(short(at + 2)) << 16;
        let bits = chunk.get(14..16).map_or(0, |bits| u64::from(bits[0]) | u64::from(bits[1]) << 8);
        let mut tag = short(0);
        // Extensible: the tag is the begin of the sub-format.
        if let (0xfffe, Some([low, high])) = (tag, chunk.get(24..26)) {
            tag = u16::from_le_bytes([*low, *high]);
        }
        Some(Self {
            tag,
            channels: short(2).into(),
            samples_per_second: long(4),
            bytes_per_second: long(8),
            align: short(12).into(),
            bits,
        })
    }

    /// Returns the bytes and samples of a block.
    fn block(&self) -> (u64, u64) {
        let Self { channels, align, bits, .. } = *self;
        match self.tag {
            // PCM, float, A-law, µ-law: channels and bits decide, because some programs write a wrong block size.
            1 | 3 | 6 | 7 | 0xfffe => match channels * bits.div_ceil(8) {
                0 => (align, 1),
                frame => (frame, 1),
            },
            // ADPCM by Microsoft: each block begins with 7 bytes per channel, which hold two samples.
            2 if channels > 0 && align > 7 * channels => {
                (align, (align - 7 * channels) * 2 / channels + 2)
            }
            // ADPCM by the IMA: 4 bytes per channel, which hold one sample.
            0x11 if channels > 0 && align > 4 * channels => {
                let bits = if bits == 0 { 4 } else { bits };
                (align, (align - 4 * channels) * 8 / (bits * channels) + 1)
            }
            // ADPCM by Yamaha: two samples in each byte.
            0x20 => (channels, 2),
            // Others say only how many bytes a second has.
            _ => (self.bytes_per_second, self.samples_per_second),
        }
    }
}

impl Blocks {
    /// Whether this many bytes are complete blocks.
    pub(super) fn are_complete(&self, bytes: u64) -> bool {
        // A format that says only how many bytes a second has does not say how large a block is.
        self.block_samples == self.samples_per_second || bytes.is_multiple_of(self.block_bytes)
    }

    /// Returns the length of this many bytes, rounded down. A block that is cut off counts in part.
    pub(super) fn length_ms(&self, bytes: u64) -> i64 {
        let samples =
            u128::from(bytes) * u128::from(self.block_samples) / u128::from(self.block_bytes);
        i64::try_from(samples * 1000 / u128::from(self.samples_per_second)).unwrap_or(i64::MAX)
    }
}

pub(super) fn damaged(what: &str) -> AudioError {
    AudioError::Damaged(what.to_owned())
}
