//! The jobs in memory: what is in flight, and a small window ahead, each where its next action is.
//!
//! Memory does not grow with the queue: what merely waits stays in the database.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::job::{Action, Job, JobId, Policy, State, decide};

/// A job's place in line: higher priority first, then its turn.
pub(super) type Rank = (Reverse<i32>, i64, JobId);

/// The jobs in memory that no step is working on, and the ids of those that one is.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    jobs: BTreeMap<JobId, Job>,
    busy: BTreeMap<JobId, State>,
    to_prepare: BTreeSet<Rank>,
    to_create: BTreeSet<Rank>,
    to_settle: BTreeSet<JobId>,
    to_download: BTreeSet<JobId>,
    followed: BTreeSet<JobId>,
    resting: BTreeSet<(i64, JobId)>,
    /// Those that are prepared again, idle or busy: they have a lane of their own.
    again: BTreeSet<JobId>,
}

/// Whether preparing it failed before.
fn is_again(job: &Job) -> bool {
    job.state == State::Queued && job.tries > 0
}

fn rank(job: &Job) -> Rank {
    (Reverse(job.spec.priority), job.turn, job.id)
}

impl Shelf {
    /// Puts a job where its next action is, or lets go of it where only the database or a person
    /// moves it on.
    pub(super) fn put(&mut self, mut job: Job, policy: &Policy, now_ms: i64) {
        self.forget(job.id);
        if job.state != State::Waiting && policy.is_due(job.due_at_ms, now_ms) {
            job.due_at_ms = 0;
        }
        match decide(&job, now_ms) {
            Action::Enqueue | Action::MeasureSound | Action::Identify => {
                self.to_prepare.insert(rank(&job));
            }
            Action::Create => {
                self.to_create.insert(rank(&job));
            }
            Action::LookUp => {
                self.to_settle.insert(job.id);
            }
            Action::Download => {
                self.to_download.insert(job.id);
            }
            Action::Poll => {
                self.followed.insert(job.id);
            }
            Action::Rest { until_ms: Some(until_ms) }
                if matches!(job.state, State::Identified | State::Creating) =>
            {
                self.resting.insert((until_ms, job.id));
            }
            Action::Rest { .. } => return,
        }
        if is_again(&job) {
            self.again.insert(job.id);
        }
        self.jobs.insert(job.id, job);
    }

    /// Forgets a job wherever it is.
    pub(super) fn forget(&mut self, id: JobId) {
        self.busy.remove(&id);
        self.again.remove(&id);
        if let Some(job) = self.jobs.remove(&id) {
            self.to_prepare.remove(&rank(&job));
            self.to_create.remove(&rank(&job));
            self.to_settle.remove(&id);
            self.to_download.remove(&id);
            self.followed.remove(&id);
            self.resting.remove(&(job.due_at_ms, id));
        }
    }

    /// Takes a job for a step to work on.
    pub(super) fn take(&mut self, id: JobId) -> Option<Job> {
        let job = self.jobs.get(&id)?.clone();
        self.forget(id);
        self.busy.insert(id, job.state);
        if is_again(&job) {
            self.again.insert(id);
        }
        Some(job)
    }

    pub(super) fn holds(&self, id: JobId) -> bool {
        self.jobs.contains_key(&id) || self.busy.contains_key(&id)
    }

    pub(super) fn get(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// Who wants to be measured or identified, the first in line first.
    pub(super) fn all_to_prepare(&self) -> Vec<JobId> {
        self.to_prepare.iter().map(|rank| rank.2).collect()
    }

    /// The first in line that wants to be created.
    pub(super) fn first_to_create(&self) -> Option<JobId> {
        self.to_create.first().map(|rank| rank.2)
    }

    /// Whose create is to be looked up, and perhaps sent again.
    pub(super) fn all_to_settle(&self) -> Vec<JobId> {
        self.to_settle.iter().copied().collect()
    }

    pub(super) fn first_to_download(&self) -> Option<JobId> {
        self.to_download.first().copied()
    }

    pub(super) fn followed(&self) -> impl Iterator<Item = &Job> {
        self.followed.iter().filter_map(|id| self.jobs.get(id))
    }

    /// How many of the jobs in memory are prepared again, or are to be.
    pub(super) fn count_again(&self) -> usize {
        self.again.len()
    }

    /// Whether preparing that job failed before.
    pub(super) fn is_again(&self, id: JobId) -> bool {
        self.again.contains(&id)
    }

    /// How many jobs stand before their create: the window that is kept filled. What failed before
    /// does not count, or it would keep out what is new.
    pub(super) fn ahead(&self) -> usize {
        let busy = self.busy.values().filter(|state| state.is_unsent()).count();
        let resting = self.resting.iter().filter(|(_, id)| self.stands(*id, State::Identified));
        let all = self.to_prepare.len() + self.to_create.len() + busy + resting.count();
        all.saturating_sub(self.again.len())
    }

    /// How many jobs in memory stand in `state`.
    pub(super) fn count(&self, state: State) -> usize {
        let idle = self.jobs.values().filter(|job| job.state == state).count();
        idle + self.busy.values().filter(|busy| **busy == state).count()
    }

    /// The last of the jobs that stand before their create, to be measured against who comes new.
    pub(super) fn last_ahead(&self) -> Option<Rank> {
        self.to_prepare.last().max(self.to_create.last()).copied()
    }

    /// Puts the jobs whose rest is over where their next action is.
    pub(super) fn wake(&mut self, policy: &Policy, now_ms: i64) {
        let is_over = |rest: &&(i64, JobId)| policy.is_due(rest.0, now_ms);
        let over: Vec<JobId> = self.resting.iter().filter(is_over).map(|(_, id)| *id).collect();
        for id in over {
            if let Some(job) = self.jobs.get(&id).cloned() {
                self.put(job, policy, now_ms);
            }
        }
    }

    /// When (Unix ms) the next rest is over.
    pub(super) fn next_wake_ms(&self) -> Option<i64> {
        self.resting.first().map(|(until_ms, _)| *until_ms)
    }

    fn stands(&self, id: JobId, state: State) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.state == state)
    }
}

/// Whether a job that is not in memory comes before one that is.
pub(super) fn comes_before(job: &Job, other: Option<Rank>) -> bool {
    other.is_some_and(|other| rank(job) < other)
}
