//! Applies what a manifest asks for to one job that is known.

use super::{
    Reconciliation,
    compare::{Comparison, JobAction, has_same_request_text},
};
use crate::{
    job::{Delivery, Job, State, Task},
    store::{
        WantedJob,
        event::record_change,
        job_row::{self, JobRow},
        sharing::{SharingError, TaskChoice},
        sql::Sql as _,
    },
};

const CHANGED: &str = "changed after it was sent";

impl Reconciliation<'_> {
    /// Compares a known job with what its manifest asks for, and writes the job; `moved`: it had another key until
    /// now.
    pub(in crate::store) fn compare(
        &mut self,
        row: JobRow,
        wanted: &WantedJob,
        moved: bool,
    ) -> Result<(), SharingError> {
        let JobRow { mut job, manifest_id } = row;
        self.count_new(manifest_id)?;
        // The digest of all keys compares the labels.
        job.spec.labels.clone_from(&wanted.spec.labels);
        let task = job.task.map(|id| self.sharing.reread(id)).transpose()?;
        let on_change = self.on_change;
        let action = Comparison { job: &job, task: task.as_ref(), wanted, on_change }.decide();
        let before = job.clone();
        match action {
            JobAction::DecideLater => self.done.judged_later += 1,
            _ => write_spec(&mut job, wanted),
        }
        if job.orphaned_at_ms.is_none() {
            job.absent_since_ms = None;
        }
        let what = self.carry_out(&mut job, &before, task.as_ref(), action, wanted)?;
        let now_ms = self.sharing.moment.now_ms;
        let other_manifest = "SELECT 1 FROM job WHERE id = ?1 AND manifest_id <> ?2";
        if moved
            || job != before
            || self.connection.exists(other_manifest, (job.id, manifest_id))?
        {
            job_row::save(self.connection, &mut job, manifest_id, now_ms)?;
        }
        if job.spec_hash != before.spec_hash {
            job_row::replace_labels(self.connection, &job)?;
        }
        if let Some(what) = what {
            record_change(self.connection, &job, Some(before.state), &what, now_ms)?;
        }
        match before.task.filter(|left| job.task != Some(*left)) {
            Some(left) => self.sharing.release(left, job.id)?,
            None if moved || job.spec != before.spec || job.media != before.media => {
                self.sharing.update_spelling(&job)?;
            }
            None => {}
        }
        Ok(())
    }

    /// Returns the sentence for the history; none: nothing happened that is worth one.
    fn carry_out(
        &mut self,
        job: &mut Job,
        before: &Job,
        task: Option<&Task>,
        action: JobAction,
        wanted: &WantedJob,
    ) -> Result<Option<String>, SharingError> {
        let what = match action {
            JobAction::Keep => None,
            JobAction::DecideLater => self.decide_later(job, wanted),
            JobAction::UseTask(why) => Some(self.use_task(job, before, task, why)?),
            JobAction::Flag => {
                job.changed_after_sent = true;
                self.done.flagged += usize::from(!before.changed_after_sent);
                let what = format!(
                    "{CHANGED}; `lipsyncd retry` makes the new request, `lipsyncd dismiss` keeps the result"
                );
                Some(what).filter(|_| !before.changed_after_sent)
            }
            JobAction::Unflag => {
                job.changed_after_sent = false;
                Some("its request is that of its task again".to_owned())
            }
            JobAction::Deliver => {
                (job.state, job.delivery) = (State::Downloading, Delivery::default());
                // A known request is that of its task.
                job.changed_after_sent &= wanted.request_hash.is_none();
                Some("its output changed: the result is copied there".to_owned())
            }
            JobAction::Wait(missing) => {
                let is_news = before.media.wait_reason.as_ref() != Some(&missing)
                    || before.state != State::Waiting;
                (job.state, job.task, job.failure) = (State::Waiting, None, None);
                job.media.wait_reason = Some(missing.clone());
                Some(missing).filter(|_| is_news)
            }
            JobAction::Fail(failure) => {
                let is_news = before.failure.as_ref() != Some(&failure);
                let what = failure.message.clone();
                job.media.wait_reason = None;
                (job.state, job.task, job.failure) = (State::Failed, None, Some(failure));
                Some(what).filter(|_| is_news)
            }
        };
        Ok(what)
    }

    fn decide_later(&mut self, job: &mut Job, wanted: &WantedJob) -> Option<String> {
        let is_news = !has_same_request_text(job, wanted)
            && job.request_hash.is_some()
            && job.state != State::Failed;
        if !is_news {
            return None;
        }
        // What a retry makes is unknown until the media are complete.
        (job.changed_after_sent, job.request_hash, job.retry_take) = (true, None, None);
        self.done.flagged += 1;
        let missing = match &wanted.media {
            Ok(media) => media.wait_reason.clone().unwrap_or_default(),
            Err(error) => error.message.clone(),
        };
        Some(format!("{CHANGED}; {missing}"))
    }

    fn use_task(
        &mut self,
        job: &mut Job,
        before: &Job,
        task: Option<&Task>,
        why: &str,
    ) -> Result<String, SharingError> {
        let was_sent = task.is_some_and(|task| !task.is_uncreated());
        job.earlier_task = if was_sent { before.task } else { before.earlier_task };
        let choice = TaskChoice {
            take: self.sharing.take_to_join(job)?,
            turn: self.sharing.turn(job.spec.priority)?,
            sessions_after_ms: 0,
        };
        self.sharing.point(job, choice)?;
        self.done.changed += usize::from(before.spec_hash != job.spec_hash || was_sent);
        Ok(format!("{why}{}", self.shared_with(job)?))
    }
}

fn write_spec(job: &mut Job, wanted: &WantedJob) {
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
    // A job without a file goes where the manifest says now.
    if job.delivered.is_none() {
        job.output.clone_from(&job.spec.output);
    }
    (job.absent_since_ms, job.orphaned_at_ms) = (None, None);
}
