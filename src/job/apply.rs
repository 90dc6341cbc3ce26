//! What an outcome makes of a job: one table over (state, outcome).
//!
//! Every pair that is not listed is an illegal transition with a name, never silently accepted. The
//! table below says where a job goes; the functions under it fill in the rest of its row.

mod create;
mod later;
mod task;

use super::{
    Failure, Job, Moment, Outcome, Policy, REMOVED, Spend, State, outcome::Fault, person, timing,
};

/// A move that the store is to write down.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Where the job stood.
    pub from: State,
    /// The job as it is to be.
    pub job: Job,
    /// What happened, for its history and the log.
    pub what: String,
    /// What it adds to the day's account.
    pub spend: Spend,
    /// It only says again what the job's history says already.
    pub repeats: bool,
}

/// An outcome that cannot come of a job in this state.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("job {key}: {outcome} cannot happen to a job that is {state}")]
pub struct Illegal {
    /// Whose.
    pub key: String,
    /// Where it stands.
    pub state: State,
    /// What was said to have happened.
    pub outcome: String,
}

/// Makes the transition that `outcome` means for `job`.
///
/// # Errors
/// When the outcome cannot come of the state the job is in.
pub fn apply(
    job: &Job,
    outcome: Outcome,
    moment: &Moment,
    policy: &Policy,
) -> Result<Transition, Illegal> {
    use Outcome as O;
    use State as S;

    let step = Step { job, moment, policy };
    let transition = match (job.state, outcome) {
        // Before anything is sent.
        (S::Waiting, O::MediaReady(media)) => step.media_ready(media),
        (S::Waiting, O::MediaMissing(what)) => step.media_missing(what),
        (S::Waiting, O::MediaUnfit(fault)) => step.fail(fault),
        (S::Waiting, O::Due) => step.go(S::Queued, "its time has come"),
        (S::Queued | S::Identified, O::MediaChanged(what)) => step.media_missing(what),
        (S::Queued, O::SoundMeasured { length_ms }) => step.sound_measured(length_ms),
        (S::Queued | S::Identified, O::Identified { session, faces, units_micro }) => {
            step.identified(session, &faces, units_micro)
        }
        (S::Queued | S::Identified, O::HeldBack(why)) => step.held_back(why),
        (S::Queued | S::Identified | S::Downloading, O::Trouble(trouble)) => {
            step.try_again_later(trouble)
        }
        (S::Queued | S::Identified | S::Creating | S::Downloading, O::Blocked(trouble)) => {
            step.blocked(&trouble)
        }
        (S::Queued | S::Identified, O::Refused(fault)) => step.fail(fault),
        (S::Queued | S::Identified, O::Found { task_id }) => {
            step.accepted(task_id, "its result is there already: task")
        }
        (S::Queued | S::Identified, O::Published { task_id, attempt }) => {
            step.published(task_id, attempt)
        }
        (S::Waiting | S::Queued | S::Identified, O::Cancelled) if job.was_never_sent() => {
            step.cancel("cancelled", person::CANCELLED)
        }
        (S::Waiting | S::Queued | S::Identified, O::Removed) if job.was_never_sent() => {
            step.cancel(REMOVED, "taken out of the folder before it was sent")
        }

        // The paid step.
        (S::Identified, O::CreateIntended { account, sound_sha256 }) => {
            step.intend(account, sound_sha256)
        }
        (S::Creating, O::ResendIntended { absent_ms }) if step.settled(absent_ms) => {
            step.intend_again()
        }
        (S::Creating, O::Accepted { task_id }) => step.accepted(task_id, "accepted as task"),
        (S::Creating, O::Found { task_id }) => step.accepted(task_id, "found by lookup: task"),
        (S::Creating, O::NotSent(why)) => step.not_sent(why),
        (S::Creating, O::HeldBack(why)) => step.held_back(why),
        (S::Creating, O::SessionGone(why)) => step.session_gone(why),
        (S::Creating, O::MediaChanged(what)) => step.media_missing(what),
        (S::Creating, O::Lost(why)) => step.lost(&why),
        (S::Creating, O::Absent { absent_ms }) => step.absent(absent_ms),
        (S::Creating, O::Trouble(trouble)) => step.lookup_failed(trouble),
        (S::Creating, O::NoLookups(why)) => step.go(S::Unresolved, &why),
        (S::Creating, O::Refused(fault)) => step.fail(fault),

        // The task.
        (S::Submitted, O::Processing) => step.go(S::Processing, "Kling works on it"),
        (S::Submitted | S::Processing, O::Unseen(why)) => step.unseen(&why),
        (S::Submitted | S::Processing, O::Unclear(why)) => step.unclear(&why),
        (S::Submitted | S::Processing, O::Found { task_id }) => step.found_by_name(task_id),
        (S::Submitted | S::Processing, O::SeenAgain) => {
            step.go(job.state, "the API shows its task again")
        }
        (S::Submitted | S::Processing, O::TaskSucceeded { units_micro }) => {
            step.task_succeeded(units_micro)
        }
        (S::Submitted | S::Processing, O::TaskFailed { message, units_micro }) => {
            step.task_failed(message, units_micro)
        }
        (S::Submitted | S::Processing | S::Downloading, O::Refused(fault)) => step.fail(fault),
        (S::Downloading, O::Delivered(result)) => step.delivered(result),

        // What people decide.
        (S::Failed | S::Cancelled | S::Succeeded, O::Retried) => step.retried(),
        (S::Cancelled, O::Returned) => step.returned(),
        (S::Waiting | S::Queued | S::Identified | S::Failed, O::Edited(spec))
            if job.was_never_sent() =>
        {
            step.edited(*spec)
        }
        // What a person took back stays so, whatever the manifest says.
        (S::Cancelled, O::Edited(spec)) if job.was_removed() => step.edited(*spec),
        (S::Unresolved, O::ResolvedAs { task_id }) => step.accepted(task_id, person::RESOLVED),
        // A slip of the pen: the task that was named does not exist.
        (S::Submitted, O::ResolvedAs { task_id }) if job.is_unseen() => step.renamed(task_id),
        (S::Unresolved, O::ResolvedAsUnsent) => {
            step.back_to(S::Identified, person::RESOLVED_AS_UNSENT.to_owned())
        }

        (state, outcome) => {
            return Err(Illegal {
                key: job.spec.key.clone(),
                state,
                outcome: outcome_name(&outcome),
            });
        }
    };
    Ok(transition)
}

