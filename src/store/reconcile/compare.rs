//! One job against what its manifest asks now: what an edit, a return, or new content of a file means.

use std::collections::HashMap;

use super::{JobSummary, Reconciliation, Wish, job_row::JobRow};
use crate::{
    job::{Failure, Job, State, Task},
    store::{
        AcceptedManifest, OnChange, RUN_AT_ONCE_MAX, StoreError, WantedJob, job_row,
        record::add_event, sharing::Stop,
    },
};

const CHANGED: &str = "changed after it was sent";

/// What becomes of a job.
enum Verdict {
    /// It stays as it is; what its manifest asks is written.
    Keep,
    /// Its manifest asks for something else, and its media are not there: it stays as it is, and the manifest is read
    /// again.
    JudgeLater,
    /// It is pointed to the task of its request, because of this.
    Point(&'static str),
    /// Its request changed after its task was created; whether it did not before.
    Flag,
    /// Its manifest asks again for what was made.
    Unflag,
    /// It waits for its media.
    Wait(String),
    /// Its media cannot be used.
    Unfit(Failure),
    /// Its file is wanted at another place.
    Deliver,
}

impl Reconciliation<'_> {
    /// Applies what the manifest asks of a job that is known; `moved`: under another key until now.
    pub(in crate::store) fn compare(
        &mut self,
        row: JobRow,
        wanted: &WantedJob,
        moved: bool,
    ) -> Result<(), Stop> {
        let JobRow { mut job, manifest_id } = row;
        // Labels are compared by the digest of all keys.
        job.spec.labels.clone_from(&wanted.spec.labels);
        let task = job.task.map(|id| self.sharing.reread(id)).transpose()?;
        let verdict = self.judge(&job, task.as_ref(), wanted);
        let before = job.clone();
        match verdict {
            Verdict::JudgeLater => self.done.judged_later += 1,
            _ => self.write_wish(&mut job, wanted),
        }
        if job.orphaned_at_ms.is_none() {
            job.absent_since_ms = None;
        }
        let what = self.carry_out(&mut job, &before, task.as_ref(), verdict, wanted)?;
        let now_ms = self.sharing.moment.now_ms;
        if moved || job != before || manifest_changed(self, &before, manifest_id)? {
            job_row::save(self.connection, &mut job, manifest_id, now_ms)?;
        }
        if job.spec_hash != before.spec_hash {
            job_row::replace_labels(self.connection, &job)?;
        }
        if let Some(what) = what {
            add_event(self.connection, job.id, Some(before.state), job.state, &what, None, now_ms)?;
        }
        match before.task.filter(|left| job.task != Some(*left)) {
            Some(left) => self.sharing.release(left, job.id)?,
            None if moved || job.spec != before.spec || job.media != before.media => {
                self.sharing.respell(&job)?;
            }
            None => {}
        }
        Ok(())
    }

    fn judge(&self, job: &Job, task: Option<&Task>, wanted: &WantedJob) -> Verdict {
        let returned = job.orphaned_at_ms.is_some();
        let edited = job.spec_hash != wanted.spec_hash;
        // What a person cancelled stays so, unless the job left and is a new one now.
        if job.state == State::Cancelled && !job.was_removed() {
            let is_new = returned && wanted.request_hash != job.request_hash;
            if !is_new {
                return Verdict::Keep;
            }
        }
        let unsent = match task {
            None => true,
            Some(task) => task.is_uncreated() && !task.state.is_finished(),
        };
        let media = match &wanted.media {
            Err(fault) => Some(Verdict::Unfit(Failure {
                code: fault.code.clone(),
                message: fault.message.clone(),
            })),
            Ok(media) => media.wait_reason.clone().map(Verdict::Wait),
        };
        if unsent {
            return match media {
                Some(media) => media,
                None if task.is_none_or(|task| !is_asked(task, job, wanted)) => {
                    Verdict::Point(if edited {
                        "its manifest changed"
                    } else {
                        "its media are there"
                    })
                }
                None => Verdict::Keep,
            };
        }
        let Some(task) = task else { return Verdict::Keep };
        self.judge_sent(job, task, wanted, (edited, returned))
    }

