//! Reconciling the database with one manifest, in one transaction: which of its keys are new, changed, or
//! gone.
//!
//! A key that is gone and a new key with the same request are one job. Payment does not depend on that: the
//! task is found by request and take in any case, see [`super::sharing`].

pub(super) mod compare;
pub(super) mod depart;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use rusqlite::Connection;

use super::{
    AcceptedManifest, Conflict, OnChange, Reconciled, StoreError, WantedJob, job_row,
    job_row::JobRow,
    manifests::enter,
    record::{add_event, manifest_of},
    sharing::{Sharing, Stop, Wish},
};
use crate::job::{Delivery, Failure, Job, JobId, Moment, Policy, State};

/// What a job looks like to its manifest.
struct JobSummary {
    spec_hash: String,
    request_hash: Option<String>,
    video: String,
    audio: String,
    has_task: bool,
    is_absent: bool,
    has_left: bool,
    succeeded: bool,
}

impl JobSummary {
    /// Whether nothing is to be done: the same is asked, of the same media, under the same addresses.
    fn is_as(&self, wanted: &WantedJob) -> bool {
        self.has_task
            && !self.is_absent
            && self.spec_hash == wanted.spec_hash
            && self.request_hash == wanted.request_hash
            && self.video == wanted.spec.video.as_written()
            && self.audio == wanted.spec.audio.as_written()
    }
}

/// One manifest's differences being applied.
pub(super) struct Reconciliation<'a> {
    connection: &'a Connection,
    sharing: Sharing<'a>,
    on_change: OnChange,
    /// Whether any job is missing from the folder: only then can a new key be another's.
    any_gone: bool,
    /// The row of the next new job.
    next_id: JobId,
    pub(super) done: Reconciled,
}

pub(in crate::store) const KNOWN: &str = "
    SELECT key, spec_hash, request_hash, video, audio, task_row IS NOT NULL, absent_since_ms IS NOT NULL,
      orphaned_at_ms IS NOT NULL, state = 'succeeded'
    FROM job INDEXED BY job_manifest WHERE manifest_id = ?1";
pub(in crate::store) const ANY_GONE: &str =
    "SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_gone WHERE absent_since_ms IS NOT NULL)";
pub(in crate::store) const GONE: &str = "INDEXED BY job_gone
    WHERE j.request_hash = ?1 AND j.absent_since_ms IS NOT NULL
    ORDER BY j.state = 'cancelled' AND j.error_code <> 'removed', j.name IS NOT ?2, j.orphaned_at_ms IS NOT NULL, j.id
    LIMIT 1";
pub(in crate::store) const OUTPUT_ASKED: &str = "
    SELECT key, request_hash, coalesce(take, 1) FROM job INDEXED BY job_output
    WHERE asked_output = ?1 AND asked_output <> key || '.mp4' AND absent_since_ms IS NULL AND key <> ?2";
pub(in crate::store) const OUTPUT_OF_KEY: &str = "
    SELECT key, request_hash, coalesce(take, 1) FROM job
    WHERE key = ?1 AND asked_output = key || '.mp4' AND absent_since_ms IS NULL AND key <> ?2";

