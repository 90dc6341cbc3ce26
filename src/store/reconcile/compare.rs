//! Decides what an edit, a return, or new content of a file means for one job. It changes nothing.

use crate::{
    job::{Failure, Job, State, Task},
    store::{OnChange, WantedJob},
};

pub(super) enum JobAction {
    Keep,
    /// Its request changed and its media are not complete: it stays as it is, and the manifest is read again.
    DecideLater,
    /// It gets the task of its request, for this reason.
    UseTask(&'static str),
    /// Its request changed after its task was created.
    Flag,
    /// Its request is that of its task again.
    Unflag,
    Wait(String),
    Fail(Failure),
    /// Its file is wanted under another path.
    Deliver,
}

pub(super) struct Comparison<'a> {
    pub(super) job: &'a Job,
    pub(super) task: Option<&'a Task>,
    pub(super) wanted: &'a WantedJob,
    pub(super) on_change: OnChange,
}

impl Comparison<'_> {
    pub(super) fn decide(&self) -> JobAction {
        let Self { job, wanted, .. } = *self;
        // A job that a person cancelled stays cancelled, unless it was orphaned and returns with another request.
        if job.state == State::Cancelled && !job.was_removed() {
            let is_new = self.has_returned() && wanted.request_hash != job.request_hash;
            if !is_new {
                return JobAction::Keep;
            }
        }
        match self.task {
            Some(task) if !task.is_uncreated() || task.state.is_finished() => {
                self.decide_sent(task)
            }
            task => self.decide_unsent(task),
        }
    }

    /// Kling has no task: nothing is paid yet, and the newest request is used.
    fn decide_unsent(&self, task: Option<&Task>) -> JobAction {
        match &self.wanted.media {
            Err(error) => return JobAction::Fail(error.clone().into()),
            Ok(media) => {
                if let Some(missing) = &media.wait_reason {
                    return JobAction::Wait(missing.clone());
                }
            }
        }
        match task {
            Some(task) if self.is_asked(task) => JobAction::Keep,
            _ if self.is_edited() => JobAction::UseTask("its manifest changed"),
            _ => JobAction::UseTask("its media are complete"),
        }
    }

    /// The task was created, or has ended: another request would be paid in addition.
    fn decide_sent(&self, task: &Task) -> JobAction {
        let Self { job, wanted, .. } = *self;
        let output_changed = wanted.spec.output != job.spec.output && job.state == State::Succeeded;
        let has_failed = job.state == State::Failed;
        if wanted.request_hash.is_none() {
            // A local file that is missing later does not change the request.
            let is_open = self.has_returned()
                || self.is_edited() && has_failed
                || !has_same_request_text(job, wanted);
            return match (is_open, output_changed) {
                (true, _) => JobAction::DecideLater,
                (false, true) => JobAction::Deliver,
                (false, false) => JobAction::Keep,
            };
        }
        let take_edited = wanted.spec.take != job.spec.take
            && wanted.spec.take.is_some_and(|take| take != task.take);
        if wanted.request_hash.as_ref() == Some(&task.request_hash) {
            let may_start_again = has_failed && !task.was_accepted();
            if take_edited {
                return JobAction::UseTask("its `take` changed");
            }
            if may_start_again && (self.is_edited() || self.has_returned()) {
                return JobAction::UseTask("it starts again");
            }
            return match (output_changed, job.changed_after_sent) {
                (true, _) => JobAction::Deliver,
                (false, true) => JobAction::Unflag,
                (false, false) => JobAction::Keep,
            };
        }
        // A change that was flagged before, or dismissed by a person, is not new.
        let failed_later = job.changed_after_sent && has_failed;
        let is_known = wanted.request_hash == job.request_hash;
        if is_known && !take_edited && !self.has_returned() && !failed_later {
            return JobAction::Keep;
        }
        let runs =
            self.has_returned() || take_edited || has_failed || self.on_change == OnChange::Run;
        if runs { JobAction::UseTask("its request changed") } else { JobAction::Flag }
    }

    fn is_edited(&self) -> bool {
        self.job.spec_hash != self.wanted.spec_hash
    }

    fn has_returned(&self) -> bool {
        self.job.orphaned_at_ms.is_some()
    }

    /// Whether the task is what the job asks for.
    fn is_asked(&self, task: &Task) -> bool {
        let Self { job, wanted, .. } = *self;
        // The take of a retry counts until the manifest asks for another one.
        let retried = job.retry_take.filter(|_| wanted.spec.take == job.spec.take);
        wanted.request_hash.as_ref() == Some(&task.request_hash)
            && retried.or(wanted.spec.take).is_none_or(|take| take == task.take)
    }
}

/// Whether a manifest asks for the same request and take as before, by the text.
pub(super) fn has_same_request_text(job: &Job, wanted: &WantedJob) -> bool {
    job.spec.take == wanted.spec.take && job.spec.has_same_request_text(&wanted.spec)
}
