//! Making the database agree with one manifest, in one transaction.
//!
//! What each difference means for a job is decided by [`apply`](crate::job::apply()); here is only who is
//! new, who changed, who left, and who is known under another name.

use std::collections::HashSet;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};

use super::{Accepted, Conflict, Reconciled, StoreError, WantedJob, record, row};
use crate::job::{Illegal, Job, Media, Moment, Outcome, Policy, State, Transition, apply};

pub(super) const FIRST_TURN: &str = "
    SELECT turn FROM job INDEXED BY job_queued
    WHERE state = 'queued' AND due_at_ms = 0 AND priority = ?1
    ORDER BY turn, id LIMIT 1";

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
    pub(super) done: Reconciled,
}

impl<'a> Reconciliation<'a> {
    pub(super) fn new(connection: &'a Connection, moment: Moment, policy: &'a Policy) -> Self {
        Self { connection, moment, policy, done: Reconciled::default() }
    }

    pub(super) fn accept(&mut self, manifest: &Accepted) -> Result<(), Stop> {
        let predecessor = self.predecessor(manifest)?;
        let manifest_id: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO manifest (path, state, meaning, print, file_id, seen_at_ms)
                 VALUES (?1, 'accepted', ?2, ?3, ?4, ?5)
                 ON CONFLICT (path) DO UPDATE SET state = 'accepted', error = NULL,
                   meaning = excluded.meaning, print = excluded.print, file_id = excluded.file_id,
                   seen_at_ms = excluded.seen_at_ms, removed_at_ms = NULL
                 RETURNING id",
            )?
            .query_row(
                (
                    &manifest.path,
                    &manifest.meaning,
                    &manifest.print,
                    &manifest.file_id,
                    self.moment.now_ms,
                ),
                |row| row.get(0),
            )?;
        // Who leaves goes first, so that an output that passes from one job to another is free.
        let keys: Vec<&str> = manifest.jobs.iter().map(|job| job.spec.key.as_str()).collect();
        self.remove_unwanted(manifest_id, &keys)?;
        self.free_what_changes(&manifest.jobs)?;
        for (index, wanted) in manifest.jobs.iter().enumerate() {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            self.want(manifest_id, predecessor, &manifest.file_id, index, wanted)
                .map_err(|stop| self.explain(stop, wanted))?;
        }
        Ok(())
    }

    /// Takes outputs and names away from the jobs whose wish is about to be written anew, so that
    /// jobs of one manifest may pass them on or swap them. What stands there until then begins with
    /// `/`, as no output and no name does.
    fn free_what_changes(&self, jobs: &[WantedJob]) -> Result<(), StoreError> {
        let mut free = self.connection.prepare_cached(
            "UPDATE job SET output = '/' || id,
               external_base = CASE WHEN ?3 THEN '/' || id ELSE external_base END
             WHERE key = ?1 AND meaning <> ?2 AND (state IN ('waiting', 'queued', 'identified')
               OR state = 'failed' AND first_sent_at_ms IS NULL AND task_id IS NULL)",
        )?;
        for wanted in jobs {
            let names_itself = wanted.spec.external_task_id.is_some();
            free.execute((&wanted.spec.key, &wanted.meaning, names_itself))?;
        }
        Ok(())
    }

    /// The manifest that left the folder and that this one is under a new name: it asks the same,
    /// or it is the same file. Of several, such as twins that were moved together, the same file
    /// comes first, and none whose jobs have passed to another already.
    fn predecessor(&self, manifest: &Accepted) -> Result<Option<i64>, StoreError> {
        let mut same = self.connection.prepare_cached(
            "SELECT id FROM (
               SELECT id, file_id, removed_at_ms FROM manifest
               WHERE removed_at_ms IS NOT NULL AND path <> ?1 AND meaning = ?2
               UNION
               SELECT id, file_id, removed_at_ms FROM manifest
               WHERE removed_at_ms IS NOT NULL AND path <> ?1 AND file_id = ?3
             ) gone
             WHERE EXISTS (SELECT 1 FROM job WHERE manifest_id = gone.id)
             ORDER BY file_id = ?3 DESC, removed_at_ms DESC, id LIMIT 1",
        )?;
        let known = (&manifest.path, &manifest.meaning, &manifest.file_id);
        Ok(same.query_row(known, |row| row.get(0)).optional()?)
    }

    fn want(
        &mut self,
        manifest_id: i64,
        predecessor: Option<i64>,
        file_id: &str,
        index: i64,
        wanted: &WantedJob,
    ) -> Result<(), Stop> {
        if let Some((job, owner, meaning)) = self.known_job(&wanted.spec.key)? {
            if owner != manifest_id {
                self.take_over(&job, owner, manifest_id)?;
            }
            return self.compare(job, &meaning, wanted);
        }
        if let Some(id) = self.moved_job(predecessor, file_id, wanted)? {
            self.connection
                .prepare_cached(
                    "UPDATE job SET key = ?2, manifest_id = ?3, name = ?4 WHERE id = ?1",
                )?
                .execute((id, &wanted.spec.key, manifest_id, &wanted.spec.id))?;
            self.done.moved += 1;
            let Some((job, _, meaning)) = self.known_job(&wanted.spec.key)? else {
                return Ok(());
            };
            if job.was_never_sent() && job.result.is_none() {
                // Its output is named by its key, unless the manifest names it.
                self.update_spec(id, wanted)?;
            }
            return self.compare(job, &meaning, wanted);
        }
        self.add(manifest_id, index, wanted)
    }

    /// A job whose manifest left the folder passes to the one that names it now.
    fn take_over(&self, job: &Job, owner: i64, manifest_id: i64) -> Result<(), Stop> {
        let (path, gone): (String, bool) = self
            .connection
            .prepare_cached("SELECT path, removed_at_ms IS NOT NULL FROM manifest WHERE id = ?1")?
            .query_row([owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if !gone {
            let what =
                format!("{path} has a job of this key already; give one of them another name");
            return Err(Stop::Conflict(Conflict { key: job.spec.key.clone(), what }));
        }
        self.connection
            .prepare_cached("UPDATE job SET manifest_id = ?2 WHERE id = ?1")?
            .execute((job.id, manifest_id))?;
        Ok(())
    }

    fn compare(&mut self, job: Job, meaning: &str, wanted: &WantedJob) -> Result<(), Stop> {
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
        let failed_unsent = job.state == State::Failed && job.was_never_sent();
        if job.state.is_unsent() || job.was_removed() || failed_unsent {
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
        let state = job.state;
        record::add_event(
            self.connection,
            job.id,
            Some(state),
            state,
            what,
            None,
            self.moment.now_ms,
        )
    }

    fn update_spec(&self, id: i64, wanted: &WantedJob) -> Result<(), StoreError> {
        let WantedJob { spec, meaning, external_base, .. } = wanted;
        row::update_spec(self.connection, id, spec, meaning, external_base)
    }

    fn add(&mut self, manifest_id: i64, index: i64, wanted: &WantedJob) -> Result<(), Stop> {
        let spec = wanted.spec.clone();
        let external_base =
            spec.external_task_id.clone().unwrap_or_else(|| wanted.external_base.clone());
        let turn = self.turn(spec.priority)?.saturating_add(index);
        let mut job = Job::new(spec, external_base, turn);
        let mut what = "found in its manifest".to_owned();
        if let Some(outcome) = media_outcome(wanted) {
            let looked = apply(&job, outcome, &self.moment, self.policy).map_err(illegal)?;
            (job, what) = (looked.job, format!("{what}; {}", looked.what));
        }
        let now_ms = self.moment.now_ms;
        let id = row::insert(self.connection, &job, manifest_id, &wanted.meaning, now_ms)?;
        record::add_event(self.connection, id, None, job.state, &what, None, now_ms)?;
        self.done.added += 1;
        Ok(())
    }

    /// Where the turns of one priority have come to: a manifest that joins begins there, so that it
    /// neither waits behind all that were there before nor passes them all by.
    fn turn(&self, priority: i32) -> Result<i64, StoreError> {
        let mut first = self.connection.prepare_cached(FIRST_TURN)?;
        Ok(first.query_row([priority], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    fn look_at_media(&mut self, job: &Job, wanted: &WantedJob) -> Result<(), Stop> {
        if let Some(outcome) = media_outcome(wanted) {
            self.apply_and_record(job, outcome)?;
        }
        Ok(())
    }

    pub(super) fn remove_unwanted(
        &mut self,
        manifest_id: i64,
        wanted_keys: &[&str],
    ) -> Result<(), StoreError> {
        let wanted: HashSet<&str> = wanted_keys.iter().copied().collect();
        for job in self.unsent(manifest_id)? {
            if !wanted.contains(job.spec.key.as_str()) {
                self.apply_and_record(&job, Outcome::Removed)?;
                self.done.removed += 1;
            }
        }
        Ok(())
    }

    pub(super) fn hold_unsent(&mut self, manifest_id: i64, why: &str) -> Result<(), StoreError> {
        for job in self.unsent(manifest_id)? {
            if job.media.missing.as_deref() != Some(why) {
                let held = match job.state {
                    State::Waiting => Outcome::MediaMissing(why.to_owned()),
                    _ => Outcome::MediaChanged(why.to_owned()),
                };
                self.apply_and_record(&job, held)?;
            }
        }
        Ok(())
    }

    fn unsent(&self, manifest_id: i64) -> Result<Vec<Job>, StoreError> {
        let sql = format!(
            "{}WHERE j.manifest_id = ?1 AND j.state IN ('waiting', 'queued', 'identified')",
            row::SELECT_JOB
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let jobs = statement.query_map([manifest_id], row::job_from_row)?;
        Ok(jobs.collect::<Result<_, _>>()?)
    }

    fn known_job(&self, key: &str) -> Result<Option<(Job, i64, String)>, StoreError> {
        let sql = format!("{}WHERE j.key = ?1", row::SELECT_JOB);
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement
            .query_row([key], |row| {
                Ok((row::job_from_row(row)?, row.get("manifest_id")?, row.get("meaning")?))
            })
            .optional()?)
    }

    fn moved_job(
        &self,
        predecessor: Option<i64>,
        file_id: &str,
        wanted: &WantedJob,
    ) -> Result<Option<i64>, StoreError> {
        let Some(predecessor) = predecessor else {
            return Ok(None);
        };
        // Renamed and edited in one go, a job is known by its name in the same file. A new file may
        // get the inode of one that is gone, so that its video or its sound must be the same, too.
        let mut statement = self.connection.prepare_cached(
            "SELECT j.id FROM job j JOIN manifest m ON m.id = j.manifest_id
             WHERE j.manifest_id = ?1 AND j.name IS ?2
               AND (j.meaning = ?3 OR m.file_id = ?4 AND (j.video = ?5 OR j.audio = ?6))
             ORDER BY j.meaning = ?3 DESC LIMIT 1",
        )?;
        let spec = &wanted.spec;
        let (video, audio) = (spec.video.as_written(), spec.audio.as_written());
        let known = (predecessor, &spec.id, &wanted.meaning, file_id, video, audio);
        Ok(statement.query_row(known, |row| row.get(0)).optional()?)
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
            let sql = format!(
                "SELECT key FROM job WHERE {column} = ?1 AND state <> 'cancelled' AND key <> ?2"
            );
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
        Stop::Conflict(Conflict { key: spec.key.clone(), what })
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
