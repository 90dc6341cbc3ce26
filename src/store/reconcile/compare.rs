//! One job against what its manifest asks now: what an edit, a return, or new content of a file means.

use std::collections::HashMap;

use super::{KnownJob, Reconciliation, Wish, job_row::JobRow};
use crate::{
    job::{Failure, Job, State, Task},
    store::{
        Accepted, OnChange, RUN_AT_ONCE_MAX, StoreError, WantedJob, job_row, record::add_event,
        sharing::Stop,
    },
};

/// What becomes of a job.
enum Verdict {
    /// It stays as it is; what its manifest asks is written.
    Keep,
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
        self.write_wish(&mut job, wanted);
        let what = self.carry_out(&mut job, &before, task.as_ref(), verdict)?;
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
        let returned = job.left_at_ms.is_some();
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
            Ok(media) => media.missing.clone().map(Verdict::Wait),
        };
        if unsent {
            return match media {
                Some(media) => media,
                None if task.is_none_or(|task| !is_asked(task, wanted)) => {
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
        if wanted.request_hash.is_none() {
            // A local file that is missing later is no change; an edited manifest is judged once its media are there.
            return Verdict::Keep;
        }
        // Its manifest was edited, or it returned, while its media were not there: that is judged now.
        let is_unjudged = job.request_hash.is_none();
        let returned = returned || is_unjudged;
        let take_edited = (wanted.spec.take != job.spec.take || is_unjudged)
            && wanted.spec.take.is_some_and(|take| take != task.take);
        if wanted.request_hash.as_ref() == Some(&task.request_hash) {
            if take_edited {
                return Verdict::Point("its `take` changed");
            }
            let starts_again = job.state == State::Failed && !task.was_accepted();
            if starts_again && (edited || returned) {
                return Verdict::Point("it starts again");
            }
            if job.changed_after_sent {
                return Verdict::Unflag;
            }
            let moved = wanted.spec.output != job.spec.output && job.state == State::Succeeded;
            return if moved { Verdict::Deliver } else { Verdict::Keep };
        }
        // A change that was flagged, or accepted by a person, is judged once.
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
        // Judged once its media are there.
        let is_asked_anew = wanted.spec.take != job.spec.take || job.left_at_ms.is_some();
        if wanted.request_hash.is_none() && is_asked_anew {
            job.request_hash = None;
        }
        job.spec = wanted.spec.clone();
        job.spec_hash.clone_from(&wanted.spec_hash);
        if wanted.request_hash.is_some() {
            job.request_hash.clone_from(&wanted.request_hash);
        }
        if let Ok(media) = &wanted.media
            && media.missing.is_none()
        {
            job.media.clone_from(media);
        }
        // Until there is a file, its output is where the manifest says now.
        if job.delivered.is_none() {
            job.output.clone_from(&job.spec.output);
        }
        (job.absent_since_ms, job.left_at_ms) = (None, None);
    }

    /// Returns the sentence for the history; none: nothing happened that is worth one.
    fn carry_out(
        &mut self,
        job: &mut Job,
        before: &Job,
        task: Option<&Task>,
        verdict: Verdict,
    ) -> Result<Option<String>, Stop> {
        match verdict {
            Verdict::Keep => Ok(None),
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
                Ok(Some(why.to_owned()))
            }
            Verdict::Flag => {
                job.changed_after_sent = true;
                self.done.flagged += usize::from(!before.changed_after_sent);
                let what = "changed after it was sent; `lipsyncd retry` makes the new request, \
                            `lipsyncd dismiss` keeps the result";
                Ok((!before.changed_after_sent).then(|| what.to_owned()))
            }
            Verdict::Unflag => {
                job.changed_after_sent = false;
                Ok(Some("its manifest asks again for what was made".to_owned()))
            }
            Verdict::Deliver => {
                (job.state, job.delivery) = (State::Downloading, Default::default());
                Ok(Some("its output changed: the result is copied there".to_owned()))
            }
            Verdict::Wait(missing) => {
                let is_news = before.media.missing.as_ref() != Some(&missing);
                job.task = None;
                (job.state, job.failure) = (State::Waiting, None);
                job.media.missing = Some(missing.clone());
                Ok((is_news || before.state != State::Waiting).then_some(missing))
            }
            Verdict::Unfit(failure) => {
                let is_news = before.failure.as_ref() != Some(&failure);
                job.task = None;
                job.state = State::Failed;
                job.media.missing = None;
                let what = failure.message.clone();
                job.failure = Some(failure);
                Ok(is_news.then_some(what))
            }
        }
    }

    /// With `watch.on_change: run`, a manifest that changes many finished jobs at once runs none of them.
    pub(super) fn spare_many(&mut self, manifest: &Accepted, known: &HashMap<String, KnownJob>) {
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

/// Whether the task is what the job asks for.
fn is_asked(task: &Task, wanted: &WantedJob) -> bool {
    wanted.request_hash.as_ref() == Some(&task.request_hash)
        && wanted.spec.take.is_none_or(|take| take == task.take)
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
