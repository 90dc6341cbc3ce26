//! When to poll the tasks again, by how long tasks have been taking, above all those of clips as long.
//!
//! Seldom while no task can be ready, at the shortest interval when some are due.

use std::collections::{BTreeMap, VecDeque};

use crate::job::{Plan, Task};

/// How many durations of the latest tasks are kept for each class of clip length.
const KEPT: usize = 64;
/// From this number of its own durations on, a class of clip length no longer uses those of all tasks.
const ENOUGH: usize = 8;

#[derive(Debug)]
pub(crate) struct PollInterval {
    min_ms: i64,
    max_ms: i64,
    all: Durations,
    by_length: BTreeMap<u32, Durations>,
}

/// How old a task is, in progress or at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskAge {
    /// How long its clip is, as far as that is known.
    pub(crate) clip_ms: i64,
    /// The time since its create request was sent.
    pub(crate) age_ms: i64,
}

impl TaskAge {
    /// Returns the age of a task at `now_ms`. The clip of a remote video is taken to be as long as its audio needs.
    pub(crate) fn of(task: &Task, now_ms: i64) -> Self {
        let audio_end_ms = |plan: &Plan| {
            let audio_ms = plan.sound_end_ms.saturating_sub(plan.sound_start_ms);
            plan.sound_insert_ms.saturating_add(audio_ms)
        };
        let clip_ms = task.media.video_ms.or_else(|| task.plan.as_ref().map(audio_end_ms));
        let age_ms = now_ms.saturating_sub(sent_at_ms(task));
        Self { clip_ms: clip_ms.unwrap_or(0), age_ms }
    }

    pub(crate) fn of_new(task: &Task) -> Self {
        Self::of(task, sent_at_ms(task))
    }

    /// Returns the age at which the task ended, if a poll at this age showed its end. `api_ms` is how long it took by the
    /// API's own times; none: until this poll, which may have come late. A poll at the age `before_ms` still showed it in
    /// progress.
    pub(crate) fn at_end(self, api_ms: Option<i64>, before_ms: i64) -> Self {
        let took_ms = api_ms.unwrap_or(self.age_ms).max(before_ms);
        Self { age_ms: took_ms.clamp(0, self.age_ms.max(0)), ..self }
    }
}

fn sent_at_ms(task: &Task) -> i64 {
    task.create.as_ref().map_or(0, |create| create.sent_at_ms)
}

impl PollInterval {
    /// Starts with the median duration of tasks in earlier runs, if there is one.
    pub(crate) fn new(min_ms: i64, max_ms: i64, median_ms: Option<i64>) -> Self {
        let min_ms = min_ms.max(1);
        let mut all = Durations::default();
        median_ms.into_iter().for_each(|duration_ms| all.add(duration_ms));
        Self { min_ms, max_ms: max_ms.max(min_ms), all, by_length: BTreeMap::new() }
    }

    /// A poll showed that a task of this age has ended.
    pub(crate) fn task_ended(&mut self, task: TaskAge) {
        self.all.add(task.age_ms);
        self.by_length.entry(length_class(task.clip_ms)).or_default().add(task.age_ms);
    }

    /// Returns the median duration of a task; none before the first task has ended.
    pub(crate) fn median_ms(&self) -> Option<i64> {
        self.all.quantile(1, 2)
    }

    /// Returns how long to wait before the next poll of these tasks.
    pub(crate) fn wait_ms(&self, tasks: impl Iterator<Item = TaskAge>) -> i64 {
        let wait_ms = tasks.map(|task| match self.earliest_ms(task.clip_ms) {
            Some(earliest_ms) if task.age_ms < earliest_ms => earliest_ms - task.age_ms,
            Some(_) => self.min_ms,
            // No task has ended yet: poll less often, the longer the first ones take.
            None => task.age_ms / 8,
        });
        wait_ms.min().unwrap_or(self.max_ms).clamp(self.min_ms, self.max_ms)
    }

    /// Whether the task takes longer than usual: more than twice the median, within limits. Tasks that ended while the
    /// daemon did not run, or that the list hid, make the median too long.
    pub(crate) fn is_overdue(&self, task: TaskAge, usual_min_ms: i64) -> bool {
        let median_ms = self.durations(task.clip_ms).quantile(1, 2).unwrap_or(0);
        let usual_max_ms = usual_min_ms.saturating_mul(4);
        task.age_ms > median_ms.saturating_mul(2).clamp(usual_min_ms, usual_max_ms)
    }

    /// Returns the age at which a task of such a clip may have ended.
    fn earliest_ms(&self, clip_ms: i64) -> Option<i64> {
        self.durations(clip_ms).earliest_ms
    }

    /// Returns the durations of tasks of such a clip, or of all tasks while there are few.
    fn durations(&self, clip_ms: i64) -> &Durations {
        let same_length = self.by_length.get(&length_class(clip_ms));
        let has_enough = |durations: &&Durations| durations.latest_ms.len() >= ENOUGH;
        same_length.filter(has_enough).unwrap_or(&self.all)
    }
}