    /// The task was created, or has ended.
    fn judge_sent(
        &self,
        job: &Job,
        task: &Task,
        wanted: &WantedJob,
        (edited, returned): (bool, bool),
    ) -> Verdict {
        let moved = wanted.spec.output != job.spec.output && job.state == State::Succeeded;
        if wanted.request_hash.is_none() {
            // A local file that is missing later is no change.
            let is_judged_later =
                returned || edited && job.state == State::Failed || !asks_the_same(job, wanted);
            return match (is_judged_later, moved) {
                (true, _) => Verdict::JudgeLater,
                (false, true) => Verdict::Deliver,
                (false, false) => Verdict::Keep,
            };
        }
        let take_edited = wanted.spec.take != job.spec.take
            && wanted.spec.take.is_some_and(|take| take != task.take);
        if wanted.request_hash.as_ref() == Some(&task.request_hash) {
            if take_edited {
                return Verdict::Point("its `take` changed");
            }
            let starts_again = job.state == State::Failed && !task.was_accepted();
            if starts_again && (edited || returned) {
                return Verdict::Point("it starts again");
            }
            return match (moved, job.changed_after_sent) {
                (true, _) => Verdict::Deliver,
                (false, true) => Verdict::Unflag,
                (false, false) => Verdict::Keep,
            };
        }
        // A change that was flagged, or accepted by a person, is judged once its media are there.
        let failed_later = job.changed_after_sent && job.state == State::Failed;
        if wanted.request_hash == job.request_hash && !take_edited && !returned && !failed_later {
            return Verdict::Keep;
        }
        let runs = returned
            || take_edited
            || job.state == State::Failed
            || self.on_change == OnChange::Run;
        match runs {
            true => Verdict::Point("its request changed"),
            false => Verdict::Flag,
        }
    }

    fn write_wish(&self, job: &mut Job, wanted: &WantedJob) {
        let other_request = job.request_hash.is_some()
            && wanted.request_hash.is_some()
            && job.request_hash != wanted.request_hash;
        if other_request || wanted.spec.take != job.spec.take {
            job.retry_take = None;
        }
        job.spec = wanted.spec.clone();
        job.spec_hash.clone_from(&wanted.spec_hash);
        if wanted.request_hash.is_some() {
            job.request_hash.clone_from(&wanted.request_hash);
        }
        if let Ok(media) = &wanted.media
            && media.wait_reason.is_none()
        {
            job.media.clone_from(media);
        }
        // Until there is a file, its output is where the manifest says now.
        if job.delivered.is_none() {
            job.output.clone_from(&job.spec.output);
        }
        (job.absent_since_ms, job.orphaned_at_ms) = (None, None);
    }

