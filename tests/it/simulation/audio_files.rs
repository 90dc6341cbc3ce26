//! The audio files of a simulation: a few short WAV clips, complete or half written.

use lipsyncd::sim::{ReadMedia, SimAudioFacts, SimVideoFacts};

use crate::testing::media::wav;

/// How long each clip is. Half of one is shorter than the API allows.
pub const LENGTHS_MS: [i64; 3] = [3_200, 3_500, 3_800];

/// The bytes of one clip: 1,000 samples a second, a byte each.
pub fn clip(number: usize) -> Vec<u8> {
    let samples = LENGTHS_MS[number].unsigned_abs() as u32;
    let data: Vec<u8> = (0..samples).map(|sample| (sample * (number as u32 + 1)) as u8).collect();
    wav(1_000, 8, &data)
}

/// The bytes of a clip that is still being written.
pub fn half(number: usize) -> Vec<u8> {
    let mut bytes = clip(number);
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// Which clip these bytes are; none: no complete one.
pub fn number_of(bytes: &[u8]) -> Option<usize> {
    (0..LENGTHS_MS.len()).find(|number| clip(*number) == bytes)
}

/// What the API finds of media: only the clips are audio files.
#[derive(Debug, Clone, Copy)]
pub struct Clips;

impl ReadMedia for Clips {
    fn video(&self, _path: &str) -> Option<SimVideoFacts> {
        None
    }

    fn sound_file(&self, _path: &str) -> Option<SimAudioFacts> {
        None
    }

    fn audio(&self, bytes: &[u8]) -> Option<SimAudioFacts> {
        let length_ms = LENGTHS_MS[number_of(bytes)?];
        Some(SimAudioFacts { length_ms, bytes: bytes.len() as u64 })
    }
}