/// Clips of one class differ in length by less than twice. There are few classes, because Kling accepts videos of at
/// most a minute.
fn length_class(clip_ms: i64) -> u32 {
    (clip_ms.max(0) / 1_000 + 1).ilog2()
}

#[derive(Debug, Default)]
struct Durations {
    latest_ms: VecDeque<i64>,
    earliest_ms: Option<i64>,
}

impl Durations {
    fn add(&mut self, duration_ms: i64) {
        self.latest_ms.push_back(duration_ms.max(0));
        if self.latest_ms.len() > KEPT {
            self.latest_ms.pop_front();
        }
        self.earliest_ms = self.quantile(1, 10).map(|ms| ms * 19 / 20);
    }

    fn quantile(&self, numerator: usize, denominator: usize) -> Option<i64> {
        let mut sorted: Vec<i64> = self.latest_ms.iter().copied().collect();
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
    fn waits_until_a_task_may_have_ended() {
        let mut interval = PollInterval::new(2_000, 30_000, None);
        (0..10).for_each(|n| {
            interval.task_ended(TaskAge { clip_ms: 9_000, age_ms: 180_000 + n * 1_000 })
        });
        assert_eq!(interval.wait_ms(ages(9_000, &[1_000, 2_000])), 30_000);
        assert_eq!(interval.wait_ms(ages(9_000, &[150_000])), 21_000);
        assert_eq!(interval.wait_ms(ages(9_000, &[1_000, 185_000])), 2_000);
        assert_eq!(interval.median_ms(), Some(184_000));
    }

    #[test]
    fn a_long_clip_is_not_polled_when_a_short_one_would_be_ready() {
        let mut interval = PollInterval::new(2_000, 30_000, None);
        for n in 0..20 {
            interval.task_ended(TaskAge { clip_ms: 5_000, age_ms: 60_000 + n });
            interval.task_ended(TaskAge { clip_ms: 50_000, age_ms: 300_000 + n });
        }
        assert_eq!(interval.wait_ms(ages(5_000, &[60_000])), 2_000);
        assert_eq!(interval.wait_ms(ages(50_000, &[60_000])), 30_000);
        // Of such a length none was seen: it may be ready with the first of all.
        assert_eq!(interval.wait_ms(ages(20_000, &[60_000])), 2_000);
    }

    #[test]
    fn a_task_is_overdue_after_twice_the_median_within_limits() {
        let overdue = |median_ms, age_ms| {
            let interval = PollInterval::new(2_000, 30_000, median_ms);
            interval.is_overdue(TaskAge { clip_ms: 9_000, age_ms }, 300_000)
        };
        assert!(!overdue(None, 300_000) && overdue(None, 300_001));
        assert!(!overdue(Some(60_000), 300_000), "twice the median is less than the minimum");
        assert!(!overdue(Some(200_000), 400_000) && overdue(Some(200_000), 400_001));
        assert!(!overdue(Some(36_000_000), 1_200_000) && overdue(Some(36_000_000), 1_200_001));
    }

    #[test]
    fn the_median_of_earlier_runs_counts_before_the_first_task_has_ended() {
        let interval = PollInterval::new(2_000, 30_000, Some(200_000));
        assert_eq!(interval.wait_ms(ages(9_000, &[180_000])), 10_000);
        assert_eq!(interval.wait_ms(ages(9_000, &[190_000])), 2_000);
    }

    #[test]
    fn a_late_poll_does_not_make_tasks_seem_longer() {
        let ended_ms = |api_ms, before_ms| {
            TaskAge { clip_ms: 0, age_ms: 5_000 }.at_end(api_ms, before_ms).age_ms
        };
        assert_eq!(ended_ms(Some(2_000), -9_000), 2_000, "the task was sent after the poll before");
        assert_eq!(ended_ms(Some(2_000), 1_000), 2_000);
        assert_eq!(ended_ms(None, 1_000), 5_000);
        // Times that cannot be true: shorter than what was seen, longer than its age, before its start.
        assert_eq!(ended_ms(Some(0), 4_000), 4_000);
        assert_eq!(ended_ms(Some(90_000), 4_000), 5_000);
        assert_eq!(ended_ms(Some(-1), -9_000), 0);
    }

    #[test]
    fn polls_less_often_with_age_while_nothing_is_known() {
        let interval = PollInterval::new(2_000, 30_000, None);
        assert_eq!(interval.wait_ms(ages(9_000, &[0])), 2_000);
        assert_eq!(interval.wait_ms(ages(9_000, &[80_000])), 10_000);
        assert_eq!(interval.wait_ms(ages(9_000, &[900_000])), 30_000);
        assert_eq!(interval.wait_ms(ages(9_000, &[])), 30_000);
    }
}
