//! Measures for how long Kling has shown no task of a create request.
//!
//! The monotonic clock of this process counts, so that a wall clock that jumps and a restart do not make the time
//! shorter. `kling.create_settle` covers the time until Kling shows an accepted task. It is longer than
//! `kling.request_timeout`, because a proxy can deliver a request after the client stopped waiting.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::job::{CreateAttempt, Task, TaskId};

/// Since when lookups find nothing, for each create request that is looked up.
#[derive(Debug, Default)]
pub(crate) struct NotFoundTimer(Mutex<HashMap<TaskId, NotFound>>);

#[derive(Debug)]
struct NotFound {
    /// How often, and when, the request had been sent. After another send the time starts again.
    send: Option<(u32, i64)>,
    since: Instant,
}

fn send(task: &Task) -> Option<(u32, i64)> {
    task.create.as_ref().map(|CreateAttempt { sends, sent_at_ms, .. }| (*sends, *sent_at_ms))
}

impl NotFoundTimer {
    /// A lookup that started at `asked_at` found nothing. Returns for how long (ms) lookups had found nothing by then:
    /// Kling may have shown the task after it was asked.
    pub(crate) fn not_found(&self, task: &Task, asked_at: Instant) -> i64 {
        let mut all = self.all();
        let fresh = || NotFound { send: send(task), since: Instant::now() };
        let timer = all.entry(task.id).or_insert_with(fresh);
        if timer.send != send(task) {
            *timer = fresh();
        }
        timer.ms(asked_at)
    }

    /// Whether lookups have found nothing for `settle_ms`.
    pub(crate) fn is_settled(&self, task: &Task, settle_ms: i64) -> bool {
        let all = self.all();
        let known = all.get(&task.id).filter(|timer| timer.send == send(task));
        known.is_some_and(|timer| timer.ms(Instant::now()) >= settle_ms)
    }

    /// The outcome of the create request is known.
    pub(crate) fn forget(&self, id: TaskId) {
        self.all().remove(&id);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TaskId, NotFound>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NotFound {
    fn ms(&self, by: Instant) -> i64 {
        let absent = by.saturating_duration_since(self.since);
        i64::try_from(absent.as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;
    use crate::testing::jobs::task;

    #[tokio::test(start_paused = true)]
    async fn only_a_lookup_that_started_after_the_settle_time_counts() {
        const SETTLE: Duration = Duration::from_secs(90);
        let (timer, task) = (NotFoundTimer::default(), task());
        assert_eq!(timer.not_found(&task, Instant::now()), 0);
        advance(SETTLE - Duration::from_secs(1)).await;
        // This lookup takes long: Kling may have shown the task after it was asked.
        let asked_at = Instant::now();
        advance(Duration::from_secs(30)).await;
        assert_eq!(timer.not_found(&task, asked_at), 89_000);
        assert_eq!(timer.not_found(&task, Instant::now()), 119_000);
    }
}
