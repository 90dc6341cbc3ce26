//! The jobs in memory: what is in flight, and a small window ahead, each where its next action is.
//!
//! Memory does not grow with the queue: what merely waits stays in the database.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::job::{Action, Policy, State, Task, TaskId, decide};

/// A job's place in line: higher priority first, then its turn.
pub(crate) type Rank = (Reverse<i32>, i64, TaskId);

/// The jobs in memory that no step is working on, and the ids of those that one is.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueues {
    tasks: BTreeMap<TaskId, Task>,
    busy: BTreeMap<TaskId, State>,
    to_prepare: BTreeSet<Rank>,
    to_create: BTreeSet<Rank>,
    to_recover: BTreeSet<TaskId>,
    to_download: BTreeSet<TaskId>,
    followed: BTreeSet<TaskId>,
    resting: BTreeSet<(i64, TaskId)>,
    /// Those that are prepared again, idle or busy: they have a lane of their own.
    again: BTreeSet<TaskId>,
}

/// Whether preparing it failed before.
fn is_again(task: &Task) -> bool {
    task.state == State::Queued && task.tries > 0
}

fn rank(task: &Task) -> Rank {
    (Reverse(task.spec.priority), task.turn, task.id)
}

impl ReadyQueues {
    /// Puts a job where its next action is, or lets go of it where only the database or a person
    /// moves it on.
    pub(crate) fn put(&mut self, mut task: Task, policy: &Policy, now_ms: i64) {
        self.forget(task.id);
        if task.state != State::Waiting && policy.is_due(task.due_at_ms, now_ms) {
            task.due_at_ms = 0;
        }
        match decide(&task, now_ms) {
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
                self.followed.insert(task.id);
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
        if is_again(&task) {
            self.again.insert(task.id);
        }
        self.tasks.insert(task.id, task);
    }

    /// Forgets a job wherever it is.
    pub(crate) fn forget(&mut self, id: TaskId) {
        self.busy.remove(&id);
        self.again.remove(&id);
        if let Some(task) = self.tasks.remove(&id) {
            self.to_prepare.remove(&rank(&task));
            self.to_create.remove(&rank(&task));
            self.to_recover.remove(&id);
            self.to_download.remove(&id);
            self.followed.remove(&id);
            self.resting.remove(&(task.due_at_ms, id));
        }
    }

    /// Takes a job for a step to work on.
    pub(crate) fn take(&mut self, id: TaskId) -> Option<Task> {
        let task = self.tasks.get(&id)?.clone();
        self.forget(id);
        self.busy.insert(id, task.state);
        if is_again(&task) {
            self.again.insert(id);
        }
        Some(task)
    }

    pub(crate) fn holds(&self, id: TaskId) -> bool {
        self.tasks.contains_key(&id) || self.busy.contains_key(&id)
    }

    pub(crate) fn get(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// Who wants to be measured or identified, the first in line first.
    pub(crate) fn all_to_prepare(&self) -> Vec<TaskId> {
        self.to_prepare.iter().map(|rank| rank.2).collect()
    }

    /// The first in line that wants to be created.
    pub(crate) fn first_to_create(&self) -> Option<TaskId> {
        self.to_create.first().map(|rank| rank.2)
    }

    /// Whose create is to be looked up, and perhaps sent again.
    pub(crate) fn all_to_recover(&self) -> Vec<TaskId> {
        self.to_recover.iter().copied().collect()
    }

    pub(crate) fn first_to_download(&self) -> Option<TaskId> {
        self.to_download.first().copied()
    }

    pub(crate) fn followed(&self) -> impl Iterator<Item = &Task> {
        self.followed.iter().filter_map(|id| self.tasks.get(id))
    }

    /// How many of the jobs in memory are prepared again, or are to be.
    pub(crate) fn count_again(&self) -> usize {
        self.again.len()
    }

    /// Whether preparing that job failed before.
    pub(crate) fn is_again(&self, id: TaskId) -> bool {
        self.again.contains(&id)
    }

    /// How many jobs stand before their create: the window that is kept filled. What failed before
    /// does not count, or it would keep out what is new.
    pub(crate) fn ahead(&self) -> usize {
        let busy = self.busy.values().filter(|state| state.is_unsent()).count();
        let resting = self.resting.iter().filter(|(_, id)| self.stands(*id, State::Identified));
        let all = self.to_prepare.len() + self.to_create.len() + busy + resting.count();
        all.saturating_sub(self.again.len())
    }

    /// How many jobs in memory stand in `state`.
    pub(crate) fn count(&self, state: State) -> usize {
        let idle = self.tasks.values().filter(|task| task.state == state).count();
        idle + self.busy.values().filter(|busy| **busy == state).count()
    }

    /// The last of the jobs that stand before their create, to be measured against who comes new.
    pub(crate) fn last_ahead(&self) -> Option<Rank> {
        self.to_prepare.last().max(self.to_create.last()).copied()
    }

    /// Puts the jobs whose rest is over where their next action is.
    pub(crate) fn wake(&mut self, policy: &Policy, now_ms: i64) {
        let is_over = |rest: &&(i64, TaskId)| policy.is_due(rest.0, now_ms);
        let over: Vec<TaskId> = self.resting.iter().filter(is_over).map(|(_, id)| *id).collect();
        for id in over {
            if let Some(task) = self.tasks.get(&id).cloned() {
                self.put(task, policy, now_ms);
            }
        }
    }

    /// When (Unix ms) the next rest is over.
    pub(crate) fn next_wake_ms(&self) -> Option<i64> {
        self.resting.first().map(|(until_ms, _)| *until_ms)
    }

    fn stands(&self, id: TaskId, state: State) -> bool {
        self.tasks.get(&id).is_some_and(|task| task.state == state)
    }
}

/// Whether a job that is not in memory comes before one that is.
pub(crate) fn comes_before(task: &Task, other: Option<Rank>) -> bool {
    other.is_some_and(|other| rank(task) < other)
}
