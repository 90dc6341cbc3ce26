//! Media files: the clips of the demo and of the tests, WAV files, and files with random but repeatable damage.

use std::{fs, path::PathBuf};

/// Audio files as people have them, with the least and the greatest right length in ms: with an encoder delay, there are two
/// right readings. Other readings are right within [`LENGTH_TOLERANCE_MS`]. ffmpeg decoded these lengths.
pub(crate) const REAL_AUDIO: [(&str, i64, i64); 10] = [
    ("joined-22050-48000.mp3", 7_080, 7_110),
    ("joined-48000-32000.mp3", 7_080, 7_090),
    ("joined-48000-16000.aac", 7_125, 7_125),
    ("tag-with-footer.mp3", 3_500, 3_560),
    ("text-before-first-frame.mp3", 3_564, 3_564),
    ("starts-inside-a-frame.mp3", 3_456, 3_456),
    ("rf64.wav", 2_250, 2_250),
    ("block-align-1.wav", 2_250, 2_250),
    ("skip-box-first.m4a", 3_500, 3_550),
    ("edit-list-starts-late.m4a", 2_750, 2_800),
];

pub(crate) const LENGTH_TOLERANCE_MS: i64 = 40;

/// The path of a clip of the demo or of the tests.
pub(crate) fn clip_path(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let fixture = root.join("tests/it/clips").join(name);
    if fixture.exists() { fixture } else { root.join("src/cli/demo/clips").join(name) }
}

/// The content of a clip.
pub(crate) fn clip(name: &str) -> Vec<u8> {
    fs::read(clip_path(name)).unwrap()
}

/// A WAV file: PCM with one channel.
pub(crate) fn wav(samples_per_second: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let data_bytes = data.len() as u32;
    let frame_bytes = bits / 8;
    let mut wav = Vec::with_capacity(44 + data.len());
    wav.extend(b"RIFF");
    wav.extend((36 + data_bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(samples_per_second.to_le_bytes());
    wav.extend((samples_per_second * u32::from(frame_bytes)).to_le_bytes());
    wav.extend(frame_bytes.to_le_bytes());
    wav.extend(bits.to_le_bytes());
    wav.extend(b"data");
    wav.extend(data_bytes.to_le_bytes());
    wav.extend(data);
    wav
}

/// Damages files, in the same way in each run.
pub(crate) struct Breaker(u64);

impl Breaker {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `limit` (xorshift64).
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// A copy with a few bytes changed, a size blown up, a part cut out, doubled or cut off.
    pub(crate) fn broken(&mut self, whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        for _ in 0..=self.below(4) {
            // The headers are at the beginning.
            let reach = if self.below(2) == 0 { bytes.len().min(1_024) } else { bytes.len() };
            let at = self.below(reach);
            let end = (at + self.below(64)).min(bytes.len());
            match self.below(6) {
                0 | 1 if at < bytes.len() => bytes[at] = self.below(256) as u8,
                2 => bytes[at..(at + 4).min(end).max(at)].fill(0xff),
                3 => bytes[at..end].fill(0),
                4 => bytes.truncate(at),
                _ => {
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
            }
        }
        bytes
    }
}