/// One application of the table: where the job stands, and by what it is judged.
struct Step<'a> {
    job: &'a Job,
    moment: &'a Moment,
    policy: &'a Policy,
}

impl Step<'_> {
    /// The job in its new state, at once and with a clean slate of failures.
    fn fresh(&self, to: State) -> Job {
        Job {
            state: to,
            due_at_ms: 0,
            tries: 0,
            failing_since_ms: None,
            waits: None,
            ..self.job.clone()
        }
    }

    fn write(&self, job: Job, what: impl Into<String>) -> Transition {
        let (from, what, spend) = (self.job.state, what.into(), Spend::default());
        Transition { from, job, what, spend, repeats: false }
    }

    fn go(&self, to: State, what: &str) -> Transition {
        self.write(self.fresh(to), what)
    }

    fn back_to(&self, to: State, why: String) -> Transition {
        self.write(Job { create: None, ..self.fresh(to) }, why)
    }

    fn fail(&self, fault: Fault) -> Transition {
        let what = fault.message.clone();
        let failure = Some(Failure { code: fault.code, message: fault.message });
        self.write(Job { failure, ..self.fresh(State::Failed) }, what)
    }

    fn cancel(&self, code: &str, message: &str) -> Transition {
        let failure = Some(Failure { code: code.to_owned(), message: message.to_owned() });
        self.write(Job { failure, ..self.fresh(State::Cancelled) }, message)
    }

    fn media_ready(&self, media: super::Media) -> Transition {
        let ready = Job { media, ..self.fresh(State::Queued) };
        match self.job.spec.not_before_at_ms {
            Some(not_before_at_ms) if not_before_at_ms > self.moment.now_ms => {
                let due = Job { state: State::Waiting, due_at_ms: not_before_at_ms, ..ready };
                self.write(due, "its media are there; it waits for its time")
            }
            _ => self.write(ready, "its media are there"),
        }
    }

    fn media_missing(&self, what: String) -> Transition {
        let media = super::Media { missing: Some(what.clone()), ..Default::default() };
        let job = Job { media, session: None, plan: None, ..self.fresh(State::Waiting) };
        self.write(job, what)
    }

    fn sound_measured(&self, length_ms: i64) -> Transition {
        let mut job = self.fresh(State::Queued);
        job.media.audio_ms = Some(length_ms);
        self.write(job, format!("its sound lasts {length_ms} ms"))
    }

    fn identified(
        &self,
        session: super::Session,
        faces: &[super::FaceSpan],
        units_micro: i64,
    ) -> Transition {
        let spend = Spend { identify_micro: units_micro, ..Spend::default() };
        let (sound_ms, video_ms) = (self.job.media.audio_ms, self.job.media.video_ms);
        let units_micro = self.job.units_micro.saturating_add(units_micro);
        match timing::plan(&self.job.spec, faces, sound_ms, video_ms) {
            Ok(plan) => {
                let what = format!("face {} of {} speaks", plan.face_id, faces.len());
                let job = Job {
                    session: Some(session),
                    plan: Some(plan),
                    units_micro,
                    ..self.fresh(State::Identified)
                };
                Transition { spend, ..self.write(job, what) }
            }
            Err(fault) => {
                let fault = Fault { code: fault.code().to_owned(), message: fault.to_string() };
                let failed = self.fail(fault);
                Transition { spend, job: Job { units_micro, ..failed.job }, ..failed }
            }
        }
    }

    /// An attempt that was never sent begins again under its own name: only a name that the account may
    /// know is left behind. So a database that is lost or put back, and knows nothing of the retry, comes
    /// upon the task that was paid for by asking for the names in their order.
    fn retried(&self) -> Transition {
        let mut again = self.returned();
        if self.job.was_never_sent() {
            let attempt = again.job.attempt;
            again.what = format!("{} {attempt}, which was never sent, begins again", person::RETRY);
            return again;
        }
        again.job.attempt = self.job.attempt.saturating_add(1);
        again.job.create = None;
        again.what = format!("{} {} begins", person::RETRY, again.job.attempt);
        again
    }

    fn edited(&self, spec: super::JobSpec) -> Transition {
        let again = self.returned();
        Transition {
            job: Job { spec, create: None, ..again.job },
            what: "its manifest changed".to_owned(),
            ..again
        }
    }

    /// From the start, with the folder read anew.
    fn returned(&self) -> Transition {
        let what = "its manifest and media to be read anew".to_owned();
        let job = Job {
            session: None,
            plan: None,
            task_id: None,
            failure: None,
            sessions_lost: 0,
            changed_since: false,
            media: super::Media { missing: Some(what), ..Default::default() },
            ..self.fresh(State::Waiting)
        };
        self.write(job, "back in the folder")
    }
}

/// The variant's name alone: an outcome's content does not belong in an error.
fn outcome_name(outcome: &Outcome) -> String {
    let debug = format!("{outcome:?}");
    debug.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}
