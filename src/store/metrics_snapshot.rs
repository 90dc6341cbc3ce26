//! What is read whenever somebody reads the metrics: where everything stands, and how long the oldest
//! jobs have been waiting.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

use super::{QueueStatus, Store, StoreError, overview};
use crate::job::State;

/// Where everything stands, with the oldest jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsSnapshot {
    /// As `status` tells it.
    pub queue_status: QueueStatus,
    /// For each state that a job can leave by itself or by a person's word: since when (Unix ms) the
    /// job waits that has been waiting longest, none where there is none.
    pub oldest_since_ms: BTreeMap<State, Option<i64>>,
}

/// So many jobs of a state are looked at, those that were made first. The one that waits longest is
/// among them unless all of these were tried anew since; then an age is told that is too small, and
/// grows.
const LOOKED_AT_MAX: i64 = 100;

/// Who was sent waits since then. Who is in line waits since it came to it, which is its last change; who
/// failed since, from when it began to fail; and who has no place in the output folder is changed with each
/// try. Who waits for `not_before` waits as it was told to, and is left out.
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
    /// Reads where everything stands at `now_ms` (Unix time). The question is asked when this returns,
    /// and what is to be awaited holds nothing of the store.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn metrics_snapshot(
        &self,
        now_ms: i64,
    ) -> impl Future<Output = Result<MetricsSnapshot, StoreError>> + Send + use<> {
        let path = self.path.clone();
        let measured = self.reader.call(0, move |connection| {
            Ok(MetricsSnapshot {
                queue_status: overview::queue_status(connection, now_ms)?,
                oldest_since_ms: oldest_since_ms(connection)?,
            })
        });
        async move { measured.await.map_err(|error| error.told_of(&path)) }
    }
}

fn oldest_since_ms(connection: &Connection) -> Result<BTreeMap<State, Option<i64>>, StoreError> {
    let mut statement = connection.prepare_cached(OLDEST)?;
    let unfinished = State::ALL.into_iter().filter(|state| !state.is_finished());
    unfinished
        .map(|state| {
            let bound = named_params! { ":state": state.name(), ":limit": LOOKED_AT_MAX };
            Ok((state, statement.query_row(bound, |row| row.get(0))?))
        })
        .collect()
}
