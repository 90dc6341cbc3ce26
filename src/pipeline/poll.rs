//! One look at all tasks under way: by list pages where that takes fewer requests, by single queries
//! where not.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use tracing::warn;

use crate::{
    job::{Outcome, State, Task, TaskId},
    kling::{Answer, Api, ApiError, ErrorClass, RemoteTask, TaskStatus},
    pipeline::{
        context::{StepContext, history_answer},
        limits::rate::CallKind,
        step::AccountSignal,
        submit::lookup::{Lookup, by_name},
    },
    store::{Call, StoreError},
};

/// Up to so many tasks, single queries take no more requests than a page and whatever it misses.
const SINGLE_QUERIES_MAX: usize = 2;
/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE_MAX: usize = 500;
/// The smallest page worth asking for; others may use the account, too.
const PAGE_SIZE_MIN: usize = 30;
/// So many tasks of which a server cannot tell end a sweep.
const PROBLEMS_MAX: usize = 3;

/// A task that is followed.
#[derive(Debug, Clone)]
pub(crate) struct PollTarget {
    pub(crate) task: Task,
    pub(crate) task_id: String,
}

/// What a sweep saw.
#[derive(Debug, Default)]
pub(crate) struct PollResult {
    /// The jobs that moved, as they were written down, with what the API shows of their task.
    pub(crate) moved: Vec<(Task, Option<RemoteTask>)>,
    /// The jobs whose task stands where it stood.
    pub(crate) same: Vec<TaskId>,
    /// The jobs whose task the API does not know, with its words.
    pub(crate) unknown: Vec<(TaskId, String)>,
    /// The jobs of whose task the API says nothing clear, with what it says.
    pub(crate) unclear: Vec<(TaskId, String)>,
    /// The jobs that somebody else moved meanwhile.
    pub(crate) stale: Vec<TaskId>,
    /// What the API said about the account.
    pub(crate) signal: Option<AccountSignal>,
    /// Why the sweep was not completed, if so.
    pub(crate) transient_error: Option<String>,
}

/// What one answer said of one task.
enum PolledTask {
    Moved(Box<Task>, Box<RemoteTask>),
    Same(TaskId),
    TaskStatusUnknown(TaskId, String),
    Stale(TaskId),
}

impl PollResult {
    fn add(&mut self, sight: PolledTask) {
        match sight {
            PolledTask::Moved(task, remote) => self.moved.push((*task, Some(*remote))),
            PolledTask::Same(id) => self.same.push(id),
            PolledTask::TaskStatusUnknown(id, words) => self.unclear.push((id, words)),
            PolledTask::Stale(id) => self.stale.push(id),
        }
    }
}

/// Looks at all of `followed`.
pub(crate) async fn poll<A: Api>(
    context: &StepContext<A>,
    followed: Vec<PollTarget>,
) -> Result<PollResult, StoreError> {
    let mut polled = PollResult::default();
    let mut left: BTreeMap<String, Task> =
        followed.into_iter().map(|followed| (followed.task_id, followed.task)).collect();
    if left.len() > SINGLE_QUERIES_MAX && !read_pages(context, &mut left, &mut polled).await? {
        return Ok(polled);
    }
    let mut troubles = 0;
    for (task_id, task) in left {
        context.rate.ready(CallKind::Query).await;
        let reply = context.api.task(&task_id).await;
        match reply.result {
            Ok(remote) if remote.task_id != task_id => {
                let words = format!("the API's answer is about task {}", remote.task_id);
                polled.unclear.push((task.id, words));
            }
            Ok(remote) => {
                polled.add(see(context, task, remote, Call::Query, &reply.answer).await?);
            }
            Err(error) if is_not_found(error.meaning) => {
                look_up_by_name(context, task, task_id, error, &mut polled).await?;
            }
            Err(error) if is_of_this_task(&error, &reply.answer) => {
                polled.unclear.push((task.id, error.message));
            }
            Err(error) => {
                troubles += 1;
                polled.signal = AccountSignal::of_query(&error);
                polled.transient_error = Some(error.message);
                // A server that cannot tell of one task may tell of another; one that does not answer
                // is left alone.
                let to_transient_error = reply.answer.http_status.is_some();
                if polled.signal.is_some() || !to_transient_error || troubles >= PROBLEMS_MAX {
                    return Ok(polled);
                }
            }
        }
    }
    if troubles > 0 {
        return Ok(polled);
    }
    polled.signal.get_or_insert(AccountSignal::Answered);
    Ok(polled)
}

/// Whether an error says something of this one call, and nothing of the account or the network.
fn is_of_this_call(error: &ApiError, answer: &Answer) -> bool {
    is_not_found(error.meaning) || is_of_this_task(error, answer)
}