    /// Returns the sentence for the history; none: nothing happened that is worth one.
    fn carry_out(
        &mut self,
        job: &mut Job,
        before: &Job,
        task: Option<&Task>,
        verdict: Verdict,
        wanted: &WantedJob,
    ) -> Result<Option<String>, Stop> {
        match verdict {
            Verdict::Keep => Ok(None),
            Verdict::JudgeLater => {
                let is_news = !asks_the_same(job, wanted)
                    && job.request_hash.is_some()
                    && job.state != State::Failed;
                if !is_news {
                    return Ok(None);
                }
                // What a retry makes is not known before the media are there.
                (job.changed_after_sent, job.request_hash, job.retry_take) = (true, None, None);
                self.done.flagged += 1;
                Ok(Some(format!("{CHANGED}; {}", missing(wanted))))
            }
            Verdict::Point(why) => {
                let was_sent = task.is_some_and(|task| !task.is_uncreated());
                job.earlier_task = if was_sent { before.task } else { before.earlier_task };
                let wish = Wish {
                    take: self.sharing.take_to_join(job)?,
                    turn: self.sharing.turn(job.spec.priority)?,
                    sessions_after_ms: 0,
                };
                self.sharing.point(job, wish)?;
                self.done.changed += usize::from(before.spec_hash != job.spec_hash || was_sent);
                Ok(Some(format!("{why}{}", self.shared_with(job)?)))
            }
            Verdict::Flag => {
                job.changed_after_sent = true;
                self.done.flagged += usize::from(!before.changed_after_sent);
                let what = format!(
                    "{CHANGED}; `lipsyncd retry` makes the new request, `lipsyncd dismiss` keeps the result"
                );
                Ok((!before.changed_after_sent).then_some(what))
            }
            Verdict::Unflag => {
                job.changed_after_sent = false;
                Ok(Some("its manifest asks again for what was made".to_owned()))
            }
            Verdict::Deliver => {
                (job.state, job.delivery) = (State::Downloading, Default::default());
                // Where its request is known, it is that of its task.
                job.changed_after_sent &= wanted.request_hash.is_none();
                Ok(Some("its output changed: the result is copied there".to_owned()))
            }
            Verdict::Wait(missing) => {
                let is_news = before.media.wait_reason.as_ref() != Some(&missing);
                job.task = None;
                (job.state, job.failure) = (State::Waiting, None);
                job.media.wait_reason = Some(missing.clone());
                Ok((is_news || before.state != State::Waiting).then_some(missing))
            }
            Verdict::Unfit(failure) => {
                let is_news = before.failure.as_ref() != Some(&failure);
                job.task = None;
                job.state = State::Failed;
                job.media.wait_reason = None;
                let what = failure.message.clone();
                job.failure = Some(failure);
                Ok(is_news.then_some(what))
            }
        }
    }

    /// With `watch.on_change: run`, a manifest that changes many finished jobs at once runs none of them.
    pub(super) fn spare_many(
        &mut self,
        manifest: &AcceptedManifest,
        known: &HashMap<String, JobSummary>,
    ) {
        let changed = manifest.jobs.iter().filter(|wanted| {
            known.get(&wanted.spec.key).is_some_and(|job| {
                job.succeeded
                    && !job.has_left
                    && wanted.request_hash.is_some()
                    && wanted.request_hash != job.request_hash
            })
        });
        if changed.count() > RUN_AT_ONCE_MAX {
            self.on_change = OnChange::Flag;
        }
    }
}

/// Whether a manifest asks a job for the same request and take as before, by its text: what concerns the job alone is
/// left out.
fn asks_the_same(job: &Job, wanted: &WantedJob) -> bool {
    job.spec.take == wanted.spec.take && job.spec.is_spelled_as(&wanted.spec)
}

/// Why the media of a job cannot be used yet.
fn missing(wanted: &WantedJob) -> String {
    match &wanted.media {
        Ok(media) => media.wait_reason.clone().unwrap_or_default(),
        Err(fault) => fault.message.clone(),
    }
}

/// Whether the task is what the job asks for.
fn is_asked(task: &Task, job: &Job, wanted: &WantedJob) -> bool {
    wanted.request_hash.as_ref() == Some(&task.request_hash)
        && asked_take(job, wanted).is_none_or(|take| take == task.take)
}

/// The take that a retry, or else the manifest asks for.
fn asked_take(job: &Job, wanted: &WantedJob) -> Option<u32> {
    let retried = job.retry_take.filter(|_| wanted.spec.take == job.spec.take);
    retried.or(wanted.spec.take)
}

fn manifest_changed(
    reconciliation: &Reconciliation<'_>,
    job: &Job,
    manifest_id: i64,
) -> Result<bool, StoreError> {
    let mut known = reconciliation
        .connection
        .prepare_cached("SELECT 1 FROM job WHERE id = ?1 AND manifest_id <> ?2")?;
    Ok(known.exists((job.id, manifest_id))?)
}
