//! Polls all tasks in progress: by pages of the list where that takes fewer requests, otherwise one by one.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::try_join_all;
use tracing::warn;

use super::{
    AccountSignal, CallKind, Lookup, PollResult, PollTarget, PolledTask, StepContext, by_name,
    history_answer,
};
use crate::{
    job::{Charge, Cost, Outcome, State, Task},
    kling::{Api, ApiAnswer, ApiError, ErrorClass, RemoteTask, TaskStatus},
    store::{ApiCall, StoreError},
};

/// Up to this number of tasks, each is queried by its id, which takes no more requests than reading the list.
const SINGLE_QUERIES_MAX: usize = 2;
/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE_MAX: usize = 500;
/// The smallest page that is asked for. Others may use the account as well, and their tasks are in the list, too.
const PAGE_SIZE_MIN: usize = 30;
/// A poll ends after the server has answered with an error about this number of tasks.
const SERVER_ERRORS_MAX: usize = 3;

/// Polls all of `targets`, by pages of the list if `reads_list`.
pub(crate) async fn poll<A: Api>(
    context: &StepContext<A>,
    targets: Vec<PollTarget>,
    reads_list: bool,
) -> Result<PollResult, StoreError> {
    let mut polled = PollResult::default();
    if targets.is_empty() {
        return Ok(polled);
    }
    let mut left: Unpolled<'_> = targets
        .iter()
        .filter_map(|target| Some((target.task.task_id.as_deref()?, &target.task)))
        .collect();
    let is_listed = reads_list && left.len() > SINGLE_QUERIES_MAX;
    if is_listed && !read_pages(context, &mut left, &mut polled).await? {
        return Ok(polled);
    }
    let is_answered = query_each(context, left, &mut polled).await?
        && (!is_listed || query_overdue(context, &targets, &mut polled).await?);
    if is_answered {
        polled.signal.get_or_insert(AccountSignal::Answered);
    }
    Ok(polled)
}

/// The tasks that a poll has not asked for, by Kling's id.
type Unpolled<'t> = BTreeMap<&'t str, &'t Arc<Task>>;

