//! What the inbox reports about manifests: accepted, refused, missing. [`super::reconcile`] decides what that means
//! for the jobs.

use std::{collections::HashSet, mem, path::Path};

use rusqlite::Connection;

use super::{
    AcceptedManifest, Conflict, OnChange, Reconciled, Store, StoreError, WantedJob,
    change::{self, JobChange},
    event::record_change,
    job_row::{self, JobRow},
    manifest_row::{enter, row_of},
    reconcile::Reconciliation,
    sharing::SharingError,
    sql::Sql as _,
};
use crate::job::{JobId, Moment, Policy, State};

impl Store {
    /// Makes the database agree with `manifest`. On a conflict nothing is written.
    ///
    /// Manifests are written in the order of the calls, whenever the results are awaited.
    pub fn accept(
        &self,
        manifest: AcceptedManifest,
        moment: Moment,
        policy: Policy,
        on_change: OnChange,
    ) -> impl Future<Output = Result<Result<Reconciled, Conflict>, StoreError>> + Send + use<> {
        let path = self.path.clone();
        let accepted = self.writer.call(manifest.jobs.len(), move |connection| {
            let reconciliation = Reconciliation::new(connection, moment, &policy, on_change)?;
            reconciled(connection, reconciliation, |it| it.accept(&manifest))
        });
        async move { or_conflict(accepted.await, &path) }
    }

    /// Compares one job with its media as they are now. On a conflict, a job without a task waits until the conflict is
    /// resolved; for a job with a task nothing is written.
    pub async fn check_media(
        &self,
        job_id: JobId,
        wanted: WantedJob,
        moment: Moment,
        policy: Policy,
        on_change: OnChange,
    ) -> Result<Result<Reconciled, Conflict>, StoreError> {
        let checked = self.write(move |connection| {
            let reconciliation = Reconciliation::new(connection, moment, &policy, on_change)?;
            reconciled(connection, reconciliation, |reconciliation| {
                let row = job_row::by_id(connection, job_id)?;
                let Some(row) = row.filter(|row| row.job.absent_since_ms.is_none()) else {
                    return Ok(());
                };
                // Its manifest was read in the meantime and asks for something else.
                if row.job.spec_hash != wanted.spec_hash || row.job.spec.key != wanted.spec.key {
                    return Ok(());
                }
                let was_unknown = row.job.request_hash.is_none();
                reconciliation.compare(row, &wanted, false)?;
                match was_unknown && wanted.request_hash.is_some() {
                    true => reconciliation.require_output(&wanted),
                    false => Ok(()),
                }
            })
        });
        match or_conflict(checked.await, &self.path)? {
            Ok(done) => Ok(Ok(done)),
            Err(conflict) => {
                self.write(move |connection| {
                    wait_for_conflict(connection, job_id, &conflict, moment.now_ms)
                })
                .await
            }
        }
    }

    /// Writes that the manifest at `path` has errors, so that none of its jobs starts. Returns the changes of known
    /// jobs.
    pub async fn refuse(
        &self,
        path: &str,
        file_stamp: &str,
        error: &str,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let [path, file_stamp, error] = [path, file_stamp, error].map(str::to_owned);
        self.reconcile(moment, policy, move |connection, reconciliation| {
            let id = enter(connection, &path, &file_stamp, Some(&error), moment.now_ms)?;
            reconciliation.see(id)?;
            reconciliation.hold_unsent(id, &manifest_error(&error))
        })
        .await
    }

    /// Writes that a scan missed the manifest at `path`, and so all its jobs. Returns the changes of the jobs.
    pub async fn miss(
        &self,
        path: &str,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let path = path.to_owned();
        self.reconcile(moment, policy, move |connection, reconciliation| {
            let sql = "UPDATE manifest SET removed_at_ms = ?2 WHERE path = ?1";
            connection.run(sql, (&path, moment.now_ms))?;
            match row_of(connection, &path)? {
                Some(id) => reconciliation.miss_others(id, &HashSet::new()),
                None => Ok(()),
            }
        })
        .await
    }

