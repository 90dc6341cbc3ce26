//! When to look at the tasks again: by how long tasks have been taking, those of clips as long most of all.
//!
//! Seldom while none can be ready, at the shortest interval when some are due.

use std::collections::{BTreeMap, VecDeque};

/// So many of the latest tasks are remembered, of clips of each length.
const REMEMBERED: usize = 64;
/// So many tasks of clips as long say more than all others do.
const ENOUGH: usize = 8;

/// How long tasks have been taking, and what follows for the next look.
#[derive(Debug)]
pub(crate) struct PollInterval {
    min_ms: i64,
    max_ms: i64,
    all: Durations,
    by_length: BTreeMap<u32, Durations>,
}

/// A task that is followed, or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskAge {
    /// How long its clip is, as far as that is known.
    pub(crate) clip_ms: i64,
    /// How long ago its create was sent.
    pub(crate) age_ms: i64,
}

impl PollInterval {
    /// `median_ms` is how long tasks took in earlier runs, if there were any.
    pub(crate) fn new(min_ms: i64, max_ms: i64, median_ms: Option<i64>) -> Self {
        let min_ms = min_ms.max(1);
        let mut all = Durations::default();
        median_ms.into_iter().for_each(|took_ms| all.remember(took_ms));
        Self { min_ms, max_ms: max_ms.max(min_ms), all, by_length: BTreeMap::new() }
    }

    /// A task was seen to have ended at that age.
    pub(crate) fn remember(&mut self, task: TaskAge) {
        self.all.remember(task.age_ms);
        self.by_length.entry(length_class(task.clip_ms)).or_default().remember(task.age_ms);
    }

    /// How long a task takes, typically; none before the first has ended.
    pub(crate) fn median_ms(&self) -> Option<i64> {
        self.all.quantile(1, 2)
    }

    /// How long to wait until the next look at the followed tasks.
    pub(crate) fn wait_ms(&self, followed: impl Iterator<Item = TaskAge>) -> i64 {
        let wait_ms = followed.map(|task| match self.earliest_ms(task.clip_ms) {
            Some(earliest_ms) if task.age_ms < earliest_ms => earliest_ms - task.age_ms,
            Some(_) => self.min_ms,
            // Nothing is known: look more seldom the longer it takes.
            None => task.age_ms / 8,
        });
        wait_ms.min().unwrap_or(self.max_ms).clamp(self.min_ms, self.max_ms)
    }

    /// The age at which a task of such a clip may first have ended.
    fn earliest_ms(&self, clip_ms: i64) -> Option<i64> {
        let alike = self.by_length.get(&length_class(clip_ms));
        alike.filter(|alike| alike.took_ms.len() >= ENOUGH).unwrap_or(&self.all).earliest_ms
    }
}

/// Clips whose lengths differ by less than twice are much alike. There are few classes: the longest video
/// that is taken has a minute.
fn length_class(clip_ms: i64) -> u32 {
    (clip_ms.max(0) / 1_000 + 1).ilog2()
}

/// How long the latest of some tasks took.
#[derive(Debug, Default)]
struct Durations {
    took_ms: VecDeque<i64>,
    earliest_ms: Option<i64>,
}

impl Durations {
    fn remember(&mut self, took_ms: i64) {
        self.took_ms.push_back(took_ms.max(0));
        if self.took_ms.len() > REMEMBERED {
            self.took_ms.pop_front();
        }
        self.earliest_ms = self.quantile(1, 10).map(|ms| ms * 9 / 10);
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

    fn ages(clip_ms: i64, ages_ms: &[i64]) -> impl Iterator<Item = TaskAge> {
        ages_ms.iter().map(move |age_ms| TaskAge { clip_ms, age_ms: *age_ms })
    }

    #[test]
    fn waits_for_what_is_known_to_take_long() {
        let mut poll_interval = PollInterval::new(2_000, 30_000, None);
        (0..10).for_each(|n| {
            poll_interval.remember(TaskAge { clip_ms: 9_000, age_ms: 180_000 + n * 1_000 })
        });
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[1_000, 2_000])), 30_000);
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[150_000])), 12_000);
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[1_000, 185_000])), 2_000);
        assert_eq!(poll_interval.median_ms(), Some(184_000));
    }

    #[test]
    fn a_long_clip_is_not_looked_at_when_a_short_one_would_be_ready() {
        let mut poll_interval = PollInterval::new(2_000, 30_000, None);
        for n in 0..20 {
            poll_interval.remember(TaskAge { clip_ms: 5_000, age_ms: 60_000 + n });
            poll_interval.remember(TaskAge { clip_ms: 50_000, age_ms: 300_000 + n });
        }
        assert_eq!(poll_interval.wait_ms(ages(5_000, &[60_000])), 2_000);
        assert_eq!(poll_interval.wait_ms(ages(50_000, &[60_000])), 30_000);
        // Of such a length none was seen: it may be ready with the first of all.
        assert_eq!(poll_interval.wait_ms(ages(20_000, &[60_000])), 2_000);
    }

    #[test]
    fn an_earlier_run_says_something_before_the_first_task_has_ended() {
        let poll_interval = PollInterval::new(2_000, 30_000, Some(200_000));
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[170_000])), 10_000);
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[180_000])), 2_000);
    }

    #[test]
    fn looks_more_seldom_with_age_while_nothing_is_known() {
        let poll_interval = PollInterval::new(2_000, 30_000, None);
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[0])), 2_000);
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[80_000])), 10_000);
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[900_000])), 30_000);
        assert_eq!(poll_interval.wait_ms(ages(9_000, &[])), 30_000);
    }
}
