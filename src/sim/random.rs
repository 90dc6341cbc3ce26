//! Pseudo-random numbers: a stream of numbers from a seed, and stable numbers from a text.
//!
//! The same seed and the same calls in the same order give the same simulator, on every machine.

use sha2::{Digest, Sha256};

/// A stream of numbers (SplitMix64) from a seed.
#[derive(Debug, Clone)]
pub(super) struct SeededRandom(u64);

impl SeededRandom {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of `low..=high`; `low` where the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let drawn = self.next();
        if high <= low {
            return low;
        }
        let width = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(drawn % width)
    }

    /// A number of `0.0..1.0`.
    pub(super) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A number that stays the same for the same text.
pub(super) fn number_of(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(0, |all, byte| (all << 8) | u64::from(*byte))
}

/// The SHA-256 of some bytes in lower-case hexadecimal.
pub(super) fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut chance = SeededRandom::new(seed);
            (0..50).map(|_| chance.between(10, 19)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|n| (10..=19).contains(n)));
        assert_eq!(SeededRandom::new(1).between(5, 5), 5);
        assert!((0.0..1.0).contains(&SeededRandom::new(3).share()));
    }
}