    /// Writes that the manifest at `path` asks for no other keys than these. This comes before any manifest of the same
    /// scan is accepted, so that a job that moved to another manifest is found there.
    pub async fn miss_others(
        &self,
        path: &str,
        keys: HashSet<String>,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let path = path.to_owned();
        self.reconcile(moment, policy, move |connection, reconciliation| {
            let asked = keys.iter().map(String::as_str).collect();
            match row_of(connection, &path)? {
                Some(id) => reconciliation.miss_others(id, &asked),
                None => Ok(()),
            }
        })
        .await
    }

    /// Holds the jobs of a manifest that was not compared since the start, so that none is created before.
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

    /// Orphans the jobs that a scan first missed at `missed_before_ms` (Unix ms) or earlier. A job whose task was not
    /// created is cancelled. Returns the changes.
    pub async fn orphan(
        &self,
        missed_before_ms: i64,
        moment: Moment,
        policy: Policy,
    ) -> Result<Vec<JobChange>, StoreError> {
        let any = self.read(move |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_absent
                       WHERE absent_since_ms IS NOT NULL AND orphaned_at_ms IS NULL AND absent_since_ms <= ?1)";
            connection.value(sql, [missed_before_ms])
        });
        if !any.await? {
            return Ok(Vec::new());
        }
        self.reconcile(moment, policy, move |_, reconciliation| {
            reconciliation.orphan(missed_before_ms)
        })
        .await
    }

    /// Runs `work` in one transaction, and returns the changes of jobs.
    async fn reconcile(
        &self,
        moment: Moment,
        policy: Policy,
        mut work: impl FnMut(&Connection, &mut Reconciliation<'_>) -> Result<(), StoreError>
        + Send
        + 'static,
    ) -> Result<Vec<JobChange>, StoreError> {
        self.write(move |connection| {
            let before = change::newest(connection)?;
            work(
                connection,
                &mut Reconciliation::new(connection, moment, &policy, OnChange::Flag)?,
            )?;
            change::since(connection, before)
        })
        .await
    }
}

/// Runs `work`, and returns what it changed. A conflict is an error: the worker rolls the work back.
fn reconciled<'c>(
    connection: &Connection,
    mut reconciliation: Reconciliation<'c>,
    work: impl FnOnce(&mut Reconciliation<'c>) -> Result<(), SharingError>,
) -> Result<Reconciled, StoreError> {
    let before = change::newest(connection)?;
    match work(&mut reconciliation) {
        Ok(()) => {}
        Err(SharingError::Conflict(conflict)) => return Err(conflict.into()),
        Err(SharingError::Store(error)) => return Err(error),
    }
    let mut done = mem::take(&mut reconciliation.done);
    done.changes = change::since(connection, before)?;
    Ok(done)
}

fn or_conflict(
    done: Result<Reconciled, StoreError>,
    path: &Path,
) -> Result<Result<Reconciled, Conflict>, StoreError> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(StoreError::Conflict(conflict)) => Ok(Err(conflict)),
        Err(error) => Err(error.with_path(path)),
    }
}

/// Makes a job without a task wait for a conflict: its media are checked in each pass.
fn wait_for_conflict(
    connection: &Connection,
    job_id: JobId,
    conflict: &Conflict,
    now_ms: i64,
) -> Result<Result<Reconciled, Conflict>, StoreError> {
    let before = change::newest(connection)?;
    let row = job_row::by_id(connection, job_id)?.filter(|row| row.job.task.is_none());
    let Some(JobRow { mut job, manifest_id }) = row else { return Ok(Err(conflict.clone())) };
    if job.media.wait_reason.as_ref() != Some(&conflict.what) {
        let from = mem::replace(&mut job.state, State::Waiting);
        job.failure = None;
        job.media.wait_reason = Some(conflict.what.clone());
        job_row::save(connection, &mut job, manifest_id, now_ms)?;
        record_change(connection, &job, Some(from), &conflict.what, now_ms)?;
    }
    Ok(Ok(Reconciled { changes: change::since(connection, before)?, ..Reconciled::default() }))
}

/// Returns the wait reason of the jobs of a refused manifest: its first error.
fn manifest_error(error: &str) -> String {
    let mut errors = error.lines();
    let first = errors.next().unwrap_or_default();
    let more = if errors.next().is_some() { " (and more errors)" } else { "" };
    format!("its manifest has errors: {first}{more}")
}
