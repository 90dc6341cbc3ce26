//! What the inbox reports of manifests: accepted, refused, missing.
//!
//! Owns the rows of `manifest`; what a difference means for its jobs is in [`super::reconcile`].

use std::{collections::HashSet, mem};

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Conflict, Reconciled, Store, StoreError,
    change::{self, JobChange},
    job_row::{self, JobRow},
    reconcile::Reconciliation,
    record::add_event,
    sharing::Stop,
};
use crate::job::{JobId, JobSpec, Media, Moment, Policy, State, outcome::PermanentError};

/// A manifest as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Under `jobs_dir`, parts joined by `/`.
    pub path: String,
    /// Size and times of what was read.
    pub file_stamp: String,
    /// Whether it was refused, for errors of its own or because another was there first.
    pub refused: bool,
}

/// What `watch.on_change` says: what becomes of a job whose request changes after its task was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnChange {
    /// It keeps its result and is flagged.
    #[default]
    Flag,
    /// The new request is made.
    Run,
}

/// With `watch.on_change: run`, one file that changes more finished jobs than these runs none of them: they are
/// flagged.
pub const RUN_AT_ONCE_MAX: usize = 20;

/// A job that a manifest asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedJob {
    /// What it asks.
    pub spec: JobSpec,
    /// Digest of all its keys.
    pub spec_hash: String,
    /// Digest of what decides its result; none while its media cannot be read.
    pub request_hash: Option<String>,
    /// What is known of its media, or why they cannot be used.
    pub media: Result<Media, PermanentError>,
}

/// A manifest without errors.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedManifest {
    /// Under `jobs_dir`, parts joined by `/`.
    pub path: String,
    /// Size and times of what was read.
    pub file_stamp: String,
    /// All its jobs.
    pub jobs: Vec<WantedJob>,
}

impl Store {
    /// Returns every manifest that was in the folder at the last scan, by path.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn stored_manifests(&self) -> Result<Vec<StoredManifest>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT path, file_stamp, state = 'refused' FROM manifest
                 WHERE removed_at_ms IS NULL ORDER BY path",
            )?;
            let known = statement.query_map([], |row| {
                Ok(StoredManifest {
                    path: row.get(0)?,
                    file_stamp: row.get(1)?,
                    refused: row.get(2)?,
                })
            })?;
            Ok(known.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Makes the database agree with `manifest`. On a conflict nothing of it is taken in.
    ///
    /// Manifests that are handed over one after the other are taken in in that order, whenever the answers
    /// are awaited.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn accept(
        &self,
        manifest: AcceptedManifest,
        moment: Moment,
        policy: Policy,
        on_change: OnChange,
    ) -> impl Future<Output = Result<Result<Reconciled, Conflict>, StoreError>> + Send + use<> {
        let path = self.path.clone();
        let accepted = self.writer.call(manifest.jobs.len(), move |connection| {
            all_or_nothing(connection, moment, &policy, on_change, |reconciliation| {
                reconciliation.accept(&manifest)
            })
        });
        async move { accepted.await.map_err(|error| error.told_of(&path)) }
    }

    /// Compares one job with what was found of its media now. On a conflict a job without a task waits until the
    /// conflict is gone; of a job with a task nothing is written.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn check_media(
        &self,
        job_id: JobId,
        wanted: WantedJob,
        moment: Moment,
        policy: Policy,
        on_change: OnChange,
    ) -> Result<Result<Reconciled, Conflict>, StoreError> {
        self.write(move |connection| {
            let checked =
                all_or_nothing(connection, moment, &policy, on_change, |reconciliation| {
                    let row = job_row::by_id(connection, job_id)?;
                    let Some(row) = row.filter(|row| row.job.absent_since_ms.is_none()) else {
                        return Ok(());
                    };
                    // Read again meanwhile, its manifest asks for something else.
                    if row.job.spec_hash != wanted.spec_hash || row.job.spec.key != wanted.spec.key
                    {
                        return Ok(());
                    }
                    let was_unknown = row.job.request_hash.is_none();
                    reconciliation.compare(row, &wanted, false)?;
                    match was_unknown && wanted.request_hash.is_some() {
                        true => reconciliation.require_output(&wanted),
                        false => Ok(()),
                    }
                })?;
            match checked {
                Ok(done) => Ok(Ok(done)),
                Err(conflict) => wait_for_conflict(connection, job_id, conflict, moment.now_ms),
            }
        })
        .await
    }

    /// Writes that the manifest at `path` has errors: none of its jobs starts. Returns what that means for
    /// jobs of it that are known.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn refuse(
        &self,
        path: &str,
        file_stamp: &str,
        error: &str,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let [path, file_stamp, error] = [path, file_stamp, error].map(str::to_owned);
        self.write(move |connection| {
            let before = change::newest(connection)?;
            let id = enter(connection, &path, &file_stamp, Some(&error), moment.now_ms)?;
            let mut reconciliation =
                Reconciliation::new(connection, moment, &policy, OnChange::Flag)?;
            reconciliation.see(id)?;
            reconciliation.hold_unsent(id, &to_be_fixed(&error))?;
            change::since(connection, before)
        })
        .await
    }

    /// Writes that a scan misses the manifest at `path`, and all its jobs with it. Returns what that means for
    /// them.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn miss(
        &self,
        path: &str,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let path = path.to_owned();
        self.write(move |connection| {
            let before = change::newest(connection)?;
            connection
                .prepare_cached("UPDATE manifest SET removed_at_ms = ?2 WHERE path = ?1")?
                .execute((&path, moment.now_ms))?;
            if let Some(id) = row_of(connection, &path)? {
                Reconciliation::new(connection, moment, &policy, OnChange::Flag)?
                    .miss_others(id, &HashSet::new())?;
            }
            change::since(connection, before)
        })
        .await
    }

    /// Writes that the manifest at `path` no longer asks for jobs of other keys than these, before any manifest of
    /// the same scan is taken in: a job that moved from one manifest to another is known there.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn miss_others(
        &self,
        path: &str,
        keys: HashSet<String>,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let path = path.to_owned();
        self.write(move |connection| {
            let before = change::newest(connection)?;
            let mut reconciliation =
                Reconciliation::new(connection, moment, &policy, OnChange::Flag)?;
            let asked = keys.iter().map(String::as_str).collect();
            if let Some(id) = row_of(connection, &path)? {
                reconciliation.miss_others(id, &asked)?;
            }
            change::since(connection, before)
        })
        .await
    }

    /// Keeps the jobs of a manifest that was not compared since the start from being created, until it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn hold(
        &self,
        path: &str,
        why: &str,
        moment: Moment,
        policy: Policy,
    ) -> Result<(), StoreError> {
        let [path, why] = [path, why].map(str::to_owned);
        self.write(move |connection| {
            let Some(id) = row_of(connection, &path)? else { return Ok(()) };
            Reconciliation::new(connection, moment, &policy, OnChange::Flag)?.hold_unsent(id, &why)
        })
        .await
    }

    /// Lets the jobs leave that a scan first missed at `missed_before_ms` (Unix ms) or earlier: what was not
    /// created is cancelled. Returns what changed.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn leave(
        &self,
        missed_before_ms: i64,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let any = self.read(move |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_absent
                       WHERE absent_since_ms IS NOT NULL AND orphaned_at_ms IS NULL AND absent_since_ms <= ?1)";
            Ok(connection.prepare_cached(sql)?.query_row([missed_before_ms], |row| row.get(0))?)
        });
        if !any.await? {
            return Ok(Vec::new());
        }
        self.write(move |connection| {
            let before = change::newest(connection)?;
            Reconciliation::new(connection, moment, &policy, OnChange::Flag)?
                .leave(missed_before_ms)?;
            change::since(connection, before)
        })
        .await
    }
}