impl<'a> Reconciliation<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        moment: Moment,
        policy: &'a Policy,
        on_change: OnChange,
    ) -> Result<Self, StoreError> {
        let any_gone = connection.prepare_cached(ANY_GONE)?.query_row([], |row| row.get(0))?;
        let next_id = connection
            .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM job")?
            .query_row([], |row| row.get(0))?;
        let sharing = Sharing { connection, moment, policy };
        let done = Reconciled::default();
        Ok(Self { connection, sharing, on_change, any_gone, next_id, done })
    }

    pub(super) fn accept(&mut self, manifest: &AcceptedManifest) -> Result<(), Stop> {
        let AcceptedManifest { path, file_stamp, .. } = manifest;
        let now_ms = self.sharing.moment.now_ms;
        let manifest_id = enter(self.connection, path, file_stamp, None, now_ms)?;
        // Departures come first: what leaves one key may appear under another.
        let asked: HashSet<&str> = manifest.jobs.iter().map(|job| job.spec.key.as_str()).collect();
        self.miss_others(manifest_id, &asked)?;
        let known = self.known(manifest_id)?;
        self.spare_many(manifest, &known);
        // A job that returns under its own key is not missing any more when new keys look for theirs.
        let mut new = Vec::new();
        for (index, wanted) in manifest.jobs.iter().enumerate() {
            match known.get(&wanted.spec.key) {
                Some(job) if job.is_as(wanted) => {}
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
        if self.done.judged_later > 0 {
            self.connection
                .prepare_cached("UPDATE manifest SET file_stamp = '' WHERE id = ?1")?
                .execute([manifest_id])?;
        }
        manifest.jobs.iter().try_for_each(|wanted| self.require_output(wanted))
    }

    /// The jobs of a manifest, by key.
    fn known(&self, manifest_id: i64) -> Result<HashMap<String, JobSummary>, StoreError> {
        let mut known = self.connection.prepare_cached(KNOWN)?;
        let rows = known.query_map([manifest_id], |row| {
            let job = JobSummary {
                spec_hash: row.get(1)?,
                request_hash: row.get(2)?,
                video: row.get(3)?,
                audio: row.get(4)?,
                has_task: row.get(5)?,
                is_absent: row.get(6)?,
                has_left: row.get(7)?,
                succeeded: row.get(8)?,
            };
            Ok((row.get(0)?, job))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The row as it is now: what happened to another job of its task may have changed it since it was read.
    fn current(&self, row: JobRow) -> Result<JobRow, StoreError> {
        Ok(job_row::by_id(self.connection, row.job.id)?.unwrap_or(row))
    }

    /// The job of this key; one of another manifest is taken over if that one no longer asks for it.
    fn of_key(&self, wanted: &WantedJob, manifest_id: i64) -> Result<Option<JobRow>, Stop> {
        let Some(row) = job_row::by_key(self.connection, &wanted.spec.key)? else {
            return Ok(None);
        };
        if row.manifest_id != manifest_id && row.job.absent_since_ms.is_none() {
            let path = manifest_of(self.connection, row.job.id)?;
            let what =
                format!("{path} has a job of this key already; give one of them another name");
            return Err(Stop::Conflict(Conflict { key: wanted.spec.key.clone(), what }));
        }
        Ok(Some(row))
    }

    /// A key that nobody has: a job that is missing elsewhere and asked for the same, or a new one.
    fn appear(
        &mut self,
        manifest_id: i64,
        wanted: &WantedJob,
        index: usize,
        turns: &mut HashMap<i32, i64>,
    ) -> Result<(), Stop> {
        if let Some(gone) = self.gone_with(wanted)? {
            return self.take_over(manifest_id, gone, wanted);
        }
        let priority = wanted.spec.priority;
        let first = match turns.get(&priority) {
            Some(first) => *first,
            None => *turns.entry(priority).or_insert(self.sharing.turn(priority)?),
        };
        let turn = first.saturating_add(i64::try_from(index).unwrap_or(i64::MAX));
        self.add(manifest_id, wanted, turn)
    }

    fn gone_with(&self, wanted: &WantedJob) -> Result<Option<JobRow>, StoreError> {
        let Some(request_hash) = wanted.request_hash.as_ref().filter(|_| self.any_gone) else {
            return Ok(None);
        };
        let rows = job_row::all(self.connection, GONE, (request_hash, &wanted.spec.id))?;
        Ok(rows.into_iter().next())
    }

    /// The job has another key from now on. It keeps its history, and the file that it has.
    fn take_over(
        &mut self,
        manifest_id: i64,
        gone: JobRow,
        wanted: &WantedJob,
    ) -> Result<(), Stop> {
        let mut job = gone.job;
        let old = std::mem::replace(&mut job.spec.key, wanted.spec.key.clone());
        job.spec.id.clone_from(&wanted.spec.id);
        let what = format!("renamed from {old} to {}: it asks for the same", job.spec.key);
        add_event(
            self.connection,
            job.id,
            Some(job.state),
            job.state,
            &what,
            None,
            self.sharing.moment.now_ms,
        )?;
        if job.delivered.is_none() {
            job.output.clone_from(&wanted.spec.output);
        }
        // The next result goes where the new key says; that is no wish for another copy.
        job.spec.output.clone_from(&wanted.spec.output);
        self.done.moved += 1;
        self.compare(JobRow { job, manifest_id }, wanted, true)
    }

    fn add(&mut self, manifest_id: i64, wanted: &WantedJob, turn: i64) -> Result<(), Stop> {
        let mut job = new_job(self.next_id, wanted);
        self.next_id += 1;
        let mut what = Cow::Borrowed("found in its manifest");
        match wanted.media.as_ref() {
            Err(fault) => {
                job.state = State::Failed;
                job.failure =
                    Some(Failure { code: fault.code.clone(), message: fault.message.clone() });
                what = format!("{what}; {}", fault.message).into();
            }
            Ok(media) => {
                job.media = media.clone();
                if let Some(missing) = &media.wait_reason {
                    what = format!("{what}; {missing}").into();
                } else {
                    let take = self.sharing.take_to_join(&job)?;
                    self.sharing.point(&mut job, Wish { take, turn, sessions_after_ms: 0 })?;
                    let shared = self.shared_with(&job)?;
                    what = format!("{what}; its media are there{shared}").into();
                }
            }
        }
        let now_ms = self.sharing.moment.now_ms;
        job_row::insert(self.connection, &job, manifest_id, now_ms)?;
        count(self.connection, &job, manifest_id)?;
        add_event(self.connection, job.id, None, job.state, &what, None, now_ms)?;
        self.done.added += 1;
        Ok(())
    }

    /// Says in the history whose task a job shares; empty: nobody's.
    fn shared_with(&self, job: &Job) -> Result<String, StoreError> {
        let other = match job.task {
            Some(task) => self.sharing.first_job(task, job.id)?,
            None => None,
        };
        Ok(other.map(|(_, key)| format!("; shares the task of {key}")).unwrap_or_default())
    }

    /// Two jobs may name one output only if they ask for the same request and take. While the media of one are not
    /// known, the requests may be the same if they are spelled the same.
    pub(super) fn require_output(&self, wanted: &WantedJob) -> Result<(), Stop> {
        let spec = &wanted.spec;
        let take = spec.take.unwrap_or(1);
        let stem = spec.output.strip_suffix(".mp4").unwrap_or_default();
        let mut others: Vec<(String, Option<String>, u32)> = Vec::new();
        let questions = [(OUTPUT_ASKED, spec.output.as_str()), (OUTPUT_OF_KEY, stem)];
        for (sql, asked) in questions {
            if sql == OUTPUT_OF_KEY && stem == spec.key {
                continue;
            }
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement
                .query_map((asked, &spec.key), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            for row in rows {
                others.push(row?);
            }
        }
        for (other, hash, other_take) in others {
            let is_same = match (&wanted.request_hash, hash) {
                (Some(hash), Some(other_hash)) => *hash == other_hash,
                _ => job_row::by_key(self.connection, &other)?
                    .is_some_and(|row| row.job.spec.is_spelled_as(spec)),
            };
            if other_take != take || !is_same {
                let what = format!(
                    "its output {} is job {other}'s already, which asks for something else; give it \
                     another `output`",
                    spec.output
                );
                return Err(Stop::Conflict(Conflict { key: spec.key.clone(), what }));
            }
        }
        Ok(())
    }
}

/// A job that was just read: it has no task yet.
fn new_job(id: JobId, wanted: &WantedJob) -> Job {
    Job {
        id,
        revision: 0,
        state: State::Waiting,
        spec: wanted.spec.clone(),
        spec_hash: wanted.spec_hash.clone(),
        request_hash: wanted.request_hash.clone(),
        media: crate::job::Media::default(),
        task: None,
        retry_take: None,
        earlier_task: None,
        changed_after_sent: false,
        dismissed: false,
        absent_since_ms: None,
        orphaned_at_ms: None,
        output: wanted.spec.output.clone(),
        delivery: Delivery::default(),
        delivered: None,
        failure: None,
    }
}

/// Counts a new job, as triggers do for all that comes after.
fn count(connection: &Connection, job: &Job, manifest_id: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE state SET jobs = jobs + 1 WHERE name = ?1")?
        .execute([job.state.name()])?;
    connection
        .prepare_cached(
            "UPDATE manifest SET jobs = jobs + 1, failed = failed + (?2 = 'failed'),
               succeeded = succeeded + (?2 = 'succeeded'), unresolved = unresolved + (?2 = 'unresolved')
             WHERE id = ?1",
        )?
        .execute((manifest_id, job.state.name()))?;
    Ok(())
}
