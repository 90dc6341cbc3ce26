//! The next tasks of the queue.
//!
//! No query grows with the queue: each reads the beginning of a partial index of `schema.sql`.

use rusqlite::Connection;

use super::{Store, StoreError, sql::Sql as _, task_row};
use crate::job::{State, Task};

/// A scan of one index. The index is named, because SQLite would choose the index on the state and sort a million
/// tasks.
pub(super) struct IndexScan {
    index: &'static str,
    condition: &'static str,
}

impl IndexScan {
    pub(super) fn sql(&self) -> String {
        task_row::select(Some(self.index), self.condition)
    }
}

pub(super) const QUEUED: IndexScan = IndexScan {
    index: "task_queued",
    condition: "WHERE t.state = 'queued' AND t.due_at_ms = 0
                ORDER BY t.priority DESC, t.turn, t.id LIMIT :limit",
};

/// Leaves out tasks whose video is a local file: it skips them, in the order of the queue.
pub(super) const QUEUED_REMOTE: IndexScan = IndexScan {
    index: "task_queued",
    condition: "WHERE t.state = 'queued' AND t.due_at_ms = 0 AND t.video_kind <> 'file'
                ORDER BY t.priority DESC, t.turn, t.id LIMIT :limit",
};

pub(super) const DELAYED: IndexScan = IndexScan {
    index: "task_delayed",
    condition: "WHERE t.state = 'queued' AND t.due_at_ms > 0
                AND t.due_at_ms >= :from_ms AND t.due_at_ms <= :until_ms
                ORDER BY t.due_at_ms LIMIT :limit",
};

pub(super) const DUE_WAITING: IndexScan = IndexScan {
    index: "task_waiting",
    condition: "WHERE t.state = 'waiting' AND t.due_at_ms <= :now_ms
                ORDER BY t.due_at_ms LIMIT :limit",
};

pub(super) const NEXT_DUE: &str = "
    SELECT min(due) FROM (
      SELECT min(due_at_ms) AS due FROM task INDEXED BY task_delayed
      WHERE state = 'queued' AND due_at_ms > 0 AND due_at_ms > ?1
      UNION ALL
      SELECT min(due_at_ms) FROM task INDEXED BY task_waiting WHERE state = 'waiting' AND due_at_ms > ?1
      UNION ALL
      SELECT min(due_at_ms) FROM task INDEXED BY task_state
      WHERE state = 'downloading' AND due_at_ms > ?1
      UNION ALL
      SELECT min(due_at_ms) FROM job INDEXED BY job_due WHERE due_at_ms > ?1
      UNION ALL
      SELECT min(due_at_ms) FROM missing_watermark INDEXED BY missing_watermark_due WHERE due_at_ms > ?1)";

pub(super) fn due_in_state(state: State) -> String {
    let condition = format!(
        "WHERE t.state = '{}' AND (t.due_at_ms <= :now_ms OR t.due_at_ms > :latest_ms)
         ORDER BY t.id LIMIT :limit",
        state.name()
    );
    task_row::select(Some("task_state"), &condition)
}

/// Whether any task moves before its create request, and how many tasks and deliveries move after it. Tasks that
/// failed too often, tasks that Kling has not shown for long, and results that wait because Kling's server has only a
/// part of them, are left out.
pub(super) const MOVING: &str = "
    SELECT
      EXISTS (SELECT 1 FROM task INDEXED BY task_queued WHERE state = 'queued' AND due_at_ms = 0)
      OR EXISTS (SELECT 1 FROM task INDEXED BY task_delayed WHERE state = 'queued' AND due_at_ms > 0
        AND NOT (tries >= ?1 AND failing_since_ms IS NULL AND updated_at_ms >= ?2))
      OR EXISTS (SELECT 1 FROM task INDEXED BY task_state WHERE state = 'identified'
        AND NOT (tries >= ?1 AND failing_since_ms IS NULL AND updated_at_ms >= ?2)),
      (SELECT count(*) FROM task INDEXED BY task_state
       WHERE state IN ('creating', 'submitted', 'processing') AND slot_released = 0
         OR state = 'downloading' AND NOT (tries >= ?1 AND updated_at_ms >= ?2)
           AND NOT (due_at_ms > ?3 AND EXISTS (SELECT 1 FROM incomplete_download i
             WHERE i.task_row = task.id AND i.video = 'result' AND i.times >= 3)))
      + (SELECT count(*) FROM job INDEXED BY job_due
         WHERE due_at_ms IS NOT NULL AND NOT (tries >= ?1 AND updated_at_ms >= ?2))
      + (SELECT count(*) FROM missing_watermark w INDEXED BY missing_watermark_due CROSS JOIN job j
         WHERE w.due_at_ms IS NOT NULL AND w.tries < ?1
           AND j.id = w.job_id AND j.task_row = w.task_row AND j.state = 'succeeded')";

