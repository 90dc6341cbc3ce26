//! When to look at the tasks again: by how long tasks have been taking.
//!
//! Seldom while none can be ready, at the shortest interval when some are due.

use std::collections::VecDeque;

/// So many of the latest tasks are remembered.
const REMEMBERED: usize = 64;

/// How long tasks have been taking, and what follows for the next look.
#[derive(Debug)]
pub(super) struct Cadence {
    min_ms: i64,
    max_ms: i64,
    took_ms: VecDeque<i64>,
}

impl Cadence {
    pub(super) fn new(min_ms: i64, max_ms: i64) -> Self {
        let min_ms = min_ms.max(1);
        Self { min_ms, max_ms: max_ms.max(min_ms), took_ms: VecDeque::new() }
    }

    /// A task was seen to have ended `took_ms` after its create.
    pub(super) fn remember(&mut self, took_ms: i64) {
        self.took_ms.push_back(took_ms.max(0));
        if self.took_ms.len() > REMEMBERED {
            self.took_ms.pop_front();
        }
    }

    /// How long a task takes, typically; none before the first has ended.
    pub(super) fn median_ms(&self) -> Option<i64> {
        self.quantile(1, 2)
    }

    /// How long to wait until the next look, given how long ago each followed task was created.
    pub(super) fn wait_ms(&self, ages_ms: impl Iterator<Item = i64>) -> i64 {
        let earliest_ms = self.quantile(1, 10).map(|ms| ms * 9 / 10);
        let wait_ms = ages_ms.map(|age_ms| match earliest_ms {
            Some(earliest_ms) if age_ms < earliest_ms => earliest_ms - age_ms,
            Some(_) => self.min_ms,
            // Nothing is known: look more seldom the longer it takes.
            None => age_ms / 8,
        });
        wait_ms.min().unwrap_or(self.max_ms).clamp(self.min_ms, self.max_ms)
    }

    fn quantile(&self, numerator: usize, denominator: usize) -> Option<i64> {
        let mut sorted: Vec<i64> = self.took_ms.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) * numerator / denominator).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_what_is_known_to_take_long() {
        let mut cadence = Cadence::new(2_000, 30_000);
        (0..10).for_each(|n| cadence.remember(180_000 + n * 1_000));
        assert_eq!(cadence.wait_ms([1_000, 2_000].into_iter()), 30_000);
        assert_eq!(cadence.wait_ms([150_000].into_iter()), 12_000);
        assert_eq!(cadence.wait_ms([1_000, 185_000].into_iter()), 2_000);
        assert_eq!(cadence.median_ms(), Some(184_000));
    }

    #[test]
    fn looks_more_seldom_with_age_while_nothing_is_known() {
        let cadence = Cadence::new(2_000, 30_000);
        assert_eq!(cadence.wait_ms([0].into_iter()), 2_000);
        assert_eq!(cadence.wait_ms([80_000].into_iter()), 10_000);
        assert_eq!(cadence.wait_ms([900_000].into_iter()), 30_000);
        assert_eq!(cadence.wait_ms([].into_iter()), 30_000);
    }
}
