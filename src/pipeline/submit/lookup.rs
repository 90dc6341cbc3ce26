//! Looks up a task by its name.

use std::time::Duration;

use super::{is_of_video, spellings};
use crate::{
    job::{Task, outcome::TransientError},
    kling::{Api, ErrorClass, RemoteTask},
    pipeline::{AccountSignal, StepContext, history_answer, transient_error, video_ref},
    store::{ApiCall, HistoryAnswer, StoreError},
};

/// How much two correctly set clocks may differ.
const SKEW_MS: i64 = 10 * 60 * 1000;

/// How often Kling must show another job's task under a name made by lipsyncd before a person has to decide.
const TRIES_MIN: u32 = 4;

/// An older lookup does not count when a create request is sent, because another host may have created the task since.
pub(super) const LOOKUP_AGE_MAX: Duration = Duration::from_secs(10);

/// The result of a lookup by name.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// The task.
    Found(Box<RemoteTask>),
    /// A task of that name that cannot be proved to be this one: why, and the task if no job has it.
    Conflict(String, Option<Box<RemoteTask>>),
    /// No task of that name. Not proper: an empty success, or an account that was not asked because it answers no lookups.
    NotFound { is_proper: bool },
    /// The lookup failed. Without an answer of the server, other calls would fail, too.
    Failed { error: TransientError, signal: Option<AccountSignal>, is_answer: bool },
}

/// Looks up a task by its name, in each way that the account may answer.
pub(crate) async fn by_name<A: Api>(
    context: &StepContext<A>,
    task: &Task,
) -> Result<(Lookup, Option<HistoryAnswer>), StoreError> {
    let mut not_found: Option<(Lookup, Option<HistoryAnswer>)> = None;
    for (lookups, spelling) in spellings(context.lookups()) {
        let name = task.external_task_id();
        let reply = context.query(|| context.api.task_by_name(&name, spelling)).await;
        let answer = history_answer(ApiCall::Query, &reply.answer, None);
        let lookup = match reply.result {
            Ok(remote) => {
                let now_ms = context.clock.now_ms();
                let ahead_ms = now_ms.saturating_sub(reply.answer.server_at_ms.unwrap_or(now_ms));
                let lookup = verify_owner(context, task, remote, ahead_ms).await?;
                if matches!(lookup, Lookup::Found(_)) {
                    context.learn_lookups(lookups).await?;
                }
                return Ok((lookup, answer));
            }
            Err(error) => match error.class {
                ErrorClass::NotFound | ErrorClass::BadRequest => {
                    Lookup::NotFound { is_proper: true }
                }
                ErrorClass::Empty => Lookup::NotFound { is_proper: false },
                _ => {
                    let signal = AccountSignal::of_query(&error);
                    let is_answer = reply.answer.http_status.is_some();
                    let is_over = signal.is_some() || !is_answer;
                    let failed =
                        Lookup::Failed { error: transient_error(&error), signal, is_answer };
                    if is_over {
                        return Ok((failed, answer));
                    }
                    failed
                }
            },
        };
        // The spelling that failed may be the one that this account answers.
        let counts_more = match &not_found {
            None => true,
            Some((Lookup::NotFound { .. }, _)) => matches!(lookup, Lookup::Failed { .. }),
            Some(_) => false,
        };
        if counts_more {
            not_found = Some((lookup, answer));
        }
    }
    Ok(not_found.unwrap_or((Lookup::NotFound { is_proper: false }, None)))
}

/// Decides whether a task of this name is this task. `ahead_ms` is subtracted from this machine's time to get the
/// server's.
///
/// A name that lipsyncd made belongs to one request. A name from a manifest may have been used before: then the task is
/// adopted if Kling shows the same video for it, or, if Kling shows no video, if it is not older than the create
/// request.
pub(super) async fn verify_owner<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    remote: RemoteTask,
    ahead_ms: i64,
) -> Result<Lookup, StoreError> {
    let owner = context.store.owner_of_task(&remote.task_id).await?;
    let is_owned_by_other = owner.is_some_and(|owner| owner != task.id);
    if task.spec.external_task_id.is_none() {
        return Ok(match is_owned_by_other {
            true => owned_by_other_job(task, &remote),
            false => Lookup::Found(Box::new(remote)),
        });
    }
    if is_owned_by_other {
        let words = conflict_words(task, &remote, "which belongs to another job of this database");
        return Ok(Lookup::Conflict(words, None));
    }
    let shows_video =
        remote.parent_video.as_ref().is_some_and(|it| it.url.is_some() || it.id.is_some());
    if shows_video {
        return Ok(match is_of_video(&remote, &video_ref(task)) {
            true => Lookup::Found(Box::new(remote)),
            false => conflict(task, remote, "for which Kling shows another video"),
        });
    }
    let Some(create) = &task.create else {
        return Ok(conflict(
            task,
            remote,
            "which is not in this database, and whose video Kling does not show",
        ));
    };
    let sent_at_ms = create.first_sent_at_ms.saturating_sub(ahead_ms).saturating_sub(SKEW_MS);
    Ok(match remote.created_at_ms {
        Some(at_ms) if at_ms >= sent_at_ms => Lookup::Found(Box::new(remote)),
        Some(_) => conflict(task, remote, "which is older than the create request"),
        None => conflict(task, remote, "for which Kling shows no video and no time"),
    })
}

/// No two tasks of this database share a name that lipsyncd made, so such an answer proves nothing.
fn owned_by_other_job(task: &Task, remote: &RemoteTask) -> Lookup {
    let message = format!(
        "Kling answered a lookup of {} with task {}, which belongs to another job",
        task.external_task_id(),
        remote.task_id
    );
    if task.tries >= TRIES_MIN {
        return Lookup::Conflict(message, None);
    }
    let error =
        TransientError { code: "another_jobs_task".to_owned(), message, retry_after_ms: None };
    Lookup::Failed { error, signal: None, is_answer: false }
}

fn conflict(task: &Task, remote: RemoteTask, which: &str) -> Lookup {
    Lookup::Conflict(conflict_words(task, &remote, which), Some(Box::new(remote)))
}

fn conflict_words(task: &Task, remote: &RemoteTask, which: &str) -> String {
    format!(
        "external_task_id {} is the name of task {}, {which}",
        task.external_task_id(),
        remote.task_id
    )
}
