//! Making the database agree with one manifest, in one transaction.
//!
//! What each difference means for a job is decided by [`apply`](crate::job::apply()); here is only who is
//! new, who changed, who left, and who is known under another name.

mod add;
mod given_up;
mod pass_on;
mod same;
pub(super) mod unheard;

use std::collections::HashSet;

#[cfg(test)]
pub(super) use add::FIRST_TURN;
use pass_on::Holder;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row};

use super::{Accepted, Conflict, Reconciled, StoreError, WantedJob, record, row};
use crate::job::{Illegal, Job, Media, Moment, Outcome, Policy, State, Transition, apply};

/// The row of none.
const NO_JOB: i64 = 0;

/// Why a reconciliation stops.
pub(super) enum Stop {
    Conflict(Conflict),
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// One manifest's differences being worked off.
pub(super) struct Reconciliation<'a> {
    connection: &'a Connection,
    moment: Moment,
    policy: &'a Policy,
    /// Rows that go by another key since.
    moved: HashSet<i64>,
    pub(super) done: Reconciled,
}

impl<'a> Reconciliation<'a> {
    pub(super) fn new(connection: &'a Connection, moment: Moment, policy: &'a Policy) -> Self {
        let (moved, done) = (HashSet::new(), Reconciled::default());
        Self { connection, moment, policy, moved, done }
    }

    pub(super) fn accept(&mut self, manifest: &Accepted) -> Result<(), Stop> {
        let manifest_id = self.enter(manifest)?;
        let asked = manifest.jobs.iter();
        self.give_up(manifest_id, asked.map(|job| (job.spec.key.as_str(), job.meaning.as_str())))?;
        self.pass_on(manifest_id, manifest)?;
        // Who leaves goes first, so that an output that passes from one job to another is free.
        self.remove_given_up(manifest_id)?;
        self.free_what_changes(&manifest.jobs)?;
        for (index, wanted) in manifest.jobs.iter().enumerate() {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            self.want(manifest_id, manifest, index, wanted)
                .map_err(|stop| self.explain(stop, wanted))?;
        }
        Ok(())
    }

    /// Writes down that the manifest is accepted; returns its row.
    fn enter(&self, manifest: &Accepted) -> Result<i64, StoreError> {
        let mut enter = self.connection.prepare_cached(
            "INSERT INTO manifest (path, state, print, file_id, seen_at_ms)
             VALUES (?1, 'accepted', ?2, ?3, ?4)
             ON CONFLICT (path) DO UPDATE SET state = 'accepted', error = NULL,
               print = excluded.print, file_id = excluded.file_id,
               seen_at_ms = excluded.seen_at_ms, removed_at_ms = NULL
             RETURNING id",
        )?;
        let values = (&manifest.path, &manifest.print, &manifest.file_id, self.moment.now_ms);
        Ok(enter.query_row(values, |row| row.get(0))?)
    }

    /// Takes outputs and names away from the jobs whose wish is about to be written anew, so that
    /// jobs of one manifest may pass them on or swap them. What stands there until then begins with
    /// `/`, as no output and no name does.
    fn free_what_changes(&self, jobs: &[WantedJob]) -> Result<(), StoreError> {
        let mut free = self.connection.prepare_cached(
            "UPDATE job SET output = '/' || id,
               external_base = CASE WHEN ?3 THEN '/' || id ELSE external_base END
             WHERE key = ?1 AND meaning <> ?2
               AND state IN ('waiting', 'queued', 'identified', 'failed')
               AND first_sent_at_ms IS NULL AND task_id IS NULL",
        )?;
        for wanted in jobs {
            let names_itself = wanted.spec.external_task_id.is_some();
            free.execute((&wanted.spec.key, &wanted.meaning, names_itself))?;
        }
        Ok(())
    }

