//! Makes jobs again with another take. Only this and `take:` in a manifest pay again.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use super::{Decision, JobAction, NotChanged, Payment, command_for, refused};
use crate::{
    job::{State, retried_take},
    store::{Command, JobState},
};

impl JobAction {
    /// Retries jobs.
    pub fn retry() -> Self {
        // Request hash and take of the tasks that several jobs shared when the first of these jobs was retried.
        let started = Mutex::new(HashSet::new());
        Self::new(decide, describe).paying_for(payment).checked(move |state, decide| {
            let decision = decide(state);
            let mut started = started.lock().unwrap_or_else(PoisonError::into_inner);
            match (&decision, &state.task) {
                (Ok(_), _) if !state.shares_with.is_empty() => {
                    started.extend(state.retry_task.clone());
                }
                // Retrying one job also retries the other jobs of its task.
                (Err(NotChanged::Refused { .. }), Some(task))
                    if state.job.state.is_unsent()
                        && started.contains(&(task.request_hash.clone(), task.take)) =>
                {
                    return Err(NotChanged::AlreadyDone(describe(state)));
                }
                _ => {}
            }
            decision
        })
    }
}

fn payment(state: &JobState) -> Payment {
    match &state.retry_task {
        Some(_) if state.retry_is_free => Payment::Nothing,
        Some((request_hash, take)) => Payment::Task(request_hash.clone(), *take),
        None => Payment::Unread,
    }
}

fn describe(state: &JobState) -> String {
    let JobState { job, task: Some(task), earlier, shares_with, .. } = state else {
        return "its media are checked again, then it starts".to_owned();
    };
    let take = retried_take(task.take, job, earlier.as_ref());
    if task.was_accepted() {
        return format!("{take} exists already; its result is used and nothing is paid");
    }
    let others = shares_with.first();
    let shared = others.map(|other| format!("; it shares the task of {other}")).unwrap_or_default();
    let is_changed =
        earlier.as_ref().is_some_and(|earlier| earlier.request_hash != task.request_hash);
    let kept =
        if is_changed && job.delivered.is_some() { "; the earlier result is kept" } else { "" };
    format!("{take} begins{shared}{kept}")
}

fn decide(state: &JobState) -> Decision {
    let JobState { job, task, manifest, .. } = state;
    match job.state {
        State::Cancelled if job.was_removed() => refused(
            format!("it was removed from {manifest}"),
            Some("put it back there; it then runs without a retry".to_owned()),
        ),
        State::Failed | State::Cancelled | State::Succeeded if job.absent_since_ms.is_some() => {
            let mut hint = "put it back into the folder first".to_owned();
            if job.state == State::Failed || job.changed_after_sent {
                hint +=
                    &format!(", or accept it as it is: {}", command_for("dismiss", &job.spec.key));
            }
            refused(format!("its manifest {manifest} does not contain it any more"), Some(hint))
        }
        State::Failed | State::Cancelled | State::Succeeded => Ok(Command::Retry),
        State::Waiting | State::Queued | State::Identified => refused(
            format!("is {} and continues automatically", job.state),
            Some(command_for("show", &job.spec.key)),
        ),
        State::Creating => refused(
            "is creating: lipsyncd checks whether Kling accepted its create request",
            Some(command_for("show", &job.spec.key)),
        ),
        State::Submitted | State::Processing | State::Downloading => {
            let id = task.as_ref().and_then(|task| task.task_id.as_deref()).unwrap_or_default();
            refused(
                format!("is {}: task {id} is paid, and lipsyncd follows it to its end", job.state),
                Some("retry it after it has ended".to_owned()),
            )
        }
        State::Unresolved => refused(
            "is unresolved: Kling may have accepted its create request, and a retry could pay twice",
            Some(format!("{} --task ID | --resend", command_for("resolve", &job.spec.key))),
        ),
    }
}
