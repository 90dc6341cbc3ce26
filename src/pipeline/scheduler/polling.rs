//! When the tasks at Kling are polled next, and what the last poll showed of their results.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{
    job::{Task, TaskId},
    kling::RemoteTask,
    pipeline::{PollInterval, Settings, TaskAge},
};

/// How long polls wait after a step panicked.
const AFTER_PANIC: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Polling {
    interval: PollInterval,
    pub(super) next_at: Instant,
    /// The tasks were polled since the start.
    pub(super) has_polled: bool,
    /// What the last poll showed of tasks that are to be downloaded.
    pub(super) results: BTreeMap<TaskId, RemoteTask>,
}

impl Polling {
    pub(super) fn new(settings: &Settings, median_ms: Option<i64>) -> Self {
        let interval = PollInterval::new(settings.poll_min_ms, settings.poll_max_ms, median_ms);
        Self { interval, next_at: Instant::now(), has_polled: false, results: BTreeMap::new() }
    }

    pub(super) fn median_ms(&self) -> Option<i64> {
        self.interval.median_ms()
    }

    pub(super) fn wait_after_panic(&mut self) {
        self.next_at = Instant::now() + AFTER_PANIC;
    }

    /// Polls in time for a task that Kling just accepted: the next poll may have been planned without it.
    pub(super) fn task_submitted(&mut self, task: &Task) {
        let wait = self.wait(std::iter::once(TaskAge::of_new(task)));
        self.next_at = self.next_at.min(Instant::now() + wait);
    }

    pub(super) fn task_ended(&mut self, task: &Task, now_ms: i64) {
        self.interval.task_ended(TaskAge::of(task, now_ms));
    }

    /// A poll ended, and these tasks are still in progress.
    pub(super) fn poll_ended<'a>(&mut self, tasks: impl Iterator<Item = &'a Task>, now_ms: i64) {
        self.has_polled = true;
        self.next_at = Instant::now() + self.wait(tasks.map(|task| TaskAge::of(task, now_ms)));
    }

    fn wait(&self, tasks: impl Iterator<Item = TaskAge>) -> Duration {
        Duration::from_millis(self.interval.wait_ms(tasks).unsigned_abs())
    }
}
