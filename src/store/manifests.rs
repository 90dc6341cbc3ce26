//! What the inbox tells the store of a manifest, and what it asks: accepted, refused, gone.
//!
//! Owns the rows of `manifest`; what a difference means for its jobs is in [`super::reconcile`].

use std::{collections::BTreeSet, mem, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Conflict, Reconciled, Store, StoreError,
    change::{self, Change},
    reconcile::{Reconciliation, Stop},
    record, row,
};
use crate::job::{Job, JobSpec, Media, Moment, Policy, Transition, outcome::Fault};

/// A manifest as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownManifest {
    /// Under `jobs_dir`, parts joined by `/`.
    pub path: String,
    /// Size and mtime of what was read.
    pub print: String,
    /// Whether it was refused, for faults of its own or because another was there first.
    pub refused: bool,
}

/// A job that a manifest asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedJob {
    /// What it asks.
    pub spec: JobSpec,
    /// Checksum of what it asks, whatever its key.
    pub meaning: String,
    /// The name made for its task, if the manifest gives it none.
    pub external_base: String,
    /// What is known of its media, or why they cannot be used.
    pub media: Result<Media, Fault>,
}

/// A manifest without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// Under `jobs_dir`, parts joined by `/`.
    pub path: String,
    /// Size and mtime of what was read.
    pub print: String,
    /// Device and inode of what was read.
    pub file_id: String,
    /// Since when (Unix ms) it is known to lie there, or to have changed.
    pub seen_at_ms: i64,
    /// Paths of manifests that changed and could not be read yet, or that cannot be seen.
    pub unread: Arc<BTreeSet<Arc<str>>>,
    /// All its jobs.
    pub jobs: Vec<WantedJob>,
}

