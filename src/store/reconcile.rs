//! Makes the database agree with one manifest, in one transaction: which of its keys are new, changed or missing.
//!
//! A missing key and a new key with the same request are one job.

pub(super) mod arrive;
mod carry_out;
mod compare;
pub(super) mod depart;
pub(super) mod output;

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::Connection;

use super::{
    AcceptedManifest, Conflict, OnChange, RUN_AT_ONCE_MAX, Reconciled, StoreError, WantedJob,
    find::manifest_of,
    job_row::{self, JobRow},
    manifest_row::enter,
    sharing::{Sharing, SharingError},
    sql::{Sql as _, columns},
};
use crate::job::{JobId, Moment, Policy, State};

/// The part of a stored job that shows whether its manifest changed.
struct JobSummary {
    spec_hash: String,
    request_hash: Option<String>,
    video: String,
    audio: String,
    has_task: bool,
    is_absent: bool,
    is_orphaned: bool,
    succeeded: bool,
}

impl JobSummary {
    /// Whether nothing changed: the same request, the same media and the same addresses.
    fn is_same(&self, wanted: &WantedJob) -> bool {
        self.has_task
            && !self.is_absent
            && self.spec_hash == wanted.spec_hash
            && self.request_hash == wanted.request_hash
            && self.video == wanted.spec.video.as_written()
            && self.audio == wanted.spec.audio.as_written()
    }
}

pub(super) struct Reconciliation<'a> {
    connection: &'a Connection,
    sharing: Sharing<'a>,
    on_change: OnChange,
    /// Whether any job is missing from the folder: only then may a new key belong to a known job.
    any_gone: bool,
    next_id: JobId,
    /// New jobs by state that the tables do not count yet.
    uncounted: BTreeMap<State, i64>,
    pub(super) done: Reconciled,
}

pub(in crate::store) const KNOWN: &str = "
    SELECT key, spec_hash, request_hash, video, audio, task_row IS NOT NULL AS has_task,
      absent_since_ms IS NOT NULL AS is_absent, orphaned_at_ms IS NOT NULL AS is_orphaned,
      state = 'succeeded' AS succeeded
    FROM job INDEXED BY job_manifest WHERE manifest_id = ?1";
pub(in crate::store) const ANY_GONE: &str =
    "SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_gone WHERE absent_since_ms IS NOT NULL)";

impl<'a> Reconciliation<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        moment: Moment,
        policy: &'a Policy,
        on_change: OnChange,
    ) -> Result<Self, StoreError> {
        let any_gone = connection.value(ANY_GONE, ())?;
        let next_id = connection.value("SELECT coalesce(max(id), 0) + 1 FROM job", ())?;
        let sharing = Sharing { connection, moment, policy };
        let done = Reconciled::default();
        let uncounted = BTreeMap::new();
        Ok(Self { connection, sharing, on_change, any_gone, next_id, uncounted, done })
    }

    pub(super) fn accept(&mut self, manifest: &AcceptedManifest) -> Result<(), SharingError> {
        let AcceptedManifest { path, file_stamp, .. } = manifest;
        let now_ms = self.sharing.moment.now_ms;
        let manifest_id = enter(self.connection, path, file_stamp, None, now_ms)?;
        // Departures come first, because a job that loses its key may appear under a new key below.
        let asked: HashSet<&str> = manifest.jobs.iter().map(|job| job.spec.key.as_str()).collect();
        self.miss_others(manifest_id, &asked)?;
        let known = self.known(manifest_id)?;
        self.spare_many(manifest, &known);
        // Known keys come before new keys: a job that returns under its own key must not be found as the missing
        // job of a new key. A key of another manifest counts as new here, and is adopted in the second loop.
        let mut new = Vec::new();
        for (index, wanted) in manifest.jobs.iter().enumerate() {
            match known.get(&wanted.spec.key) {
                Some(job) if job.is_same(wanted) => {}
                Some(_) => match self.of_key(wanted, manifest_id)? {
                    Some(row) => self.compare(row, wanted, false)?,
                    None => new.push((index, wanted)),
                },
                None => new.push((index, wanted)),
            }
        }
        let mut turns = HashMap::new();
        for (index, wanted) in new {
            match self.of_key(wanted, manifest_id)? {
                Some(row) => self.compare(JobRow { manifest_id, ..row }, wanted, false)?,
                None => self.appear(manifest_id, wanted, index, &mut turns)?,
            }
        }
        self.count_new(manifest_id)?;
        if self.done.judged_later > 0 {
            self.connection
                .run("UPDATE manifest SET file_stamp = '' WHERE id = ?1", [manifest_id])?;
        }
        self.require_outputs(&manifest.jobs)
    }

    /// With `watch.on_change: run`, a manifest that changes many finished jobs at once only flags them.
    fn spare_many(&mut self, manifest: &AcceptedManifest, known: &HashMap<String, JobSummary>) {
        let changed = manifest.jobs.iter().filter(|wanted| {
            known.get(&wanted.spec.key).is_some_and(|job| {
                job.succeeded
                    && !job.is_orphaned
                    && wanted.request_hash.is_some()
                    && wanted.request_hash != job.request_hash
            })
        });
        if changed.count() > RUN_AT_ONCE_MAX {
            self.on_change = OnChange::Flag;
        }
    }

    fn known(&self, manifest_id: i64) -> Result<HashMap<String, JobSummary>, StoreError> {
        self.connection.all(KNOWN, [manifest_id], |row| {
            let job: rusqlite::Result<_> = columns!(row => JobSummary: spec_hash request_hash video audio has_task
                is_absent is_orphaned succeeded);
            Ok((row.get(0)?, job?))
        })
    }

    /// Reads the row again: a change of another job of its task may have changed it.
    fn current(&self, row: JobRow) -> Result<JobRow, StoreError> {
        Ok(job_row::by_id(self.connection, row.job.id)?.unwrap_or(row))
    }

    /// Returns the job of this key. A job of another manifest is adopted if that manifest no longer asks for it.
    fn of_key(&self, wanted: &WantedJob, manifest_id: i64) -> Result<Option<JobRow>, SharingError> {
        let Some(row) = job_row::by_key(self.connection, &wanted.spec.key)? else {
            return Ok(None);
        };
        if row.manifest_id != manifest_id && row.job.absent_since_ms.is_none() {
            let path = manifest_of(self.connection, row.job.id)?;
            let what = format!("{path} already has a job with this key; rename one of them");
            return Err(SharingError::Conflict(Conflict { key: wanted.spec.key.clone(), what }));
        }
        Ok(Some(row))
    }
}
