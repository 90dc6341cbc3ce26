//! Jobs that are missing from the folder, and jobs that are orphaned.
//!
//! A scan that misses a job does not cancel it: somebody may be moving its manifest. The job is orphaned by a scan
//! that runs at least `watch.rescan_interval` after the first scan that missed it.

use std::collections::HashSet;

use rusqlite::Connection;

use super::{Reconciliation, job_row::JobRow};
use crate::{
    job::{JobId, LEFT_UNCREATED, State, Task},
    store::{StoreError, job_row, sql::Sql as _},
};

pub(in crate::store) const DUE_TO_LEAVE: &str = "INDEXED BY job_absent
    WHERE j.absent_since_ms <= ?1 AND j.absent_since_ms IS NOT NULL AND j.orphaned_at_ms IS NULL
    ORDER BY j.absent_since_ms, j.id";

pub(in crate::store) const SEE: &str = "
    UPDATE job INDEXED BY job_manifest SET absent_since_ms = NULL, revision = revision + 1
    WHERE manifest_id = ?1 AND absent_since_ms IS NOT NULL AND orphaned_at_ms IS NULL";

impl Reconciliation<'_> {
    /// Marks a job that a scan missed. It waits, unless its task was created.
    pub(in crate::store) fn depart(&mut self, row: JobRow, why: &str) -> Result<(), StoreError> {
        let mut row = self.current(row)?;
        let before = row.job.clone();
        let job = &mut row.job;
        job.absent_since_ms = Some(self.sharing.moment.now_ms);
        self.any_gone = true;
        self.done.missing += 1;
        let task = job.task.map(|id| self.sharing.reread(id)).transpose()?;
        let is_unsent = task.as_ref().is_none_or(Task::is_uncreated);
        let waits = is_unsent && before.state.is_unsent();
        if waits {
            (job.state, job.task) = (State::Waiting, None);
            job.media.wait_reason = Some(format!("missing from the folder: {why}"));
        }
        self.sharing.save(&mut row, &before, why)
    }

    /// Marks the jobs of a manifest that are not among the keys it asks for now.
    pub(in crate::store) fn miss_others(
        &mut self,
        manifest_id: i64,
        asked: &HashSet<&str>,
    ) -> Result<(), StoreError> {
        let known: Vec<(JobId, String)> = self.connection.all(
            "SELECT id, key FROM job INDEXED BY job_manifest
                 WHERE manifest_id = ?1 AND absent_since_ms IS NULL ORDER BY id",
            [manifest_id],
            |row| row.try_into(),
        )?;
        for (id, _) in known.into_iter().filter(|(_, key)| !asked.contains(key.as_str())) {
            if let Some(row) = job_row::by_id(self.connection, id)? {
                self.depart(row, "its manifest no longer asks for it")?;
            }
        }
        Ok(())
    }

    /// Orphans the jobs that were first missed at `missed_before_ms` (Unix ms) or earlier. A job whose task was not
    /// created is cancelled. A created task is polled to its end; if another job shares the task, that job gets the
    /// result. A job that has a result keeps it.
    pub(in crate::store) fn orphan(&mut self, missed_before_ms: i64) -> Result<(), StoreError> {
        let now_ms = self.sharing.moment.now_ms;
        for row in job_row::all(self.connection, DUE_TO_LEAVE, [missed_before_ms])? {
            let mut row = self.current(row)?;
            let before = row.job.clone();
            let job = &mut row.job;
            job.orphaned_at_ms = Some(now_ms);
            let is_shared = match job.task {
                Some(id) if !before.state.is_finished() && job.delivered.is_none() => {
                    self.sharing.first_job(id, job.id)?.is_some()
                }
                _ => false,
            };
            let is_waiting = job.task.is_none() && before.state == State::Waiting;
            let why = match is_shared {
                true => "it left the folder; another job continues its task",
                false => LEFT_UNCREATED,
            };
            if is_shared || is_waiting {
                job.task = None;
                job.cancel_removed(why);
                self.sharing.save(&mut row, &before, why)?;
            } else {
                job_row::save(self.connection, job, row.manifest_id, now_ms)?;
            }
        }
        Ok(())
    }

    /// The jobs of a manifest with errors are not missing. Orphaned jobs stay orphaned.
    pub(in crate::store) fn see(&mut self, manifest_id: i64) -> Result<(), StoreError> {
        self.connection.run(SEE, [manifest_id])
    }

    /// Makes all jobs of a manifest whose task was not created wait for `why`.
    pub(in crate::store) fn hold_unsent(
        &mut self,
        manifest_id: i64,
        why: &str,
    ) -> Result<(), StoreError> {
        for row in unsent(self.connection, manifest_id)? {
            let mut row = self.current(row)?;
            let before = row.job.clone();
            let job = &mut row.job;
            let task = job.task.map(|id| self.sharing.reread(id)).transpose()?;
            let is_sent = task.as_ref().is_some_and(|task| !task.is_uncreated());
            if is_sent || job.media.wait_reason.as_deref() == Some(why) {
                continue;
            }
            (job.state, job.task) = (State::Waiting, None);
            job.media.wait_reason = Some(why.to_owned());
            self.sharing.save(&mut row, &before, why)?;
        }
        Ok(())
    }
}

fn unsent(connection: &Connection, manifest_id: i64) -> Result<Vec<JobRow>, StoreError> {
    let condition = "INDEXED BY job_manifest
        WHERE j.manifest_id = ?1 AND j.state IN ('waiting', 'queued', 'identified') ORDER BY j.id";
    job_row::all(connection, condition, [manifest_id])
}
