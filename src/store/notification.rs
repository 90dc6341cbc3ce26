//! Messages about what happened: the triggers of `schema.sql` write them in the transaction of the change, and the daemon
//! sends them. A message stays for two days after it was sent, and for 30 days if it could not be sent.

use rusqlite::Connection;

use super::{
    Notification, Reader, Store, StoreError,
    notification_row::{COLUMNS, by_id, read},
    sql::Sql as _,
};

const DAY_MS: i64 = 86_400_000;
/// Longer than a UTC day, because `budget.reached` is sent once a day.
const SENT_KEPT_MS: i64 = 2 * DAY_MS;
const DEAD_KEPT_MS: i64 = 30 * DAY_MS;

/// The clock was set back if a message is due later than this.
const LONGEST_REST_MS: i64 = 3_600_000;

/// The shortest time between two messages about failed jobs.
const FAILED_EVERY_MS: i64 = 300_000;

pub(super) const NEXT: &str = "
    SELECT id, due_at_ms FROM notification INDEXED BY notification_due
    WHERE state = 'waiting' AND target = ?1 ORDER BY due_at_ms, id LIMIT 1";

pub(super) const PROBLEMS: &str = "
    SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'dead'), problem, max(id)
    FROM notification INDEXED BY notification_problem WHERE state = 'dead' OR state = 'waiting' AND problem IS NOT NULL";

/// What happened before the first try is no longer true: the manifest continues, or has other errors.
const IS_OUTDATED: &str = "
    SELECT n.event = 'manifest.finished' AND NOT EXISTS (
        SELECT 1 FROM manifest m WHERE m.path = n.manifest AND m.jobs > 0 AND m.jobs = m.succeeded + m.failed + m.cancelled)
      OR n.event = 'manifest.error' AND NOT EXISTS (
        SELECT 1 FROM manifest m WHERE m.path = n.manifest AND m.error = n.reason)
    FROM notification n WHERE n.id = ?1";

/// While a manifest is read, its jobs end one by one: the counts are those of the first try.
const COUNT_JOBS: &str = "
    UPDATE notification SET (jobs, succeeded, failed, cancelled) =
      (SELECT jobs, succeeded, failed, cancelled FROM manifest WHERE path = notification.manifest) WHERE id = ?1";

/// When a new message about failed jobs may be sent: not while an earlier one waits for another try, because a target
/// that works again would get all of them at once.
pub(super) const FAILED_NEXT: &str = "
    SELECT max(CASE state WHEN 'waiting' THEN ?2 ELSE min(ended_at_ms, ?2) END)
    FROM notification INDEXED BY notification_failed WHERE event = 'jobs.failed' AND tries > 0 AND target = ?1";

/// Messages that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationProblems {
    /// Messages whose last try failed, and which are tried again.
    pub failing: i64,
    /// Messages that failed for a day.
    pub dead: i64,
    /// Why the newest of them failed.
    pub problem: Option<String>,
}

