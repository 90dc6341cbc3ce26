//! Deletes old data: the history of jobs that ended long ago, and sessions that can no longer be used.
//!
//! Tasks, jobs, manifests and the spending of each day stay for ever: they are the ledger that keeps a request from
//! being paid for twice. `event` and `session` grow at the end in the order of time, so that the row after the last
//! step shows whether anything is old. A row that stays is not checked again: a job that ends later has a later row,
//! which leads to all rows of the job.

use rusqlite::Connection;

use super::{Store, StoreError, sql::Sql as _};

/// The next row of the history, if it is old. A row from the future was written with a wrong clock, and must not
/// block the rows after it.
pub(super) const NEXT_EVENT: &str = "
    SELECT e.id, e.job_id, coalesce(j.finished_at_ms < ?2, 0)
    FROM event e JOIN job j ON j.id = e.job_id
    WHERE e.id = (SELECT id FROM event WHERE id > ?1 ORDER BY id LIMIT 1)
      AND NOT e.at_ms BETWEEN ?2 AND ?3";

pub(super) const DELETE_EVENTS: &str = "
    DELETE FROM event WHERE id IN (SELECT id FROM event WHERE job_id = ?1 ORDER BY id LIMIT ?2)";

/// The next session, and whether it can be deleted. A discarded session has no expiry.
pub(super) const NEXT_SESSION: &str = "
    SELECT id, max(identified_at_ms, expires_at_ms) < ?2
      AND NOT EXISTS (SELECT 1 FROM task WHERE session_row = session.id)
    FROM session
    WHERE id = (SELECT id FROM session WHERE id > ?1 ORDER BY id LIMIT 1)
      AND (max(identified_at_ms, expires_at_ms) < ?2 OR identified_at_ms > ?3)";

#[derive(Clone, Copy)]
struct DeleteStep {
    before_ms: i64,
    now_ms: i64,
    rows_max: usize,
}

impl Store {
    /// Deletes the history of jobs that ended before `before_ms` (Unix ms), and unused sessions that expired before it,
    /// up to about `rows_max` rows. Returns whether there was anything to do; if not, nothing was written.
    pub async fn delete_old(
        &self,
        before_ms: i64,
        now_ms: i64,
        rows_max: usize,
    ) -> Result<bool, StoreError> {
        let step = DeleteStep { before_ms, now_ms, rows_max };
        if !self.read(move |connection| step.is_due(connection)).await? {
            return Ok(false);
        }
        self.write(move |connection| step.take(connection)).await?;
        Ok(true)
    }
}

impl DeleteStep {
    fn is_due(self, connection: &Connection) -> Result<bool, StoreError> {
        let (events, sessions) = seen(connection)?;
        Ok(self.next(connection, NEXT_EVENT, events, |_| Ok(()))?.is_some()
            || self.next(connection, NEXT_SESSION, sessions, |_| Ok(()))?.is_some())
    }

    fn take(self, connection: &Connection) -> Result<(), StoreError> {
        let (events, sessions) = seen(connection)?;
        let events = self.delete_events(connection, events)?;
        let sessions = self.delete_sessions(connection, sessions)?;
        // SQLite uses the number of a deleted newest row again.
        connection.run(
            "UPDATE daemon_state SET
                   events_seen = min(?1, coalesce((SELECT max(id) FROM event), 0)),
                   sessions_seen = min(?2, coalesce((SELECT max(id) FROM session), 0))",
            (events, sessions),
        )
    }

    fn delete_events(self, connection: &Connection, mut seen: i64) -> Result<i64, StoreError> {
        let mut rows = self.rows_max;
        while rows > 0 {
            let next = self.next(connection, NEXT_EVENT, seen, |row| row.try_into())?;
            let Some((event, job, is_old)): Option<(i64, i64, bool)> = next else { break };
            if is_old {
                rows -= connection.changed(DELETE_EVENTS, (job, rows))?;
                if rows == 0 {
                    // The job may have more rows, and no later row may lead to them.
                    break;
                }
            } else {
                rows -= 1;
            }
            seen = event;
        }
        Ok(seen)
    }

    fn delete_sessions(self, connection: &Connection, mut seen: i64) -> Result<i64, StoreError> {
        for _ in 0..self.rows_max {
            let next = self.next(connection, NEXT_SESSION, seen, |row| row.try_into())?;
            let Some((session, is_unused)): Option<(i64, bool)> = next else { break };
            if is_unused {
                connection.run("DELETE FROM session WHERE id = ?1", [session])?;
            }
            seen = session;
        }
        Ok(seen)
    }

    fn next<T>(
        self,
        connection: &Connection,
        sql: &str,
        seen: i64,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        connection.first(sql, (seen, self.before_ms, self.now_ms), read)
    }
}

fn seen(connection: &Connection) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT events_seen, sessions_seen FROM daemon_state";
    connection.row(sql, (), |row| row.try_into())
}
