//! The tasks in memory, each in the queue of its next action.
//!
//! Tasks that merely wait stay in the database, so memory does not grow with the number of jobs.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    job::{Action, Policy, State, Task, TaskId, decide},
    pipeline::object_of,
    upload::Uploads,
};

/// A task's place in its queue: higher priority first, then its turn.
pub(super) type Rank = (Reverse<i32>, i64, TaskId);

/// The tasks in memory on which no step works, and the ids of those on which one does.
#[derive(Debug, Default)]
pub(super) struct ReadyQueues {
    tasks: BTreeMap<TaskId, Arc<Task>>,
    /// The tasks of the steps in progress, with the state in which each step started.
    busy: BTreeMap<TaskId, State>,
    /// The number of both in each state: each turn needs it.
    counts: BTreeMap<State, usize>,
    to_prepare: BTreeSet<Rank>,
    to_upload: BTreeSet<Rank>,
    to_create: BTreeSet<Rank>,
    to_recover: BTreeSet<TaskId>,
    to_download: BTreeSet<TaskId>,
    to_poll: BTreeSet<TaskId>,
    resting: BTreeSet<(i64, TaskId)>,
    /// The tasks that are prepared again after a failure, idle or busy. They have limits of their own.
    retries: BTreeSet<TaskId>,
    /// The tasks whose video the bucket does not have yet, idle or busy. They have limits of their own, too.
    uploads: BTreeSet<TaskId>,
    bucket: Option<Arc<Uploads>>,
}

fn is_retry(task: &Task) -> bool {
    task.state == State::Queued && task.tries > 0
}

fn rank(task: &Task) -> Rank {
    (Reverse(task.spec.priority), task.turn, task.id)
}

/// Whether a task that is not in memory comes before one that is.
pub(super) fn comes_before(task: &Task, other: Option<Rank>) -> bool {
    other.is_some_and(|other| rank(task) < other)
}

impl ReadyQueues {
    /// `bucket`: where local videos are uploaded.
    pub(super) fn new(bucket: Option<Arc<Uploads>>) -> Self {
        Self { bucket, ..Self::default() }
    }

    /// Whether the video of a task has to be uploaded, or looked for in the bucket, before it is identified.
    pub(super) fn needs_upload(&self, task: &Task) -> bool {
        let object = object_of(task).filter(|_| task.state == State::Queued);
        object.zip(self.bucket.as_ref()).is_some_and(|(object, bucket)| !bucket.has(&object))
    }

    /// Puts a task into the queue of its next action. A task that only the database or a person changes is dropped.
    pub(super) fn put(&mut self, mut task: Arc<Task>, policy: &Policy, now_ms: i64) {
        self.remove(task.id);
        let rests = task.due_at_ms != 0 && task.state != State::Waiting;
        if rests && policy.is_due(task.due_at_ms, now_ms) {
            Arc::make_mut(&mut task).due_at_ms = 0;
        }
        let action = decide(&task, now_ms);
        let needs_upload = action == Action::Identify && self.needs_upload(&task);
        match action {
            Action::Identify if needs_upload => {
                self.to_upload.insert(rank(&task));
            }
            Action::Enqueue | Action::MeasureAudio | Action::Identify => {
                self.to_prepare.insert(rank(&task));
            }
            Action::Create => {
                self.to_create.insert(rank(&task));
            }
            Action::Recover => {
                self.to_recover.insert(task.id);
            }
            Action::Download => {
                self.to_download.insert(task.id);
            }
            Action::Poll => {
                self.to_poll.insert(task.id);
            }
            Action::Rest { until_ms: Some(until_ms) }
                if matches!(
                    task.state,
                    State::Identified | State::Creating | State::Submitted | State::Processing
                ) =>
            {
                self.resting.insert((until_ms, task.id));
            }
            Action::Rest { .. } => return,
        }
        if needs_upload {
            self.uploads.insert(task.id);
        } else if is_retry(&task) {
            self.retries.insert(task.id);
        }
        *self.counts.entry(task.state).or_default() += 1;
        self.tasks.insert(task.id, task);
    }

    pub(super) fn remove(&mut self, id: TaskId) {
        if let Some(state) = self.busy.remove(&id) {
            *self.counts.entry(state).or_default() -= 1;
        }
        self.retries.remove(&id);
        self.uploads.remove(&id);
        self.remove_idle(id);
    }

    /// Removes a task on which no step works.
    fn remove_idle(&mut self, id: TaskId) -> Option<Arc<Task>> {
        let task = self.tasks.remove(&id)?;
        *self.counts.entry(task.state).or_default() -= 1;
        self.retries.remove(&id);
        self.uploads.remove(&id);
        self.to_prepare.remove(&rank(&task));
        self.to_upload.remove(&rank(&task));
        self.to_create.remove(&rank(&task));
        self.to_recover.remove(&id);
        self.to_download.remove(&id);
        self.to_poll.remove(&id);
        self.resting.remove(&(task.due_at_ms, id));
        Some(task)
    }

    /// Takes a task for a step.
    pub(super) fn take(&mut self, id: TaskId) -> Option<Arc<Task>> {
        let task = self.remove_idle(id)?;
        *self.counts.entry(task.state).or_default() += 1;
        self.busy.insert(id, task.state);
        if is_retry(&task) {
            self.retries.insert(id);
        }
        Some(task)
    }