/// Writes that a manifest was read, and its errors if it has any; returns its row.
pub(super) fn enter(
    connection: &Connection,
    path: &str,
    file_stamp: &str,
    error: Option<&str>,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let state = if error.is_some() { "refused" } else { "accepted" };
    let mut enter = connection.prepare_cached(
        "INSERT INTO manifest (path, state, error, file_stamp, seen_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (path) DO UPDATE SET state = excluded.state, error = excluded.error,
           file_stamp = excluded.file_stamp, seen_at_ms = excluded.seen_at_ms, removed_at_ms = NULL
         RETURNING id",
    )?;
    Ok(enter.query_row((path, state, error, file_stamp, now_ms), |row| row.get(0))?)
}

/// The row of the manifest at `path`, if it was ever read.
fn row_of(connection: &Connection, path: &str) -> Result<Option<i64>, StoreError> {
    let mut row = connection.prepare_cached("SELECT id FROM manifest WHERE path = ?1")?;
    Ok(row.query_row([path], |row| row.get(0)).optional()?)
}

fn all_or_nothing<'c>(
    connection: &'c Connection,
    moment: Moment,
    policy: &'c Policy,
    on_change: OnChange,
    work: impl FnOnce(&mut Reconciliation<'c>) -> Result<(), Stop>,
) -> Result<Result<Reconciled, Conflict>, StoreError> {
    let before = change::newest(connection)?;
    let mut reconciliation = Reconciliation::new(connection, moment, policy, on_change)?;
    connection.prepare_cached("SAVEPOINT accept")?.execute([])?;
    let conflict = match work(&mut reconciliation) {
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
}

/// Writes that a job without a task waits until the conflict is gone: its media are looked at in each pass.
fn wait_for_conflict(
    connection: &Connection,
    job_id: JobId,
    conflict: Conflict,
    now_ms: i64,
) -> Result<Result<Reconciled, Conflict>, StoreError> {
    let before = change::newest(connection)?;
    let row = job_row::by_id(connection, job_id)?.filter(|row| row.job.task.is_none());
    let Some(JobRow { mut job, manifest_id }) = row else { return Ok(Err(conflict)) };
    if job.media.wait_reason.as_ref() != Some(&conflict.what) {
        let from = mem::replace(&mut job.state, State::Waiting);
        job.failure = None;
        job.media.wait_reason = Some(conflict.what.clone());
        job_row::save(connection, &mut job, manifest_id, now_ms)?;
        add_event(connection, job.id, Some(from), job.state, &conflict.what, None, now_ms)?;
    }
    Ok(Ok(Reconciled { changes: change::since(connection, before)?, ..Reconciled::default() }))
}

/// What the jobs of a refused manifest wait for: its first error, in one sentence.
fn to_be_fixed(error: &str) -> String {
    let mut errors = error.lines();
    let first = errors.next().unwrap_or_default();
    let more = if errors.next().is_some() { ", and more" } else { "" };
    format!("its manifest to be mended: {first}{more}")
}
