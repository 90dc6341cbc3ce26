//! The state of the line as a whole: pause, slots, what is learnt of the account, the day's spending.

use rusqlite::{Connection, OptionalExtension as _};

use super::{Store, StoreError};

/// Who or what stopped the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseKind {
    /// A person, by `lipsyncd pause`: paid calls wait.
    Person,
    /// The API refuses the credentials: every call waits but the probe.
    Credentials,
    /// The account cannot pay: paid calls wait, what was paid for is still fetched.
    Account,
}

impl PauseKind {
    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Credentials => "credentials",
            Self::Account => "account",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Person, Self::Credentials, Self::Account]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Why the whole line stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Who or what stopped it.
    pub kind: PauseKind,
    /// One sentence.
    pub reason: String,
    /// The API's code, when it was the API.
    pub code: Option<i64>,
    /// Since when (Unix ms).
    pub since_ms: i64,
    /// When (Unix ms) the API is asked again; none: only a person ends it.
    pub next_probe_at_ms: Option<i64>,
}

/// Whether an account answers lookups by `external_task_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookups {
    /// Not learnt yet.
    Unknown,
    /// It does: what a lookup does not find is not there.
    Answered,
    /// It does not: a lost create needs a person.
    Unanswered,
}

impl Lookups {
    const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Answered => "answered",
            Self::Unanswered => "unanswered",
        }
    }
}

impl Store {
    /// Returns why the line stands still, if it does.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pause(&self) -> Result<Option<Pause>, StoreError> {
        self.read(read_pause).await
    }

    /// Stops the line, or lets it go on (`None`). A person's pause is not replaced by the API's.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_pause(&self, pause: Option<Pause>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let pause = pause.as_ref();
            connection
                .prepare_cached(
                    "UPDATE line SET pause = ?1, pause_reason = ?2, pause_code = ?3,
                       pause_since_ms = ?4, next_probe_at_ms = ?5
                     WHERE ?1 IS NULL OR ?1 = 'person' OR pause IS NULL OR pause <> 'person'",
                )?
                .execute((
                    pause.map(|pause| pause.kind.name()),
                    pause.map(|pause| &pause.reason),
                    pause.and_then(|pause| pause.code),
                    pause.map(|pause| pause.since_ms),
                    pause.and_then(|pause| pause.next_probe_at_ms),
                ))?;
            Ok(())
        })
        .await
    }

    /// Ends the API's pause, if it is one. A person's stays, even one that came a moment ago.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn end_api_pause(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "UPDATE line SET pause = NULL, pause_reason = NULL, pause_code = NULL,
                       pause_since_ms = NULL, next_probe_at_ms = NULL
                     WHERE pause <> 'person'",
                )?
                .execute([])?;
            Ok(())
        })
        .await
    }

    /// Says why no new task is started though the line is not paused; `None`: no such reason.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_hold(&self, hold: Option<String>) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.prepare_cached("UPDATE line SET hold = ?1")?.execute([&hold])?;
            Ok(())
        })
        .await
    }

    /// Writes down that a daemon began its work, with the limits it works under.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn begin(
        &self,
        pid: u32,
        now_ms: i64,
        slots_configured: usize,
        cap_micro: Option<i64>,
    ) -> Result<(), StoreError> {
        let slots = i64::try_from(slots_configured).unwrap_or(i64::MAX);
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE line SET daemon_pid = ?1, daemon_since_ms = ?2, slots_configured = ?3,
                       slots_limit = ?3, cap_micro = ?4, hold = NULL",
                )?
                .execute((pid, now_ms, slots, cap_micro))?;
            Ok(())
        })
        .await
    }

    /// Writes down how many slots are used at most, and that the account taught it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_slots_limit(&self, account: &str, limit: usize) -> Result<(), StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let account = account.to_owned();
        self.write(move |connection| {
            connection.prepare_cached("UPDATE line SET slots_limit = ?1")?.execute([limit])?;
            connection
                .prepare_cached(
                    "INSERT INTO account (name, slots_limit) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET slots_limit = excluded.slots_limit",
                )?
                .execute((&account, limit))?;
            Ok(())
        })
        .await
    }

    /// Returns the slots limit that `account` taught, if any.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn learnt_slots_limit(&self, account: &str) -> Result<Option<usize>, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| {
            let limit: Option<i64> = connection
                .prepare_cached("SELECT slots_limit FROM account WHERE name = ?1")?
                .query_row([&account], |row| row.get(0))
                .optional()?
                .flatten();
            Ok(limit.and_then(|limit| usize::try_from(limit).ok()))
        })
        .await
    }

    /// Returns whether `account` answers lookups by `external_task_id`, as far as it is learnt.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn lookups(&self, account: &str) -> Result<Lookups, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| {
            let name: Option<String> = connection
                .prepare_cached("SELECT lookups FROM account WHERE name = ?1")?
                .query_row([&account], |row| row.get(0))
                .optional()?;
            Ok(match name.as_deref() {
                Some("answered") => Lookups::Answered,
                Some("unanswered") => Lookups::Unanswered,
                _ => Lookups::Unknown,
            })
        })
        .await
    }

    /// Keeps what was learnt of the lookups of `account`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn learn_lookups(&self, account: &str, lookups: Lookups) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO account (name, lookups) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET lookups = excluded.lookups",
                )?
                .execute((&account, lookups.name()))?;
            Ok(())
        })
        .await
    }

    /// Returns which folder `jobs_dir` was when it was last taken as such.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn folder(&self) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT folder FROM line")?
                .query_row([], |row| row.get(0))?)
        })
        .await
    }

    /// Keeps which folder `jobs_dir` is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_folder(&self, folder: &str) -> Result<(), StoreError> {
        let folder = folder.to_owned();
        self.write(move |connection| {
            connection.prepare_cached("UPDATE line SET folder = ?1")?.execute([&folder])?;
            Ok(())
        })
        .await
    }

    /// Keeps how long tasks take, for the time left that `status` shows.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_median_task_ms(&self, median_task_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE line SET median_task_ms = ?1")?
                .execute([median_task_ms])?;
            Ok(())
        })
        .await
    }

    /// Returns what was deducted on the UTC day of `now_ms`, in millionths of a unit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn spent_today_micro(&self, now_ms: i64) -> Result<i64, StoreError> {
        self.read(move |connection| {
            let spent = connection
                .prepare_cached(
                    "SELECT identify_micro + task_micro FROM spend
                     WHERE day = strftime('%Y-%m-%d', ?1 / 1000.0, 'unixepoch')",
                )?
                .query_row([now_ms], |row| row.get(0))
                .optional()?;
            Ok(spent.unwrap_or(0))
        })
        .await
    }
}

/// Returns why the line stands still, if it does.
pub(super) fn read_pause(connection: &Connection) -> Result<Option<Pause>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT pause, pause_reason, pause_code, pause_since_ms, next_probe_at_ms
         FROM line WHERE pause IS NOT NULL",
    )?;
    let pause = statement
        .query_row([], |row| {
            let kind: String = row.get(0)?;
            Ok(Pause {
                kind: PauseKind::named(&kind).unwrap_or(PauseKind::Person),
                reason: row.get(1)?,
                code: row.get(2)?,
                since_ms: row.get(3)?,
                next_probe_at_ms: row.get(4)?,
            })
        })
        .optional()?;
    Ok(pause)
}
