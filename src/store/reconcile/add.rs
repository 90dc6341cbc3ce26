//! New jobs: the name and the turn that each gets.

use std::borrow::Cow;

use rusqlite::OptionalExtension as _;

use super::{NO_JOB, Reconciliation, Stop, illegal, media_outcome};
use crate::{
    job::{Job, apply},
    store::{StoreError, WantedJob, record, row},
};

pub(in crate::store) const FIRST_TURN: &str = "
    SELECT turn FROM job INDEXED BY job_queued
    WHERE state = 'queued' AND due_at_ms = 0 AND priority = ?1
    ORDER BY turn, id LIMIT 1";

impl Reconciliation<'_> {
    /// Adds a job of a key that nobody holds.
    pub(super) fn add(
        &mut self,
        manifest_id: i64,
        index: i64,
        wanted: &WantedJob,
    ) -> Result<(), Stop> {
        let external_base = match &wanted.spec.external_task_id {
            Some(name) => name.clone(),
            None => self.free_name(&wanted.external_base, NO_JOB)?,
        };
        let turn = self.turn(wanted.spec.priority)?.saturating_add(index);
        Ok(self.insert(manifest_id, wanted, external_base, turn)?)
    }

    /// Puts a job into the database that nobody holds.
    pub(super) fn insert(
        &mut self,
        manifest_id: i64,
        wanted: &WantedJob,
        external_base: String,
        turn: i64,
    ) -> Result<(), StoreError> {
        let mut job = Job::new(wanted.spec.clone(), external_base, turn);
        let mut what = Cow::Borrowed("found in its manifest");
        if let Some(outcome) = media_outcome(wanted) {
            let looked = apply(&job, outcome, &self.moment, self.policy).map_err(illegal)?;
            (job, what) = (looked.job, format!("{what}; {}", looked.what).into());
        }
        let now_ms = self.moment.now_ms;
        let id = row::insert(self.connection, &job, manifest_id, &wanted.meaning, now_ms)?;
        record::add_event(self.connection, id, None, job.state, &what, None, now_ms)?;
        self.done.added += 1;
        Ok(())
    }

    /// Where the turns of one priority have come to: a manifest that joins begins there, so that it
    /// neither waits behind all that were there before nor passes them all by.
    pub(super) fn turn(&self, priority: i32) -> Result<i64, StoreError> {
        let mut first = self.connection.prepare_cached(FIRST_TURN)?;
        Ok(first.query_row([priority], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// The name made for a task, with a number if another job than `id` goes by it already, such as
    /// one that was moved to another key. The number is told apart from those of later attempts.
    pub(super) fn free_name(&self, made: &str, id: i64) -> Result<String, StoreError> {
        let mut taken = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM job WHERE external_base = ?1 AND freed = 0 AND id <> ?2)
               OR EXISTS (SELECT 1 FROM job WHERE external_base = ?1 AND freed = 1 AND id <> ?2)",
        )?;
        let mut name = made.to_owned();
        let mut number = 1_u32;
        while taken.query_row((&name, id), |row| row.get(0))? {
            number = number.saturating_add(1);
            name = format!("{made}x{number}");
        }
        Ok(name)
    }
}
