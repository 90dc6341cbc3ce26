//! For how long Kling has shown no task of a create request: by the monotonic clock and in this process, so that
//! neither a wall clock that jumps nor a restart makes the time shorter.
//!
//! `kling.create_settle` covers the time until an accepted task shows up, and, because it is longer than
//! `kling.request_timeout`, a request that a proxy delivers after the client gave up.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::job::{Create, Task, TaskId};

/// Since when lookups find nothing, for each create request that is looked up.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct NotFoundTimer(Mutex<HashMap<TaskId, NotFound>>);

#[derive(Debug)]
struct NotFound {
    /// How often, and when, the request had been sent: what was found before a later send counts no more.
    send: Option<(u32, i64)>,
    since: Instant,
}

fn send(task: &Task) -> Option<(u32, i64)> {
    task.create.as_ref().map(|Create { sends, sent_at_ms, .. }| (*sends, *sent_at_ms))
}

impl NotFoundTimer {
    /// A lookup found nothing. Returns for how long (ms) that has been so.
    pub(in crate::pipeline) fn not_found(&self, task: &Task) -> i64 {
        let mut all = self.all();
        let fresh = || NotFound { send: send(task), since: Instant::now() };
        let timer = all.entry(task.id).or_insert_with(fresh);
        if timer.send != send(task) {
            *timer = fresh();
        }
        timer.ms()
    }

    /// Whether lookups have found nothing for `settle_ms` already.
    pub(in crate::pipeline) fn is_settled(&self, task: &Task, settle_ms: i64) -> bool {
        let all = self.all();
        let known = all.get(&task.id).filter(|timer| timer.send == send(task));
        known.is_some_and(|timer| timer.ms() >= settle_ms)
    }

    /// What became of the create request is known.
    pub(in crate::pipeline) fn forget(&self, id: TaskId) {
        self.all().remove(&id);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TaskId, NotFound>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NotFound {
    fn ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
