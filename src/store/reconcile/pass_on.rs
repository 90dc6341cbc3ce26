//! Passing jobs on to the keys that ask for them now.
//!
//! A job that is passed on keeps all it has come to: what was sent is not sent again. Whatever the
//! order in which manifests are read, each wish is paid for once.

use std::collections::{HashMap, VecDeque};

use rusqlite::OptionalExtension as _;

use super::{
    Reconciliation, Stop,
    same::{GivenUp, Near, SameMedia},
};
use crate::{
    job::{Job, Outcome, State},
    store::{Accepted, Conflict, StoreError, WantedJob, record},
};

/// So long are media waited for that tell whether a job is the same as one in another folder.
const MEDIA_WAIT_MS: i64 = 60_000;

/// What a key that is asked for holds.
pub(super) struct Holder {
    pub(super) job: Job,
    pub(super) manifest_id: i64,
    pub(super) meaning: String,
    /// No manifest asks for it.
    pub(super) left: bool,
}

impl Holder {
    /// Whether it would be sent as what its key asks now.
    pub(super) fn runs_when_edited(&self) -> bool {
        let unsent = (self.job.state.is_unsent() || self.job.state == State::Failed)
            && self.job.was_never_sent();
        unsent || self.job.was_removed()
    }

    /// Whether `other` may take its place. A job that was sent gives way only to one that was, too,
    /// and whose own key has no need of it; then nothing is left to be paid for.
    fn gives_way_to(&self, other: &GivenUp) -> bool {
        let is_swap = other.wanted_meaning.as_ref() == Some(&self.meaning);
        other.was_sent
            && if self.runs_when_edited() {
                other.is_free() || is_swap
            } else {
                (other.left || is_swap) && other.near == Near::Meaning
            }
    }
}

