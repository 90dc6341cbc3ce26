//! Shared by the tests of this module: clips, and files with random but repeatable damage.

use std::{fs, path::PathBuf};

/// The path of a clip of the demo or of the tests.
pub(super) fn clip(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let fixture = root.join("tests/it/clips").join(name);
    if fixture.exists() { fixture } else { root.join("src/cli/demo/clips").join(name) }
}

/// The content of a clip.
pub(super) fn content(name: &str) -> Vec<u8> {
    fs::read(clip(name)).unwrap()
}

/// Damages files, in the same way in each run.
pub(super) struct Breaker(u64);

impl Breaker {
    pub(super) fn new() -> Self {
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
    pub(super) fn broken(&mut self, whole: &[u8]) -> Vec<u8> {
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
