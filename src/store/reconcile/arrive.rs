//! Keys that no job has yet: each is a missing job under a new key, or a new job.

use std::{borrow::Cow, collections::HashMap, mem};

use super::Reconciliation;
use crate::{
    job::{Delivery, Job, JobId, Media, State},
    store::{
        StoreError, WantedJob,
        event::record_change,
        job_row::{self, JobRow},
        sharing::{SharingError, TaskChoice},
        sql::Sql as _,
    },
};

pub(in crate::store) const GONE: &str = "INDEXED BY job_gone
    WHERE j.request_hash = ?1 AND j.absent_since_ms IS NOT NULL
    ORDER BY j.state = 'cancelled' AND j.error_code <> 'removed', j.name IS NOT ?2, j.orphaned_at_ms IS NOT NULL, j.id
    LIMIT 1";

impl Reconciliation<'_> {
    /// Finds the missing job that made the same request, or adds a new job.
    pub(super) fn appear(
        &mut self,
        manifest_id: i64,
        wanted: &WantedJob,
        index: usize,
        turns: &mut HashMap<i32, i64>,
    ) -> Result<(), SharingError> {
        if let Some(gone) = self.gone_with(wanted)? {
            return self.rename(manifest_id, gone, wanted);
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

    /// Gives a missing job its new key. The job keeps its history and its file.
    fn rename(
        &mut self,
        manifest_id: i64,
        gone: JobRow,
        wanted: &WantedJob,
    ) -> Result<(), SharingError> {
        let mut job = gone.job;
        let old = mem::replace(&mut job.spec.key, wanted.spec.key.clone());
        job.spec.id.clone_from(&wanted.spec.id);
        let what = format!("renamed from {old} to {} (same request)", job.spec.key);
        record_change(self.connection, &job, Some(job.state), &what, self.sharing.moment.now_ms)?;
        if job.delivered.is_none() {
            job.output.clone_from(&wanted.spec.output);
        }
        // The next result goes to the output of the new key. That alone does not ask for another copy.
        job.spec.output.clone_from(&wanted.spec.output);
        self.done.moved += 1;
        self.compare(JobRow { job, manifest_id }, wanted, true)
    }

    fn add(&mut self, manifest_id: i64, wanted: &WantedJob, turn: i64) -> Result<(), SharingError> {
        let mut job = new_job(self.next_id, wanted);
        self.next_id += 1;
        let mut what = Cow::Borrowed("found in its manifest");
        match wanted.media.as_ref() {
            Err(error) => {
                (job.state, job.failure) = (State::Failed, Some(error.clone().into()));
                what = format!("{what}; {}", error.message).into();
            }
            Ok(media) => {
                job.media = media.clone();
                if let Some(missing) = &media.wait_reason {
                    what = format!("{what}; {missing}").into();
                } else {
                    let take = self.sharing.known_take(&job)?;
                    let choice = TaskChoice { take: take.unwrap_or(1), turn, sessions_after_ms: 0 };
                    what = "found in its manifest; its media are complete".into();
                    match take {
                        None => self.sharing.start(&mut job, choice)?,
                        Some(_) => {
                            self.sharing.point(&mut job, choice)?;
                            what = format!("{what}{}", self.shared_with(&job)?).into();
                        }
                    }
                }
            }
        }
        let now_ms = self.sharing.moment.now_ms;
        let end = job.state;
        if end == State::Failed {
            // The trigger that reports a failure knows changes only.
            job.state = State::Waiting;
        }
        job_row::insert(self.connection, &job, manifest_id, now_ms)?;
        *self.uncounted.entry(job.state).or_default() += 1;
        if end == State::Failed {
            self.count_new(manifest_id)?;
            job.state = end;
            let sql = "UPDATE job SET state = 'failed', finished_at_ms = ?2 WHERE id = ?1";
            self.connection.run(sql, (job.id, now_ms))?;
        }
        record_change(self.connection, &job, None, &what, now_ms)?;
        self.done.added += 1;
        Ok(())
    }

    /// Counts new jobs, many at once. Triggers count every later change, and compare the counts: this comes before.
    pub(super) fn count_new(&mut self, manifest_id: i64) -> Result<(), StoreError> {
        for (state, jobs) in mem::take(&mut self.uncounted) {
            let sql = "UPDATE state SET jobs = jobs + ?2 WHERE name = ?1";
            self.connection.run(sql, (state, jobs))?;
            let sql = "
                UPDATE manifest SET jobs = jobs + ?3, failed = failed + ?3 * (?2 = 'failed'),
                  succeeded = succeeded + ?3 * (?2 = 'succeeded'),
                  unresolved = unresolved + ?3 * (?2 = 'unresolved')
                WHERE id = ?1";
            self.connection.run(sql, (manifest_id, state, jobs))?;
        }
        Ok(())
    }

    /// Returns the words of the history for the job that shares the task, if there is one.
    pub(super) fn shared_with(&self, job: &Job) -> Result<String, StoreError> {
        let other = match job.task {
            Some(task) => self.sharing.first_job(task, job.id)?,
            None => None,
        };
        Ok(other.map(|(_, key)| format!("; shares the task of {key}")).unwrap_or_default())
    }
}

fn new_job(id: JobId, wanted: &WantedJob) -> Job {
    Job {
        id,
        revision: 0,
        state: State::Waiting,
        spec: wanted.spec.clone(),
        spec_hash: wanted.spec_hash.clone(),
        request_hash: wanted.request_hash.clone(),
        media: Media::default(),
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