impl Store {
    /// Returns every manifest that was in the folder when it was last looked at, by path.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn known_manifests(&self) -> Result<Vec<KnownManifest>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT path, print, state = 'refused' FROM manifest
                 WHERE removed_at_ms IS NULL ORDER BY path",
            )?;
            let known = statement.query_map([], |row| {
                Ok(KnownManifest { path: row.get(0)?, print: row.get(1)?, refused: row.get(2)? })
            })?;
            Ok(known.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Makes the database agree with `manifest`. On a conflict nothing of it is taken in.
    ///
    /// What is handed over by one call after the other is taken in in that order, whenever the answers
    /// are awaited.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn accept(
        &self,
        manifest: Accepted,
        moment: Moment,
        policy: Policy,
    ) -> impl Future<Output = Result<Result<Reconciled, Conflict>, StoreError>> + Send + use<> {
        let path = self.path.clone();
        let accepted = self.writer.call(manifest.jobs.len(), move |connection| {
            let before = change::newest(connection)?;
            let mut reconciliation = Reconciliation::new(connection, moment, &policy);
            if reconciliation.take_in_unheard(&manifest)? {
                let changes = change::since(connection, before)?;
                return Ok(Ok(Reconciled { changes, ..reconciliation.done }));
            }
            connection.prepare_cached("SAVEPOINT accept")?.execute([])?;
            let conflict = match reconciliation.accept(&manifest) {
                Ok(()) => None,
                Err(Stop::Conflict(conflict)) => Some(conflict),
                Err(Stop::Store(error)) => return Err(error),
            };
            let mut done = mem::take(&mut reconciliation.done);
            if conflict.is_some() {
                connection.prepare_cached("ROLLBACK TO accept")?.execute([])?;
            }
            connection.prepare_cached("RELEASE accept")?.execute([])?;
            done.changes = change::since(connection, before)?;
            Ok(conflict.map_or(Ok(done), Err))
        });
        async move { accepted.await.map_err(|error| error.told_of(&path)) }
    }

    /// Marks the jobs that the manifest at `path` does not ask for any more, if it asks for these
    /// (key and meaning), so that they are known in whichever manifest they are read next. Until it
    /// is accepted itself, it counts as not read.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn give_up(
        &self,
        path: &str,
        asked: Vec<(String, String)>,
        moment: Moment,
        policy: Policy,
    ) -> Result<(), StoreError> {
        let path = path.to_owned();
        self.write(move |connection| {
            let id = connection
                .prepare_cached("UPDATE manifest SET print = '' WHERE path = ?1 RETURNING id")?
                .query_row([&path], |row| row.get(0))
                .optional()?;
            let Some(id) = id else { return Ok(()) };
            let asked = asked.iter().map(|(key, meaning)| (key.as_str(), meaning.as_str()));
            Reconciliation::new(connection, moment, &policy).give_up(id, asked)
        })
        .await
    }

    /// Writes down that the manifest at `path` has faults: none of its jobs starts. Returns what that
    /// means for jobs of it that are known.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn refuse(
        &self,
        path: &str,
        print: &str,
        file_id: &str,
        error: &str,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<Change>, StoreError> {
        let [path, print, file_id, error] = [path, print, file_id, error].map(str::to_owned);
        self.write(move |connection| {
            let before = change::newest(connection)?;
            let id: i64 = connection
                .prepare_cached(
                    "INSERT INTO manifest (path, state, error, print, file_id, seen_at_ms)
                     VALUES (?1, 'refused', ?2, ?3, ?4, ?5)
                     ON CONFLICT (path) DO UPDATE SET state = 'refused', error = excluded.error,
                       print = excluded.print, file_id = excluded.file_id,
                       seen_at_ms = excluded.seen_at_ms, removed_at_ms = NULL
                     RETURNING id",
                )?
                .query_row((&path, &error, &print, &file_id, moment.now_ms), |row| row.get(0))?;
            let mut reconciliation = Reconciliation::new(connection, moment, &policy);
            reconciliation.hold_unsent(id, &to_be_mended(&error))?;
            change::since(connection, before)
        })
        .await
    }

    /// Writes down that the manifest at `path` left the folder: what of it was not sent is cancelled,
    /// what was sent is followed to its end. Returns which jobs were cancelled.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn remove(
        &self,
        path: &str,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<Change>, StoreError> {
        let path = path.to_owned();
        self.write(move |connection| {
            let before = change::newest(connection)?;
            let id = connection
                .prepare_cached(
                    "UPDATE manifest SET removed_at_ms = ?2 WHERE path = ?1 RETURNING id",
                )?
                .query_row((&path, moment.now_ms), |row| row.get(0))
                .optional()?;
            let Some(id) = id else { return Ok(Vec::new()) };
            let mut reconciliation = Reconciliation::new(connection, moment, &policy);
            reconciliation.give_up_all(id)?;
            reconciliation.remove_given_up(id)?;
            change::since(connection, before)
        })
        .await
    }

    /// Has the manifest of that job read again, though its file did not change.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn ask_to_read_again(&self, job_id: i64) -> Result<(), StoreError> {
        self.write(move |connection| ask_to_read_again(connection, job_id)).await
    }

    /// Writes a retry down and has the job's manifest read again, in one: a retry runs the job as
    /// its manifest stands now.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody moved the job since it was read: then nothing is written.
    pub async fn record_retry(
        &self,
        transition: Transition,
        now_ms: i64,
    ) -> Result<Job, StoreError> {
        self.write(move |connection| {
            let job = record::record(connection, &transition, None, now_ms)?;
            ask_to_read_again(connection, job.id)?;
            Ok(job)
        })
        .await
    }

    /// Returns up to `limit` jobs behind row `after` that wait for their media, with the path of
    /// their manifest; those of manifests with faults, or that are to be read again, are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn waiting_for_media(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(Job, String)>, StoreError> {
        let sql = row::SELECT_JOB.replace("\nFROM", ", m.path AS manifest_path\nFROM")
            + "JOIN manifest m ON m.id = j.manifest_id
               WHERE j.state = 'waiting' AND j.media_missing IS NOT NULL AND j.id > ?1
                 AND m.state = 'accepted' AND m.print <> ''
               ORDER BY j.id LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let jobs = statement.query_map((after, limit), |row| {
                Ok((row::job_from_row(row)?, row.get("manifest_path")?))
            })?;
            Ok(jobs.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// What the jobs of a refused manifest wait for: its first fault, in one sentence.
fn to_be_mended(error: &str) -> String {
    let mut faults = error.lines();
    let first = faults.next().unwrap_or_default();
    let more = if faults.next().is_some() { ", and more" } else { "" };
    format!("its manifest to be mended: {first}{more}")
}

fn ask_to_read_again(connection: &Connection, job_id: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE manifest SET print = '' WHERE id = (SELECT manifest_id FROM job WHERE id = ?1)",
        )?
        .execute([job_id])?;
    Ok(())
}