    fn want(
        &mut self,
        manifest_id: i64,
        manifest: &Accepted,
        index: i64,
        wanted: &WantedJob,
    ) -> Result<(), Stop> {
        let mut holder = self.holder(&wanted.spec.key)?;
        if holder.is_none()
            && let Some(job) = self.renamed_and_edited(manifest, wanted)?
        {
            self.take(manifest_id, &job, wanted)?;
            holder = self.holder(&wanted.spec.key)?;
        }
        let Some(mut holder) = holder else {
            self.check_doubt(manifest_id, manifest, wanted)?;
            return self.add(manifest_id, index, wanted);
        };
        if holder.manifest_id != manifest_id {
            self.take_over(&holder, manifest_id)?;
        }
        let (job, id) = (&holder.job, holder.job.id);
        if holder.meaning != wanted.meaning {
            if holder.runs_when_edited() {
                self.check_doubt(manifest_id, manifest, wanted)?;
            }
        } else if job.was_never_sent()
            && job.result.is_none()
            && (self.moved.contains(&id) || job.spec.output != wanted.spec.output)
        {
            // Its output is named by its key, unless the manifest names it. Whoever has read the job
            // before must not send it by its name of before.
            self.update_spec(id, wanted)?;
            row::count_write(self.connection, id)?;
            holder.job.revision += 1;
        }
        self.compare(holder, wanted)?;
        Ok(self.is_asked_for(id, wanted)?)
    }

    /// A job that nobody asks for any more passes to the manifest that names its key now.
    fn take_over(&self, holder: &Holder, manifest_id: i64) -> Result<(), Stop> {
        if !holder.left {
            let path: String = self
                .connection
                .prepare_cached("SELECT path FROM manifest WHERE id = ?1")?
                .query_row([holder.manifest_id], |row| row.get(0))?;
            let what =
                format!("{path} has a job of this key already; give one of them another name");
            let key = holder.job.spec.key.clone();
            return Err(Stop::Conflict(Conflict { key, what, passes: false }));
        }
        self.connection
            .prepare_cached("UPDATE job SET manifest_id = ?2 WHERE id = ?1")?
            .execute((holder.job.id, manifest_id))?;
        Ok(())
    }

    fn compare(&mut self, holder: Holder, wanted: &WantedJob) -> Result<(), Stop> {
        let runs_when_edited = holder.runs_when_edited();
        let Holder { job, meaning, .. } = holder;
        if meaning == wanted.meaning {
            if job.was_removed() {
                let back = self.apply_and_record(&job, Outcome::Returned)?;
                self.look_at_media(&back, wanted)?;
            } else if job.changed_since {
                self.flag(&job, false, "its manifest asks again for what was sent")?;
            } else if job.state == State::Waiting {
                self.look_at_media(&job, wanted)?;
            }
            return Ok(());
        }
        if runs_when_edited {
            // The row's wish is written first: the output it gives up may be another's next.
            self.update_spec(job.id, wanted)?;
            let edited =
                self.apply_and_record(&job, Outcome::Edited(Box::new(wanted.spec.clone())))?;
            self.done.changed += 1;
            self.look_at_media(&edited, wanted)?;
        } else if !job.changed_since {
            let what = "manifest changed since; `lipsyncd retry` runs it as it stands now";
            self.flag(&job, true, what)?;
            self.done.flagged += 1;
        }
        Ok(())
    }

    /// Tells whether the manifest asks for something else than what was sent. No move of the job, and
    /// no write that others must have read: the answer to a create may come at the same moment.
    fn flag(&self, job: &Job, changed_since: bool, what: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE job SET changed_since = ?2, updated_at_ms = ?3 WHERE id = ?1")?
            .execute((job.id, changed_since, self.moment.now_ms))?;
        self.tell(job.id, job.state, what)
    }

    fn update_spec(&self, id: i64, wanted: &WantedJob) -> Result<(), StoreError> {
        let name = self.free_name(&wanted.external_base, id)?;
        row::update_spec(self.connection, id, &wanted.spec, &wanted.meaning, &name)
    }

    fn look_at_media(&mut self, job: &Job, wanted: &WantedJob) -> Result<(), Stop> {
        if let Some(outcome) = media_outcome(wanted) {
            self.apply_and_record(job, outcome)?;
        }
        Ok(())
    }

