//! For how long lost creates have stayed absent: by the monotonic clock, and in this life of the
//! process, so that neither a wall clock that jumps nor a restart makes the time shorter.
//!
//! What guards what: `kling.create_settle` covers the time in which a task that was accepted does not
//! show up in lookups yet. It cannot cover a request that is still on its way: lookups begin when the
//! client gave it up (`kling.request_timeout`), and a proxy in between may deliver it later still. A
//! create that comes so late meets one that was sent again under the same `external_task_id`, and one
//! of the two is refused, for "uniqueness must be ensured". So each guards what the other does not.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::job::{Create, Task, TaskId};

/// Since when lookups find nothing, for each create that is looked up.
#[derive(Debug, Default)]
pub(super) struct Absences(Mutex<HashMap<TaskId, Absence>>);

#[derive(Debug)]
struct Absence {
    /// As it was last sent: what was heard before that counts no more.
    create: Option<Create>,
    since: Instant,
}

impl Absences {
    /// A lookup found nothing. Returns for how long (ms) that has been so.
    pub(super) fn heard(&self, task: &Task) -> i64 {
        let mut all = self.all();
        let fresh = || Absence { create: task.create.clone(), since: Instant::now() };
        let absence = all.entry(task.id).or_insert_with(fresh);
        if absence.create != task.create {
            *absence = fresh();
        }
        absence.ms()
    }

    /// Whether lookups have found nothing for `settle_ms` already.
    pub(super) fn is_settled(&self, task: &Task, settle_ms: i64) -> bool {
        let all = self.all();
        let known = all.get(&task.id).filter(|absence| absence.create == task.create);
        known.is_some_and(|absence| absence.ms() >= settle_ms)
    }

    /// What became of the create is known.
    pub(super) fn forget(&self, id: TaskId) {
        self.all().remove(&id);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TaskId, Absence>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Absence {
    fn ms(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
