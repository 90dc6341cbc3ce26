//! When the tasks at Kling are polled next, which of them are queried singly, and what the last poll showed of their
//! results.
//!
//! The list may lag behind, or its rate may be limited for long. Neither may hide a result that is paid for, so tasks
//! are also queried singly then: few at a time, each of them seldom.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    job::{Task, TaskId, retry::ASKED_MAX_MS},
    kling::RemoteTask,
    pipeline::{POLLS_PER_REST, PollInterval, PollTarget, Settings, TaskAge, query_rest_max},
};

/// How long polls wait after a step panicked.
const AFTER_PANIC: Duration = Duration::from_secs(30);
/// The most tasks that one poll queries singly although the list could show them.
const EXTRA_QUERIES_MAX: usize = 10;

#[derive(Debug)]
pub(super) struct Polling {
    interval: PollInterval,
    pub(super) next_at: Instant,
    /// The tasks were polled since the start.
    pub(super) has_polled: bool,
    /// When (Unix ms) a poll last showed each task in progress. A poll that fails, or does not show a task, says nothing.
    shown_at_ms: BTreeMap<TaskId, i64>,
    /// What the last poll showed of tasks that are to be downloaded.
    pub(super) results: BTreeMap<TaskId, RemoteTask>,
    /// The list is not read before: the API limits its rate.
    list_rests_until: Instant,
    /// When each task was last queried singly although the list could show it.
    queried_at: BTreeMap<TaskId, Instant>,
    /// The least time between two such queries of one task, and the least age of a task that is overdue.
    single_rest: Duration,
}

/// What a poll asks for.
pub(super) struct PollPlan {
    pub(super) targets: Vec<PollTarget>,
    pub(super) reads_list: bool,
}

impl Polling {
    pub(super) fn new(settings: &Settings, median_ms: Option<i64>) -> Self {
        let interval = PollInterval::new(settings.poll_min_ms, settings.poll_max_ms, median_ms);
        let now = Instant::now();
        Self {
            interval,
            next_at: now,
            has_polled: false,
            shown_at_ms: BTreeMap::new(),
            results: BTreeMap::new(),
            list_rests_until: now,
            queried_at: BTreeMap::new(),
            single_rest: query_rest_max(settings),
        }
    }

    /// Plans a poll of these tasks: by the list, and singly those that take longer than usual. While the list rests,
    /// all tasks are queried singly, a few per poll, and each at most once in `poll.max_interval`.
    pub(super) fn plan<'t>(
        &mut self,
        tasks: impl Iterator<Item = &'t Arc<Task>> + Clone,
        now_ms: i64,
    ) -> PollPlan {
        let now = Instant::now();
        let known: BTreeSet<TaskId> = tasks.clone().map(|task| task.id).collect();
        self.queried_at.retain(|id, _| known.contains(id));
        self.shown_at_ms.retain(|id, _| known.contains(id));
        let reads_list = self.list_rests_until <= now;
        let usual_min_ms = i64::try_from(self.single_rest.as_millis()).unwrap_or(i64::MAX);
        let rest = if reads_list { self.single_rest } else { self.single_rest / POLLS_PER_REST };
        let is_candidate = |task: &&Arc<Task>| {
            let is_rested = self.queried_at.get(&task.id).is_none_or(|at| *at + rest <= now);
            let age = TaskAge::of(task, now_ms);
            is_rested && (!reads_list || self.interval.is_overdue(age, usual_min_ms))
        };
        let mut singles: Vec<TaskId> =
            tasks.clone().filter(is_candidate).map(|task| task.id).collect();
        singles.sort_by_key(|id| self.queried_at.get(id).copied());
        singles.truncate(EXTRA_QUERIES_MAX);
        self.queried_at.extend(singles.iter().map(|id| (*id, now)));
        let target = |task: &Arc<Task>| {
            let is_overdue = singles.contains(&task.id);
            let is_asked = task.task_id.is_some() && (reads_list || is_overdue);
            is_asked.then(|| PollTarget { task: Arc::clone(task), is_overdue })
        };
        PollPlan { targets: tasks.filter_map(target).collect(), reads_list }
    }

    /// The API limited the rate of the list. Tasks are queried singly until it may be read again.
    pub(super) fn rest_list(&mut self, retry_after_ms: Option<i64>) {
        let asked_ms = retry_after_ms.unwrap_or(0).clamp(0, ASKED_MAX_MS);
        let rest = Duration::from_millis(asked_ms.unsigned_abs()).max(self.single_rest);
        self.list_rests_until = Instant::now() + rest;
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

    /// A poll showed a task in progress.
    pub(super) fn task_shown(&mut self, id: TaskId, now_ms: i64) {
        self.shown_at_ms.insert(id, now_ms);
    }

    /// A poll showed that a task ended. The API's own times (`created_at`, `updated_at`) say how long it took.
    pub(super) fn task_ended(&mut self, task: &Task, remote: Option<&RemoteTask>, now_ms: i64) {
        let api_ms = remote.and_then(|it| it.updated_at_ms?.checked_sub(it.created_at_ms?));
        let shown_at_ms = self.shown_at_ms.remove(&task.id);
        let before_ms = shown_at_ms.map_or(0, |at_ms| TaskAge::of(task, at_ms).age_ms);
        self.interval.task_ended(TaskAge::of(task, now_ms).at_end(api_ms, before_ms));
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