impl Store {
    /// Returns up to `limit` queued tasks that are due at once, in the order of the queue.
    pub async fn queued(&self, limit: usize) -> Result<Vec<Task>, StoreError> {
        self.tasks(&QUEUED.sql(), [], limit).await
    }

    /// Returns the same without tasks whose video is a local file.
    pub async fn queued_remote(&self, limit: usize) -> Result<Vec<Task>, StoreError> {
        self.tasks(&QUEUED_REMOTE.sql(), [], limit).await
    }

    /// Returns up to `limit` queued tasks that failed and are due again at `now_ms`, the longest due first. A task that
    /// waits for longer than `rest_max_ms` is due, too: the clock was set back since.
    pub async fn due_again(
        &self,
        now_ms: i64,
        rest_max_ms: i64,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let latest_ms = now_ms.saturating_add(rest_max_ms).saturating_add(1);
        let mut tasks = Vec::new();
        for (from_ms, until_ms) in [(1, now_ms), (latest_ms, i64::MAX)] {
            let span = [(":from_ms", from_ms), (":until_ms", until_ms)];
            tasks
                .extend(self.tasks(&DELAYED.sql(), span, limit.saturating_sub(tasks.len())).await?);
        }
        Ok(tasks)
    }

    /// Returns up to `limit` tasks whose `not_before` has come at `now_ms`.
    pub async fn due_waiting(&self, now_ms: i64, limit: usize) -> Result<Vec<Task>, StoreError> {
        self.tasks(&DUE_WAITING.sql(), [(":now_ms", now_ms)], limit).await
    }

    /// Returns up to `limit` tasks of `state` that are due at `now_ms`, the oldest first; for
    /// `rest_max_ms` see [`Store::due_again`].
    pub async fn due_in_state(
        &self,
        state: State,
        now_ms: i64,
        rest_max_ms: i64,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let due = [(":now_ms", now_ms), (":latest_ms", now_ms.saturating_add(rest_max_ms))];
        self.tasks(&due_in_state(state), due, limit).await
    }

    /// Returns when (Unix ms) the next waiting task or delivery is due.
    pub async fn next_due_at_ms(&self, now_ms: i64) -> Result<Option<i64>, StoreError> {
        self.read(move |connection| {
            Ok(connection.first(NEXT_DUE, [now_ms], |row| row.get(0))?.flatten())
        })
        .await
    }

    /// Returns whether any task still moves automatically before its create request, and how many tasks and deliveries
    /// do after it. Left out is what waits for media or a person, and what failed `tries_max` times in a row, the last
    /// time after `since_ms`, at a download or because the output file cannot be written; also results that Kling's
    /// server has only in part, and that are not due at `now_ms`.
    pub async fn count_moving(
        &self,
        tries_max: u32,
        since_ms: i64,
        now_ms: i64,
    ) -> Result<(bool, i64), StoreError> {
        self.read(move |connection| {
            connection.row(MOVING, (tries_max, since_ms, now_ms), |row| row.try_into())
        })
        .await
    }

    /// Returns the number of jobs in `states`.
    pub async fn count(&self, states: &[State]) -> Result<i64, StoreError> {
        let names: Vec<String> = states.iter().map(|state| format!("'{}'", state.name())).collect();
        let sql = format!("SELECT sum(jobs) FROM state WHERE name IN ({})", names.join(", "));
        self.read(move |connection| Ok(connection.query_row(&sql, [], |row| row.get(0))?)).await
    }

    async fn tasks<const N: usize>(
        &self,
        sql: &str,
        parameters: [(&'static str, i64); N],
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let sql = sql.to_owned();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection: &Connection| {
            let mut bound: Vec<(&str, &dyn rusqlite::ToSql)> = vec![(":limit", &limit)];
            bound.extend(parameters.iter().map(|(name, value)| (*name, value as _)));
            connection.all(&sql, bound.as_slice(), task_row::read)
        })
        .await
    }
}