impl Reconciliation<'_> {
    /// Looks among the jobs that were given up for those that this manifest asks for, and passes
    /// them on.
    pub(super) fn pass_on(&mut self, manifest_id: i64, manifest: &Accepted) -> Result<(), Stop> {
        let places: HashMap<&str, usize> = manifest
            .jobs
            .iter()
            .enumerate()
            .map(|(place, job)| (job.spec.key.as_str(), place))
            .collect();
        // Who asks the very same goes first.
        for near in [Near::Meaning, Near::Content] {
            let mut open: VecDeque<usize> = (0..manifest.jobs.len()).collect();
            while let Some(wanted) = open.pop_front().and_then(|place| manifest.jobs.get(place)) {
                if let Some(key) = self.pass_to(manifest_id, manifest, wanted, near)? {
                    // The key that it went by may find another job in its turn.
                    open.extend(places.get(key.as_str()));
                }
            }
        }
        Ok(())
    }

    /// Passes a job on to the key of `wanted`, if there is one; returns the key it went by.
    fn pass_to(
        &mut self,
        manifest_id: i64,
        manifest: &Accepted,
        wanted: &WantedJob,
        near: Near,
    ) -> Result<Option<String>, Stop> {
        let holder = self.holder(&wanted.spec.key)?;
        if let Some(holder) = &holder
            && (holder.meaning == wanted.meaning
                || holder.manifest_id != manifest_id && !holder.left)
        {
            return Ok(None);
        }
        let same = self.same(manifest, wanted, near)?;
        let fits = |job: &GivenUp| {
            !self.moved.contains(&job.id)
                && match &holder {
                    Some(holder) => holder.gives_way_to(job),
                    None => job.is_free(),
                }
        };
        let Some(job) = same.into_iter().find(fits) else { return Ok(None) };
        let known_for_ms = self.moment.now_ms.saturating_sub(manifest.seen_at_ms);
        if job.media == SameMedia::NotKnown && known_for_ms < MEDIA_WAIT_MS {
            let what = format!(
                "it asks for the same as job {}: whether its media are the same, too, shows once they \
                 are there",
                job.key
            );
            let key = wanted.spec.key.clone();
            return Err(Stop::Conflict(Conflict { key, what, passes: true }));
        }
        match holder {
            None => self.take(manifest_id, &job, wanted)?,
            Some(holder) => self.exchange(manifest_id, &holder, &job, wanted)?,
        }
        if !job.left && job.manifest_id != manifest_id {
            self.ask_to_read_again(job.manifest_id)?;
        }
        Ok(Some(job.key))
    }

    /// The job goes by the key of `wanted` from now on, which nobody holds.
    pub(super) fn take(
        &mut self,
        manifest_id: i64,
        job: &GivenUp,
        wanted: &WantedJob,
    ) -> Result<(), StoreError> {
        // Under another id, what was paid for is all the same.
        let meaning = (job.near == Near::Content && job.was_sent).then_some(&wanted.meaning);
        self.connection
            .prepare_cached(
                "UPDATE job SET key = ?2, manifest_id = ?3, name = ?4, left_at_ms = NULL,
                   meaning = coalesce(?5, meaning),
                   wanted_meaning = nullif(?6, coalesce(?5, meaning)),
                   changed_at_ms = CASE WHEN ?6 <> coalesce(?5, meaning) THEN changed_at_ms END,
                   changed_since = CASE WHEN ?5 IS NULL THEN changed_since ELSE 0 END
                 WHERE id = ?1",
            )?
            .execute((
                job.id,
                &wanted.spec.key,
                manifest_id,
                &wanted.spec.id,
                meaning,
                &wanted.meaning,
            ))?;
        self.done.moved += 1;
        self.moved.insert(job.id);
        let (old, new) = (&job.key, &wanted.spec.key);
        let what = if job.was_sent {
            format!("known again: {old} goes by {new} now, and what was sent is not sent again")
        } else {
            format!("known again: {old} goes by {new} now")
        };
        self.tell(job.id, job.state, &what)
    }

    /// The job and the holder of the key of `wanted` change places.
    fn exchange(
        &mut self,
        manifest_id: i64,
        holder: &Holder,
        job: &GivenUp,
        wanted: &WantedJob,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE job SET key = '/' || id WHERE id = ?1")?
            .execute([holder.job.id])?;
        self.take(manifest_id, job, wanted)?;
        self.connection
            .prepare_cached(
                "UPDATE job SET key = ?2, manifest_id = ?3, name = ?4, wanted_meaning = ?5,
                   changed_at_ms = ?7, left_at_ms = CASE WHEN ?6 THEN ?7 END WHERE id = ?1",
            )?
            .execute((
                holder.job.id,
                &job.key,
                job.manifest_id,
                &job.name,
                &job.wanted_meaning,
                job.left,
                self.moment.now_ms,
            ))?;
        let (old, new) = (&wanted.spec.key, &job.key);
        let what = format!("{old} is another job now: this one goes by {new}");
        self.tell(holder.job.id, holder.job.state, &what)?;
        if holder.job.state.is_unsent() && holder.job.was_never_sent() {
            // It must not be sent as something that nobody asks for.
            if job.left {
                self.apply_and_record(&holder.job, Outcome::Removed)?;
                self.done.removed += 1;
            } else {
                self.hold(&holder.job, "its manifest to be read again")?;
            }
        }
        Ok(())
    }

    /// A job that is about to be paid for may be one that another manifest has given up, which could
    /// not be read yet.
    pub(super) fn check_doubt(
        &self,
        manifest_id: i64,
        manifest: &Accepted,
        wanted: &WantedJob,
    ) -> Result<(), Stop> {
        let mut asking = self.connection.prepare_cached(
            "SELECT j.key, m.path, m.state = 'refused'
               AND (j.first_sent_at_ms IS NOT NULL OR j.task_id IS NOT NULL)
             FROM job j JOIN manifest m ON m.id = j.manifest_id
             WHERE (j.meaning = ?1 OR j.wanted_meaning = ?1) AND j.key <> ?2
               AND j.left_at_ms IS NULL AND m.removed_at_ms IS NULL AND m.id <> ?3",
        )?;
        let mut rows = asking.query((&wanted.meaning, &wanted.spec.key, manifest_id))?;
        while let Some(row) = rows.next()? {
            let (other, path): (String, String) = (row.get(0)?, row.get(1)?);
            let passes = manifest.unread.contains(path.as_str());
            if passes || row.get(2)? {
                let why = if passes { "is still to be read" } else { "has faults" };
                let what = format!(
                    "it asks for the same as job {other}, whose manifest {path} {why}: whether that \
                     job has moved here shows once it is read"
                );
                let key = wanted.spec.key.clone();
                return Err(Stop::Conflict(Conflict { key, what, passes }));
            }
        }
        Ok(())
    }

    pub(super) fn tell(&self, id: i64, state: State, what: &str) -> Result<(), StoreError> {
        let now_ms = self.moment.now_ms;
        record::add_event(self.connection, id, Some(state), state, what, None, now_ms)
    }

    /// The keys of that manifest hold other jobs than before.
    fn ask_to_read_again(&mut self, manifest_id: i64) -> Result<(), StoreError> {
        let path = self
            .connection
            .prepare_cached(
                "UPDATE manifest SET print = '' WHERE id = ?1 AND removed_at_ms IS NULL
                 RETURNING path",
            )?
            .query_row([manifest_id], |row| row.get(0))
            .optional()?;
        self.done.read_again.extend::<Option<String>>(path);
        Ok(())
    }
}