/// An empty success is no proper "not found", and nothing else either.
fn is_not_found(meaning: ErrorClass) -> bool {
    matches!(meaning, ErrorClass::NotFound | ErrorClass::BadRequest | ErrorClass::Empty)
}

/// Whether an error says something of this one task, and nothing of the others.
fn is_of_this_task(error: &ApiError, answer: &Answer) -> bool {
    match error.meaning {
        ErrorClass::Policy | ErrorClass::OtherRefusal => true,
        // An answer of the right status with which nothing can be done.
        ErrorClass::Transport => {
            answer.http_status.is_some_and(|status| (200..300).contains(&status))
        }
        _ => false,
    }
}

/// The API does not know a task by the id that it gave: it may have named the wrong one, and know the
/// right one by the name that the create gave it.
async fn look_up_by_name<A: Api>(
    context: &StepContext<A>,
    task: Task,
    task_id: String,
    error: ApiError,
    polled: &mut PollResult,
) -> Result<(), StoreError> {
    match by_name(context, &task).await?.0 {
        Lookup::Found(remote) if remote.task_id == task_id => {
            polled.unclear.push((task.id, format!("{error}, by its id, but knows it by its name")));
        }
        Lookup::Found(remote) => {
            let found = Outcome::Found { task_id: remote.task_id };
            match context.record(&task, found, None).await {
                Ok(task) => polled.moved.push((task, None)),
                Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }) => {
                    polled.stale.push(task.id);
                }
                Err(error) => return Err(error),
            }
        }
        Lookup::Conflict(..) | Lookup::NotFound { .. } => {
            polled.unknown.push((task.id, error.message));
        }
        // The task stays as it is; the next poll shows more.
        Lookup::Failed { transient_error, signal, .. } => {
            polled.transient_error = Some(transient_error.message);
            polled.signal = signal;
        }
    }
    Ok(())
}

/// Takes out of `left` what the newest pages of the list show. Returns whether that went well.
async fn read_pages<A: Api>(
    context: &StepContext<A>,
    left: &mut BTreeMap<String, Task>,
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
            // A list that cannot be used is done without.
            Err(error) if is_of_this_call(&error, &reply.answer) => {
                polled.transient_error = Some(error.message);
                return Ok(true);
            }
            Err(error) => {
                polled.signal = AccountSignal::of_query(&error);
                polled.transient_error = Some(error.message);
                return Ok(false);
            }
        };
        let full = tasks.len() >= page_size;
        // Twice in one list: the first counts.
        let ours =
            tasks.into_iter().filter_map(|remote| Some((left.remove(&remote.task_id)?, remote)));
        // At once, so that one commit serves them all.
        let seen = ours.map(|(task, remote)| see(context, task, remote, Call::List, &reply.answer));
        try_join_all(seen).await?.into_iter().for_each(|sight| polled.add(sight));
        if left.len() <= SINGLE_QUERIES_MAX || !full {
            break;
        }
    }
    Ok(true)
}

/// Writes down what became of a task, if anything did.
async fn see<A: Api>(
    context: &StepContext<A>,
    task: Task,
    remote: RemoteTask,
    call: Call,
    answer: &Answer,
) -> Result<PolledTask, StoreError> {
    let units_micro = remote.units_micro;
    let outcome = match remote.status {
        TaskStatus::Processing if task.state == State::Submitted => Outcome::Processing,
        TaskStatus::Succeed => {
            if units_micro.is_none() && context.settings.units_per_day_micro.is_some() {
                let (key, manifest) = (&task.spec.key, context.store.manifest_of(task.lead).await?);
                warn!(
                    job = key,
                    manifest,
                    task_id = task.task_id,
                    request_id = answer.request_id,
                    "{key}: limits.units_per_day cannot count what the API does not tell"
                );
            }
            Outcome::TaskSucceeded { units_micro }
        }
        TaskStatus::Failed => {
            let words = remote.status_message.clone().filter(|words| !words.is_empty());
            let message =
                words.unwrap_or_else(|| "the task failed, the API does not say why".into());
            Outcome::TaskFailed { message, units_micro }
        }
        TaskStatus::Submitted | TaskStatus::Processing => {
            return Ok(PolledTask::Same(task.id));
        }
        TaskStatus::Other(status) => {
            let words = match status.as_str() {
                "" => "the API does not say where it stands".to_owned(),
                status => format!("the API says “{status}”, which is no status that is known here"),
            };
            return Ok(PolledTask::TaskStatusUnknown(task.id, words));
        }
    };
    let ended = outcome != Outcome::Processing;
    let answer = history_answer(call, answer, ended.then_some(units_micro).flatten());
    match context.record(&task, outcome, answer).await {
        Ok(task) => Ok(PolledTask::Moved(Box::new(task), Box::new(remote))),
        Err(StoreError::Stale { .. }) => Ok(PolledTask::Stale(task.id)),
        Err(error) => Err(error),
    }
}
