//! What happens at the moment: the tasks in the slots, and the last failures. Each query reads only what it shows, so that
//! `status --watch` is as fast with a million jobs.

use rusqlite::named_params;

use super::{
    Reader, StoreError,
    sql::{Sql as _, columns},
};
use crate::job::State;

/// A task that holds a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotTask {
    /// The key of its lead job.
    pub key: String,
    /// `creating`, `submitted` or `processing`.
    pub state: State,
    /// When (Unix ms) its create request was sent last.
    pub sent_at_ms: i64,
}

/// A job that failed lately.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RecentFailure {
    pub key: String,
    /// Unix ms.
    pub at_ms: i64,
    pub code: Option<String>,
    pub error: Option<String>,
}

/// The oldest first: it is the one that may hang.
pub(super) const SLOTS: &str = "
    SELECT j.key, t.state, coalesce(t.sent_at_ms, t.updated_at_ms) AS sent_at_ms
    FROM task t INDEXED BY task_state JOIN job j ON j.id = t.lead_job
    WHERE t.state IN ('creating', 'submitted', 'processing') AND t.slot_released = 0
    ORDER BY 3, t.id LIMIT :limit";

/// The end of the history is read, however long the history is. 9 is the number of `failed`.
pub(super) const FAILURES: &str = "
    SELECT j.key, e.at_ms, coalesce(j.error_code, t.error_code) AS code, coalesce(j.error, t.error) AS error
    FROM (SELECT id, job_id, at_ms FROM event
          WHERE id > (SELECT max(id) FROM event) - :events AND to_state = 9 AND from_state IS NOT 9
          ORDER BY id DESC LIMIT :limit) e
    JOIN job j ON j.id = e.job_id LEFT JOIN task t ON t.id = j.task_row
    WHERE j.state = 'failed' AND j.dismissed = 0 ORDER BY e.id DESC";

const EVENTS_MAX: i64 = 20_000;

impl Reader {
    /// Reads at most `limit` tasks in slots, the oldest first.
    pub fn slot_tasks(&self, limit: i64) -> Result<Vec<SlotTask>, StoreError> {
        let bound = named_params! { ":limit": limit };
        self.connection.all(SLOTS, bound, |row| columns!(row => SlotTask: key state sent_at_ms))
    }

    /// Reads at most `limit` of the jobs that failed lately, the newest first.
    pub fn recent_failures(&self, limit: i64) -> Result<Vec<RecentFailure>, StoreError> {
        let bound = named_params! { ":limit": limit, ":events": EVENTS_MAX };
        self.connection.all(
            FAILURES,
            bound,
            |row| columns!(row => RecentFailure: key at_ms code error),
        )
    }
}