    /// Cancels what a manifest gave up and was not sent.
    pub(super) fn remove_given_up(&mut self, manifest_id: i64) -> Result<(), StoreError> {
        for job in self.unsent(manifest_id, "AND j.left_at_ms IS NOT NULL")? {
            self.apply_and_record(&job, Outcome::Removed)?;
            self.done.removed += 1;
        }
        Ok(())
    }

    pub(super) fn hold_unsent(&mut self, manifest_id: i64, why: &str) -> Result<(), StoreError> {
        for job in self.unsent(manifest_id, "")? {
            self.hold(&job, why)?;
        }
        Ok(())
    }

    fn hold(&self, job: &Job, why: &str) -> Result<(), StoreError> {
        if job.media.missing.as_deref() != Some(why) {
            let held = match job.state {
                State::Waiting => Outcome::MediaMissing(why.to_owned()),
                _ => Outcome::MediaChanged(why.to_owned()),
            };
            self.apply_and_record(job, held)?;
        }
        Ok(())
    }

    fn unsent(&self, manifest_id: i64, which: &str) -> Result<Vec<Job>, StoreError> {
        let sql = format!(
            "{}WHERE j.manifest_id = ?1 AND j.state IN ('waiting', 'queued', 'identified')
               AND j.first_sent_at_ms IS NULL {which}",
            row::SELECT_JOB
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let jobs = statement.query_map([manifest_id], row::job_from_row)?;
        Ok(jobs.collect::<Result<_, _>>()?)
    }

    fn holder(&self, key: &str) -> Result<Option<Holder>, StoreError> {
        let sql = format!("{}WHERE j.key = ?1", row::SELECT_JOB);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let holder = |row: &Row<'_>| {
            Ok(Holder {
                job: row::job_from_row(row)?,
                manifest_id: row.get("manifest_id")?,
                meaning: row.get("meaning")?,
                left: row.get::<_, Option<i64>>("left_at_ms")?.is_some(),
            })
        };
        Ok(statement.query_row([key], holder).optional()?)
    }

    fn apply_and_record(&self, job: &Job, outcome: Outcome) -> Result<Job, StoreError> {
        self.write(apply(job, outcome, &self.moment, self.policy))
    }

    fn write(&self, transition: Result<Transition, Illegal>) -> Result<Job, StoreError> {
        let transition = transition.map_err(illegal)?;
        record::record(self.connection, &transition, None, self.moment.now_ms)
    }

    /// Says which two jobs want the same, where SQLite says "UNIQUE constraint failed".
    fn explain(&self, stop: Stop, wanted: &WantedJob) -> Stop {
        let Stop::Store(StoreError::Sqlite(rusqlite::Error::SqliteFailure(error, _))) = &stop
        else {
            return stop;
        };
        if error.code != ErrorCode::ConstraintViolation {
            return stop;
        }
        let holder = |column: &str, value: &str| -> Option<String> {
            let sql =
                format!("SELECT key FROM job WHERE {column} = ?1 AND freed = 0 AND key <> ?2");
            let mut statement = self.connection.prepare_cached(&sql).ok()?;
            statement.query_row((value, &wanted.spec.key), |row| row.get(0)).optional().ok()?
        };
        let spec = &wanted.spec;
        let what = if let Some(other) = holder("output", &spec.output) {
            format!("its output {} is job {other}'s already; give it another `output`", spec.output)
        } else if let Some((name, other)) = spec
            .external_task_id
            .as_ref()
            .and_then(|name| Some((name, holder("external_base", name)?)))
        {
            format!("its external_task_id {name} is job {other}'s already; it must be unique")
        } else {
            return stop;
        };
        Stop::Conflict(Conflict { key: spec.key.clone(), what, passes: false })
    }
}

fn media_outcome(wanted: &WantedJob) -> Option<Outcome> {
    match &wanted.media {
        Ok(Media { missing: Some(what), .. }) => Some(Outcome::MediaMissing(what.clone())),
        Ok(media) => Some(Outcome::MediaReady(media.clone())),
        Err(fault) => Some(Outcome::MediaUnfit(fault.clone())),
    }
}

fn illegal(illegal: Illegal) -> StoreError {
    StoreError::Nonsense { key: illegal.key.clone(), what: illegal.to_string() }
}