impl Store {
    /// Writes which target (its place in the configuration, from 1) wants which events. Deletes the messages of targets
    /// that were removed, and returns how many of them were not sent.
    pub async fn set_notify_events(
        &self,
        wanted: Vec<(i64, &'static str)>,
        targets: i64,
    ) -> Result<usize, StoreError> {
        self.write(move |connection| {
            connection.run("DELETE FROM notify_event", ())?;
            for (target, event) in &wanted {
                let sql = "INSERT OR IGNORE INTO notify_event (target, event) VALUES (?1, ?2)";
                connection.run(sql, (target, event))?;
            }
            let unsent =
                "SELECT count(*) FROM notification WHERE state = 'waiting' AND target > ?1";
            let unsent: i64 = connection.value(unsent, [targets])?;
            connection.run("DELETE FROM notification WHERE target > ?1", [targets])?;
            Ok(usize::try_from(unsent).unwrap_or_default())
        })
        .await
    }

    /// Returns a message for `target` whose next try is due.
    pub async fn due_notification(
        &self,
        target: i64,
        now_ms: i64,
    ) -> Result<Option<i64>, StoreError> {
        let next: Option<(i64, i64)> = self
            .read(move |connection| connection.first(NEXT, [target], |row| row.try_into()))
            .await?;
        let is_due = |due_at_ms: i64| {
            due_at_ms <= now_ms || due_at_ms.saturating_sub(now_ms) > LONGEST_REST_MS
        };
        Ok(next.filter(|(_, due_at_ms)| is_due(*due_at_ms)).map(|(id, _)| id))
    }

    /// Returns a message for `target` that was not tried yet, also if it is not due.
    pub async fn untried_notification(&self, target: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT id FROM notification WHERE state = 'waiting' AND target = ?1 AND problem IS NULL
                   ORDER BY due_at_ms, id LIMIT 1";
        self.read(move |connection| connection.first(sql, [target], |row| row.get(0))).await
    }

    /// Writes that a message is tried now, and returns it; none if it is outdated, or if it is about failed jobs, and an
    /// earlier one was sent just now (`is_last`: there is no later try). More jobs no longer join it. If the process
    /// ends before the result is written, the message is tried again at `due_at_ms` (Unix ms).
    pub async fn claim_notification(
        &self,
        id: i64,
        now_ms: i64,
        due_at_ms: i64,
        is_last: bool,
    ) -> Result<Option<Notification>, StoreError> {
        self.write(move |connection| {
            let Some(found) = by_id(connection, id)? else { return Ok(None) };
            if found.tries == 0 && !is_ready(connection, &found, now_ms, is_last)? {
                return Ok(None);
            }
            let sql = "UPDATE notification SET tries = tries + 1, due_at_ms = ?2,
                       first_try_at_ms = coalesce(first_try_at_ms, ?3) WHERE id = ?1";
            connection.run(sql, (id, due_at_ms, now_ms))?;
            by_id(connection, id)
        })
        .await
    }

    /// Writes that a message was sent.
    pub async fn notification_sent(&self, id: i64, now_ms: i64) -> Result<(), StoreError> {
        let sql = "UPDATE notification SET state = 'sent', ended_at_ms = ?2, problem = NULL WHERE id = ?1";
        self.run(sql, (id, now_ms)).await
    }

    /// Writes why a message could not be sent, and when it is tried again; `None`: never.
    pub async fn notification_failed(
        &self,
        id: i64,
        problem: String,
        due_at_ms: Option<i64>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE notification SET problem = ?2, due_at_ms = coalesce(?3, due_at_ms),
                   state = CASE WHEN ?3 IS NULL THEN 'dead' ELSE 'waiting' END,
                   ended_at_ms = CASE WHEN ?3 IS NULL THEN ?4 END WHERE id = ?1";
        self.run(sql, (id, problem, due_at_ms, now_ms)).await
    }

    /// Returns whether a message waits for its first try, or for the end of it.
    pub async fn has_untried_notifications(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM notification WHERE state = 'waiting' AND problem IS NULL";
        self.read(move |connection| connection.exists(sql, ())).await
    }

    /// Deletes messages that ended long ago, up to `rows_max`. Returns whether there may be more.
    pub async fn delete_old_notifications(
        &self,
        now_ms: i64,
        rows_max: usize,
    ) -> Result<bool, StoreError> {
        let before = (now_ms.saturating_sub(SENT_KEPT_MS), now_ms.saturating_sub(DEAD_KEPT_MS));
        self.write(move |connection| {
            let sql = "DELETE FROM notification WHERE id IN (
                         SELECT id FROM notification INDEXED BY notification_ended
                         WHERE ended_at_ms IS NOT NULL AND ended_at_ms < ?1 AND (state = 'sent' OR ended_at_ms < ?2)
                         LIMIT ?3)";
            Ok(connection.changed(sql, (before.0, before.1, rows_max))? == rows_max)
        })
        .await
    }

    /// Makes the daemon send messages again whose last try failed. Each is tried for another day. Returns how many.
    pub async fn retry_notifications(&self) -> Result<usize, StoreError> {
        self.write(|connection| {
            let sql =
                "UPDATE notification SET state = 'waiting', due_at_ms = 0, ended_at_ms = NULL,
                       first_try_at_ms = NULL
                 WHERE state = 'dead' OR state = 'waiting' AND problem IS NOT NULL";
            connection.changed(sql, ())
        })
        .await
    }

    /// Deletes messages whose last try failed. Returns how many.
    pub async fn discard_notifications(&self) -> Result<usize, StoreError> {
        self.write(|connection| {
            let sql = "DELETE FROM notification WHERE state = 'dead' OR state = 'waiting' AND problem IS NOT NULL";
            connection.changed(sql, ())
        })
        .await
    }
}

impl Reader {
    /// Returns the newest messages that could not be sent, up to `limit`.
    pub fn unsent_notifications(&self, limit: i64) -> Result<Vec<Notification>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE state = 'dead' OR state = 'waiting' AND problem IS NOT NULL ORDER BY id DESC LIMIT ?1"
        );
        self.connection.all(&sql, [limit], read)
    }
}

/// Prepares the first try of a message. Returns false if there is none now: the message is deleted or due later.
fn is_ready(
    connection: &Connection,
    message: &Notification,
    now_ms: i64,
    is_last: bool,
) -> Result<bool, StoreError> {
    let id = message.id;
    if connection.value(IS_OUTDATED, [id])? {
        connection.run("DELETE FROM notification WHERE id = ?1", [id])?;
        return Ok(false);
    }
    if message.event == "manifest.finished" {
        connection.run(COUNT_JOBS, [id])?;
    } else if message.event == "jobs.failed" && !is_last {
        let earlier: Option<i64> = connection.value(FAILED_NEXT, (message.target, now_ms))?;
        let next_ms = earlier.map(|at_ms| at_ms.saturating_add(FAILED_EVERY_MS));
        if let Some(next_ms) = next_ms.filter(|next_ms| *next_ms > now_ms) {
            connection
                .run("UPDATE notification SET due_at_ms = ?2 WHERE id = ?1", (id, next_ms))?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns what could not be sent.
pub(super) fn problems(connection: &Connection) -> Result<NotificationProblems, StoreError> {
    connection.row(PROBLEMS, (), |row| {
        Ok(NotificationProblems { failing: row.get(0)?, dead: row.get(1)?, problem: row.get(2)? })
    })
}