    /// Takes a task whose video has to be uploaded.
    pub(super) fn take_to_upload(&mut self, id: TaskId) -> Option<Arc<Task>> {
        let task = self.take(id)?;
        self.retries.remove(&id);
        self.uploads.insert(id);
        Some(task)
    }

    pub(super) fn contains(&self, id: TaskId) -> bool {
        self.tasks.contains_key(&id) || self.busy.contains_key(&id)
    }

    /// Returns a task on which no step works.
    pub(super) fn get(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id).map(Arc::as_ref)
    }

    /// Returns the tasks that are to be measured or identified, the first in the queue first.
    pub(super) fn all_to_prepare(&self) -> Vec<TaskId> {
        self.to_prepare.iter().map(|rank| rank.2).collect()
    }

    /// Returns the tasks whose video has to be uploaded, the first in the queue first.
    pub(super) fn all_to_upload(&self) -> Vec<TaskId> {
        self.to_upload.iter().map(|rank| rank.2).collect()
    }

    /// Counts the tasks whose video has to be uploaded or is being uploaded.
    pub(super) fn count_uploads(&self) -> usize {
        self.uploads.len()
    }

    /// Whether nothing but uploads is left to do before create requests.
    pub(super) fn has_only_uploads(&self) -> bool {
        self.to_prepare.is_empty() && self.to_create.is_empty() && !self.uploads.is_empty()
    }

    pub(super) fn first_to_create(&self) -> Option<TaskId> {
        self.to_create.first().map(|rank| rank.2)
    }

    pub(super) fn all_to_create(&self) -> impl Iterator<Item = &Task> {
        self.to_create.iter().filter_map(|rank| self.get(rank.2))
    }

    /// Returns the tasks whose create request has an unknown outcome.
    pub(super) fn all_to_recover(&self) -> Vec<TaskId> {
        self.to_recover.iter().copied().collect()
    }

    pub(super) fn first_to_download(&self) -> Option<TaskId> {
        self.to_download.first().copied()
    }

    pub(super) fn all_to_poll(&self) -> impl Iterator<Item = &Arc<Task>> + Clone {
        self.to_poll.iter().filter_map(|id| self.tasks.get(id))
    }

    pub(super) fn count_retries(&self) -> usize {
        self.retries.len()
    }

    pub(super) fn is_retry(&self, id: TaskId) -> bool {
        self.retries.contains(&id)
    }

    /// Counts the tasks before their create request. Retries and uploads do not count: they would keep new tasks out of
    /// memory.
    pub(super) fn count_ahead(&self) -> usize {
        let is_upload = |id: &TaskId| self.uploads.contains(id);
        let unsent = self.busy.iter().filter(|(_, state)| state.is_unsent());
        let busy = unsent.filter(|(id, _)| !is_upload(id)).count();
        let is_identified =
            |id: &TaskId| self.tasks.get(id).is_some_and(|task| task.state == State::Identified);
        let resting = self.resting.iter().filter(|(_, id)| is_identified(id)).count();
        let all = self.to_prepare.len() + self.to_create.len() + busy + resting;
        all.saturating_sub(self.retries.len())
    }

    pub(super) fn count(&self, state: State) -> usize {
        let count = self.counts.get(&state).copied().unwrap_or(0);
        let states =
            || self.tasks.values().map(|task| task.state).chain(self.busy.values().copied());
        debug_assert_eq!(
            count,
            states().filter(|it| *it == state).count(),
            "tasks that are {state:?}"
        );
        count
    }

    /// Returns the place of the last task before its create request.
    pub(super) fn last_ahead(&self) -> Option<Rank> {
        self.to_prepare.last().max(self.to_create.last()).copied()
    }

    pub(super) fn wake(&mut self, policy: &Policy, now_ms: i64) {
        let is_over = |rest: &&(i64, TaskId)| policy.is_due(rest.0, now_ms);
        let over: Vec<TaskId> = self.resting.iter().filter(is_over).map(|(_, id)| *id).collect();
        for id in over {
            if let Some(task) = self.remove_idle(id) {
                self.put(task, policy, now_ms);
            }
        }
    }

    pub(super) fn next_wake_ms(&self) -> Option<i64> {
        self.resting.first().map(|(until_ms, _)| *until_ms)
    }
}

/// One Identify Face call or upload per video: the steps in progress, and the tasks that wait for each.
#[derive(Debug, Default)]
pub(super) struct SharedVideos {
    /// The video of each step, by the task whose step it is.
    videos: HashMap<TaskId, String>,
    waiting: HashMap<String, Vec<Arc<Task>>>,
}

impl SharedVideos {
    pub(super) fn start(&mut self, video: String, task: TaskId) {
        self.waiting.insert(video.clone(), Vec::new());
        self.videos.insert(task, video);
    }

    /// Returns the tasks that wait for the step about this video, if one is in progress.
    pub(super) fn waiting_mut(&mut self, video: &str) -> Option<&mut Vec<Arc<Task>>> {
        self.waiting.get_mut(video)
    }

    /// The step of `task` ended. Returns the tasks that waited for it.
    pub(super) fn end(&mut self, task: TaskId) -> Vec<Arc<Task>> {
        let video = self.videos.remove(&task);
        video.and_then(|video| self.waiting.remove(&video)).unwrap_or_default()
    }
}