/// Queries the overdue tasks singly of which the list showed no change: the list may lag behind. Returns whether
/// the API answered.
async fn query_overdue<A: Api>(
    context: &StepContext<A>,
    targets: &[PollTarget],
    polled: &mut PollResult,
) -> Result<bool, StoreError> {
    for PollTarget { task, .. } in targets.iter().filter(|target| target.is_overdue) {
        let Some(task_id) = task.task_id.as_deref() else { continue };
        let id = task.id;
        if !polled.same.contains(&id) && !polled.unclear.iter().any(|(unclear, _)| *unclear == id) {
            continue;
        }
        context.rate.ready(CallKind::Query).await;
        let reply = context.api.task(task_id).await;
        match reply.result {
            Ok(remote) if remote.task_id == task_id => {
                match record_status(context, task, remote, ApiCall::Query, &reply.answer).await? {
                    // The list shows as much.
                    PolledTask::Same(_) | PolledTask::Unclear(..) => {}
                    moved => {
                        polled.same.retain(|same| *same != id);
                        polled.unclear.retain(|(unclear, _)| *unclear != id);
                        polled.add(moved);
                    }
                }
            }
            // The list shows the task, so that the query shows nothing new.
            Ok(_) => {}
            Err(error) if is_about_call(&error, &reply.answer) => {}
            Err(error) => {
                polled.fail(error);
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Asks for each of `left` by its id. Returns whether the API answered all of it.
async fn query_each<A: Api>(
    context: &StepContext<A>,
    left: Unpolled<'_>,
    polled: &mut PollResult,
) -> Result<bool, StoreError> {
    let mut server_errors = 0;
    for (task_id, task) in left {
        context.rate.ready(CallKind::Query).await;
        let reply = context.api.task(task_id).await;
        match reply.result {
            Ok(remote) if remote.task_id != task_id => {
                let what = format!("Kling's answer is about task {}", remote.task_id);
                polled.unclear.push((task.id, what));
            }
            Ok(remote) => {
                let seen = record_status(context, task, remote, ApiCall::Query, &reply.answer);
                polled.add(seen.await?);
            }
            Err(error) if error.class.is_not_found() => {
                query_by_name(context, task, error, polled).await?;
            }
            Err(error) if is_about_task(&error, &reply.answer) => {
                polled.unclear.push((task.id, error.message));
            }
            Err(error) => {
                server_errors += 1;
                polled.fail(error);
                // A server that fails on one task may answer about another. A server that does not answer at all is
                // left alone.
                let is_answer = reply.answer.http_status.is_some();
                if polled.signal.is_some() || !is_answer || server_errors >= SERVER_ERRORS_MAX {
                    return Ok(false);
                }
            }
        }
    }
    Ok(server_errors == 0)
}

/// Whether an error is about this one call, and not about the account or the network.
fn is_about_call(error: &ApiError, answer: &ApiAnswer) -> bool {
    error.class.is_not_found() || is_about_task(error, answer)
}

/// Whether an error is about this one task, and not about others.
fn is_about_task(error: &ApiError, answer: &ApiAnswer) -> bool {
    match error.class {
        ErrorClass::Policy | ErrorClass::OtherRefusal => true,
        // A success that cannot be read.
        ErrorClass::Transport => {
            answer.http_status.is_some_and(|status| (200..300).contains(&status))
        }
        _ => false,
    }
}

/// Kling does not show a task by the id that it returned. It may have returned a wrong id, and show the task by the name
/// in the create request.
async fn query_by_name<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    error: ApiError,
    polled: &mut PollResult,
) -> Result<(), StoreError> {
    match by_name(context, task).await?.0 {
        Lookup::Found(remote) if task.task_id.as_ref() == Some(&remote.task_id) => {
            polled.unclear.push((
                task.id,
                format!("a query by id failed ({error}), but Kling shows the task by its name"),
            ));
        }
        Lookup::Found(remote) => {
            let found = Outcome::Found { task_id: remote.task_id };
            match context.record(task, found, None).await {
                Ok(task) => polled.moved.push((task.into(), None)),
                Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }) => {
                    polled.stale.push(task.id);
                }
                Err(error) => return Err(error),
            }
        }
        Lookup::Conflict(..) | Lookup::NotFound { .. } => {
            polled.not_found.push((task.id, error.message));
        }
        // The task stays as it is; the next poll shows more.
        Lookup::Failed { error, signal, .. } => {
            polled.problem = Some(error.message);
            polled.signal = signal;
        }
    }
    Ok(())
}

/// Takes the tasks out of `left` that the newest pages of the list show. Returns whether the rest can be asked for.
async fn read_pages<A: Api>(
    context: &StepContext<A>,
    left: &mut Unpolled<'_>,
    polled: &mut PollResult,
) -> Result<bool, StoreError> {
    let page_size = (left.len() * 2).clamp(PAGE_SIZE_MIN, PAGE_SIZE_MAX);
    let pages_max = left.len().div_ceil(page_size) + 1;
    for page in 1..=pages_max {
        context.rate.ready(CallKind::Query).await;
        let size = u32::try_from(page_size).unwrap_or(u32::MAX);
        let reply = context.api.tasks(u32::try_from(page).unwrap_or(u32::MAX), size).await;
        let tasks = match reply.result {
            Ok(tasks) => tasks,
            // Without a usable list, the tasks are asked for one by one.
            Err(error) if is_about_call(&error, &reply.answer) => {
                polled.problem = Some(error.message);
                return Ok(true);
            }
            Err(error) => {
                polled.fail(error);
                polled.list_signal.clone_from(&polled.signal);
                return Ok(false);
            }
        };
        let is_full = tasks.len() >= page_size;
        // If a list shows a task twice, the first entry counts.
        let ours =
            tasks.into_iter().filter_map(|remote| Some((left.remove(&*remote.task_id)?, remote)));
        // All at once, so that one commit serves them all.
        let recorded = ours.map(|(task, remote)| {
            record_status(context, task, remote, ApiCall::List, &reply.answer)
        });
        try_join_all(recorded).await?.into_iter().for_each(|seen| polled.add(seen));
        if left.len() <= SINGLE_QUERIES_MAX || !is_full {
            break;
        }
    }
    Ok(true)
}

/// Records the status that Kling shows of a task, if it changed.
async fn record_status<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    remote: RemoteTask,
    call: ApiCall,
    answer: &ApiAnswer,
) -> Result<PolledTask, StoreError> {
    let charge = charge(&remote);
    let outcome = match &remote.status {
        TaskStatus::Processing if task.state == State::Submitted => Outcome::Processing,
        TaskStatus::Submitted | TaskStatus::Processing => return Ok(PolledTask::Same(task.id)),
        TaskStatus::Succeed => {
            if charge.is_none() && context.settings.caps.any() {
                warn_uncounted(context, task, answer).await?;
            }
            Outcome::TaskSucceeded { charge }
        }
        TaskStatus::Failed => {
            let reason = remote.status_message.clone().filter(|reason| !reason.is_empty());
            let message =
                reason.unwrap_or_else(|| "the task failed at Kling without a reason".into());
            Outcome::TaskFailed { message, charge }
        }
        TaskStatus::Other(status) => {
            let what = match status.as_str() {
                "" => "Kling shows no status".to_owned(),
                status => format!("Kling shows the unknown status “{status}”"),
            };
            return Ok(PolledTask::Unclear(task.id, what));
        }
    };
    let has_ended = outcome != Outcome::Processing;
    let cost = charge.filter(|_| has_ended).map(|charge| charge.cost);
    let answer = history_answer(call, answer, cost);
    match context.record(task, outcome, answer).await {
        Ok(task) => Ok(PolledTask::Moved(task.into(), Box::new(remote))),
        Err(StoreError::Stale { .. }) => Ok(PolledTask::Stale(task.id)),
        Err(error) => Err(error),
    }
}

/// Returns what Kling shows about the cost of a task; none: nothing. The result is as long as the video.
fn charge(remote: &RemoteTask) -> Option<Charge> {
    Some(Charge {
        cost: Cost::reported(remote.units_micro, remote.money_micro)?,
        created_at_ms: remote.created_at_ms,
        video_ms: remote.videos.first().and_then(|video| video.duration_ms),
    })
}

async fn warn_uncounted<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    answer: &ApiAnswer,
) -> Result<(), StoreError> {
    let (key, manifest) = (&task.spec.key, context.store.manifest_of(task.lead).await?);
    warn!(
        job = key,
        manifest,
        task_id = task.task_id,
        request_id = answer.request_id,
        "{key}: Kling does not show what the task cost, so the daily budget does not count it"
    );
    Ok(())
}
