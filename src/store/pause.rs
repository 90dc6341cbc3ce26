//! The pause of the queue, by a person or by the API.

use rusqlite::Connection;

use super::{Reader, Store, StoreError, sql::Sql as _};
use crate::job::names;

/// Who paused the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseKind {
    /// A person, by `lipsyncd pause`: paid calls wait.
    Person,
    /// The API refuses the credentials: every call but the probe waits.
    Credentials,
    /// The account cannot pay: paid calls wait. Paid tasks are still polled and downloaded.
    Account,
}

names!(PauseKind { Person: "person", Credentials: "credentials", Account: "account" });

/// A pause of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Pause {
    pub kind: PauseKind,
    pub reason: String,
    pub code: Option<i64>,
    pub since_ms: i64,
    /// When (Unix ms) the next probe is due; none: only a person ends the pause.
    pub next_probe_at_ms: Option<i64>,
}

/// Create requests that may become a task without another send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCreates {
    /// Requests that were recorded, and not answered or looked up since.
    pub in_flight: i64,
    /// These, and requests whose outcome is being looked up.
    pub in_all: i64,
}

/// Uses the condition of [`Task::is_sending`](crate::job::Task::is_sending).
pub(super) const OPEN_CREATES: &str = "
    SELECT count(*) FILTER (WHERE wait_reason IS NULL), count(*) FROM task INDEXED BY task_state
    WHERE state = 'creating'";

impl Store {
    /// Returns the pause of the queue, if it is paused.
    pub async fn pause(&self) -> Result<Option<Pause>, StoreError> {
        self.read(read_pause).await
    }

    /// Whether the queue is paused for a paid call at this moment. `is_probe`: see [`Store::record_intent`].
    pub async fn is_paused_for(&self, is_probe: bool) -> Result<bool, StoreError> {
        self.read(move |connection| is_paused_for(connection, is_probe)).await
    }

    /// Returns how many create requests are in flight, and how many have an unknown outcome in all. Each of them may
    /// become a paid task although the queue is paused.
    pub async fn open_creates(&self) -> Result<OpenCreates, StoreError> {
        self.read(open_creates).await
    }

    /// Pauses the queue, or resumes it (`None`). A pause by the API does not replace a pause by a person.
    pub async fn set_pause(&self, pause: Option<Pause>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let pause = pause.as_ref();
            connection.run(
                "UPDATE daemon_state SET pause = ?1, pause_reason = ?2, pause_code = ?3,
                       pause_since_ms = ?4, next_probe_at_ms = ?5
                     WHERE ?1 IS NULL OR ?1 = 'person' OR pause IS NULL OR pause <> 'person'",
                (
                    pause.map(|pause| pause.kind.name()),
                    pause.map(|pause| &pause.reason),
                    pause.and_then(|pause| pause.code),
                    pause.map(|pause| pause.since_ms),
                    pause.and_then(|pause| pause.next_probe_at_ms),
                ),
            )
        })
        .await
    }

    /// Pauses the queue for a person. Returns the pause by a person that was there already.
    pub async fn pause_by_person(&self, now_ms: i64) -> Result<Option<Pause>, StoreError> {
        let earlier = self.pause().await?.filter(|pause| pause.kind == PauseKind::Person);
        if earlier.is_none() {
            let pause = Pause {
                kind: PauseKind::Person,
                reason: "paused by `lipsyncd pause`; `lipsyncd resume` ends it".to_owned(),
                code: None,
                since_ms: now_ms,
                next_probe_at_ms: None,
            };
            self.set_pause(Some(pause)).await?;
        }
        Ok(earlier)
    }

    /// Ends every pause. Returns the pause that was there.
    pub async fn resume(&self) -> Result<Option<Pause>, StoreError> {
        let ended = self.pause().await?;
        if ended.is_some() {
            self.set_pause(None).await?;
        }
        Ok(ended)
    }

    /// Writes when the next probe of a pause by the API is due.
    pub async fn set_next_probe(&self, at_ms: i64) -> Result<(), StoreError> {
        self.run("UPDATE daemon_state SET next_probe_at_ms = ?1 WHERE pause <> 'person'", (at_ms,))
            .await
    }

    /// Ends a pause by the API. A pause by a person stays, even if it began a moment ago.
    pub async fn end_api_pause(&self) -> Result<(), StoreError> {
        self.run(
            "UPDATE daemon_state SET pause = NULL, pause_reason = NULL, pause_code = NULL,
                       pause_since_ms = NULL, next_probe_at_ms = NULL
                     WHERE pause <> 'person'",
            (),
        )
        .await
    }
}

impl Reader {
    /// As [`Store::open_creates`].
    pub fn open_creates(&self) -> Result<OpenCreates, StoreError> {
        open_creates(&self.connection)
    }
}

fn open_creates(connection: &Connection) -> Result<OpenCreates, StoreError> {
    let counts =
        |row: &rusqlite::Row<'_>| Ok(OpenCreates { in_flight: row.get(0)?, in_all: row.get(1)? });
    connection.row(OPEN_CREATES, (), counts)
}

/// Whether the queue is paused for a paid call. A probe may be sent during a pause by the API, not during a pause
/// by a person.
pub(super) fn is_paused_for(connection: &Connection, is_probe: bool) -> Result<bool, StoreError> {
    let pause = read_pause(connection)?;
    Ok(pause.is_some_and(|pause| !is_probe || pause.kind == PauseKind::Person))
}

pub(super) fn read_pause(connection: &Connection) -> Result<Option<Pause>, StoreError> {
    let pause = connection.first(
        "SELECT pause, pause_reason, pause_code, pause_since_ms, next_probe_at_ms
         FROM daemon_state WHERE pause IS NOT NULL",
        (),
        |row| {
            let kind: String = row.get(0)?;
            Ok(Pause {
                kind: PauseKind::named(&kind).unwrap_or(PauseKind::Person),
                reason: row.get(1)?,
                code: row.get(2)?,
                // A person who pauses by SQL may not set it.
                since_ms: row.get::<_, Option<i64>>(3)?.unwrap_or_default(),
                next_probe_at_ms: row.get(4)?,
            })
        },
    )?;
    Ok(pause)
}
