//! The values of the metrics that come from the database: the state of the queue, and the age of the oldest jobs.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

use super::{QueueStatus, Store, StoreError, queue_status, sql::Sql as _};
use crate::job::State;

/// The state of the queue, with the oldest jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsSnapshot {
    /// As `status` shows it.
    pub queue_status: QueueStatus,
    /// For each state that is not final: when (Unix ms) the job began to wait that has waited longest; none: no job.
    pub oldest_since_ms: BTreeMap<State, Option<i64>>,
}

/// How many jobs of a state are read, the oldest first. The job that has waited longest is among them, unless all of
/// these were tried again since; then the age is too small, and grows.
const OLDEST_JOBS_MAX: i64 = 100;

/// A sent job waits since it was sent. A queued job waits since its last change, and since its first failure if it
/// has failed; each try of a blocked output is a change. Jobs that wait for `not_before` are left out.
pub(super) const OLDEST: &str = "
    SELECT min(since_ms) FROM (
      SELECT CASE
          WHEN j.task_row IS NULL THEN j.state_since_ms
          WHEN j.state IN ('creating', 'submitted', 'processing', 'unresolved') THEN coalesce(t.sent_at_ms, t.updated_at_ms)
          WHEN j.state = 'waiting' THEN NULL
          WHEN t.state = 'succeeded' THEN coalesce(j.failing_since_ms, j.state_since_ms)
          WHEN t.due_at_ms > 0 THEN coalesce(t.failing_since_ms, t.created_at_ms)
          ELSE coalesce(t.failing_since_ms, t.updated_at_ms)
        END AS since_ms
      FROM job j INDEXED BY job_state LEFT JOIN task t ON t.id = j.task_row
      WHERE j.state = :state ORDER BY j.id LIMIT :limit)";

impl Store {
    /// Reads the values at `now_ms` (Unix time). The query is sent before this returns, and the future holds no handle
    /// of the store.
    pub fn metrics_snapshot(
        &self,
        now_ms: i64,
    ) -> impl Future<Output = Result<MetricsSnapshot, StoreError>> + Send + use<> {
        let path = self.path.clone();
        let snapshot = self.reader.call(0, move |connection| {
            Ok(MetricsSnapshot {
                queue_status: queue_status::queue_status(connection, now_ms)?,
                oldest_since_ms: oldest_since_ms(connection)?,
            })
        });
        async move { snapshot.await.map_err(|error| error.with_path(&path)) }
    }
}

fn oldest_since_ms(connection: &Connection) -> Result<BTreeMap<State, Option<i64>>, StoreError> {
    let unfinished = State::ALL.into_iter().filter(|state| !state.is_finished());
    unfinished
        .map(|state| {
            let bound = named_params! { ":state": state, ":limit": OLDEST_JOBS_MAX };
            Ok((state, connection.value(OLDEST, bound)?))
        })
        .collect()
}
