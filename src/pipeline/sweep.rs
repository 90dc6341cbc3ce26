//! One look at all tasks under way: by list pages where that takes fewer requests, by single queries
//! where not.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use tracing::warn;

use super::{
    context::{Context, kept},
    pace::Kind,
    step::Word,
    submit::lookup::{Lookup, by_name},
};
use crate::{
    job::{Outcome, State, Task, TaskId},
    kling::{Api, ApiAnswer, ApiError, ErrorClass, RemoteTask, TaskStatus},
    store::{ApiCall, StoreError},
};

/// Up to so many tasks, single queries take no more requests than a page and whatever it misses.
const SINGLES_MAX: usize = 2;
/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE_MAX: usize = 500;
/// The smallest page worth asking for; others may use the account, too.
const PAGE_SIZE_MIN: usize = 30;
/// So many tasks of which a server cannot tell end a sweep.
const PROBLEMS_MAX: usize = 3;

/// A task that is followed.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    pub(super) task: Task,
    pub(super) task_id: String,
}

/// What a sweep saw.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// The jobs that moved, as they were written down, with what the API shows of their task.
    pub(super) moved: Vec<(Task, Option<RemoteTask>)>,
    /// The jobs whose task stands where it stood.
    pub(super) same: Vec<TaskId>,
    /// The jobs whose task the API does not know, with its words.
    pub(super) unknown: Vec<(TaskId, String)>,
    /// The jobs of whose task the API says nothing clear, with what it says.
    pub(super) unclear: Vec<(TaskId, String)>,
    /// The jobs that somebody else moved meanwhile.
    pub(super) stale: Vec<TaskId>,
    /// What the API said about the account.
    pub(super) word: Option<Word>,
    /// Why the sweep was not completed, if so.
    pub(super) trouble: Option<String>,
}

/// What one answer said of one task.
enum Sight {
    MovedFile(Box<Task>, Box<RemoteTask>),
    Same(TaskId),
    TaskStatusUnknown(TaskId, String),
    Stale(TaskId),
}

impl Swept {
    fn add(&mut self, sight: Sight) {
        match sight {
            Sight::MovedFile(task, remote) => self.moved.push((*task, Some(*remote))),
            Sight::Same(id) => self.same.push(id),
            Sight::TaskStatusUnknown(id, words) => self.unclear.push((id, words)),
            Sight::Stale(id) => self.stale.push(id),
        }
    }
}

/// Looks at all of `followed`.
pub(super) async fn sweep<A: Api>(
    context: &Context<A>,
    followed: Vec<Followed>,
) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    let mut left: BTreeMap<String, Task> =
        followed.into_iter().map(|followed| (followed.task_id, followed.task)).collect();
    if left.len() > SINGLES_MAX && !read_pages(context, &mut left, &mut swept).await? {
        return Ok(swept);
    }
    let mut troubles = 0;
    for (task_id, task) in left {
        context.pace.ready(Kind::Query).await;
        let reply = context.api.task(&task_id).await;
        match reply.result {
            Ok(remote) if remote.task_id != task_id => {
                let words = format!("the API's answer is about task {}", remote.task_id);
                swept.unclear.push((task.id, words));
            }
            Ok(remote) => {
                swept.add(see(context, task, remote, ApiCall::Query, &reply.answer).await?);
            }
            Err(error) if is_not_found(error.class) => {
                seek_by_name(context, task, task_id, error, &mut swept).await?;
            }
            Err(error) if is_of_this_task(&error, &reply.answer) => {
                swept.unclear.push((task.id, error.message));
            }
            Err(error) => {
                troubles += 1;
                swept.word = Word::of_query(&error);
                swept.trouble = Some(error.message);
                // A server that cannot tell of one task may tell of another; one that does not answer
                // is left alone.
                let told = reply.answer.http_status.is_some();
                if swept.word.is_some() || !told || troubles >= PROBLEMS_MAX {
                    return Ok(swept);
                }
            }
        }
    }
    if troubles > 0 {
        return Ok(swept);
    }
    swept.word.get_or_insert(Word::Answered);
    Ok(swept)
}

/// Whether an error says something of this one call, and nothing of the account or the network.
fn is_of_this_call(error: &ApiError, answer: &ApiAnswer) -> bool {
    is_not_found(error.class) || is_of_this_task(error, answer)
}

/// An empty success is no proper "not found", and nothing else either.
fn is_not_found(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::NotFound | ErrorClass::BadRequest | ErrorClass::Empty)
}

/// Whether an error says something of this one task, and nothing of the others.
fn is_of_this_task(error: &ApiError, answer: &ApiAnswer) -> bool {
    match error.class {
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
async fn seek_by_name<A: Api>(
    context: &Context<A>,
    task: Task,
    task_id: String,
    error: ApiError,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    match by_name(context, &task).await?.0 {
        Lookup::Found(remote) if remote.task_id == task_id => {
            swept.unclear.push((task.id, format!("{error}, by its id, but knows it by its name")));
        }
        Lookup::Found(remote) => {
            let found = Outcome::Found { task_id: remote.task_id };
            match context.note(&task, found, None).await {
                Ok(task) => swept.moved.push((task, None)),
                Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }) => {
                    swept.stale.push(task.id);
                }
                Err(error) => return Err(error),
            }
        }
        Lookup::Conflict(..) | Lookup::NotFound { .. } => {
            swept.unknown.push((task.id, error.message));
        }
        // The task stays as it is; the next poll shows more.
        Lookup::Failed { trouble, word, .. } => {
            swept.trouble = Some(trouble.message);
            swept.word = word;
        }
    }
    Ok(())
}

/// Takes out of `left` what the newest pages of the list show. Returns whether that went well.
async fn read_pages<A: Api>(
    context: &Context<A>,
    left: &mut BTreeMap<String, Task>,
    swept: &mut Swept,
) -> Result<bool, StoreError> {
    let page_size = (left.len() * 2).clamp(PAGE_SIZE_MIN, PAGE_SIZE_MAX);
    let pages_max = left.len().div_ceil(page_size) + 1;
    for page in 1..=pages_max {
        context.pace.ready(Kind::Query).await;
        let size = u32::try_from(page_size).unwrap_or(u32::MAX);
        let reply = context.api.tasks(u32::try_from(page).unwrap_or(u32::MAX), size).await;
        let tasks = match reply.result {
            Ok(tasks) => tasks,
            // A list that cannot be used is done without.
            Err(error) if is_of_this_call(&error, &reply.answer) => {
                swept.trouble = Some(error.message);
                return Ok(true);
            }
            Err(error) => {
                swept.word = Word::of_query(&error);
                swept.trouble = Some(error.message);
                return Ok(false);
            }
        };
        let full = tasks.len() >= page_size;
        // Twice in one list: the first counts.
        let ours =
            tasks.into_iter().filter_map(|remote| Some((left.remove(&remote.task_id)?, remote)));
        // At once, so that one commit serves them all.
        let seen =
            ours.map(|(task, remote)| see(context, task, remote, ApiCall::List, &reply.answer));
        try_join_all(seen).await?.into_iter().for_each(|sight| swept.add(sight));
        if left.len() <= SINGLES_MAX || !full {
            break;
        }
    }
    Ok(true)
}

/// Writes down what became of a task, if anything did.
async fn see<A: Api>(
    context: &Context<A>,
    task: Task,
    remote: RemoteTask,
    call: ApiCall,
    answer: &ApiAnswer,
) -> Result<Sight, StoreError> {
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
            return Ok(Sight::Same(task.id));
        }
        TaskStatus::Other(status) => {
            let words = match status.as_str() {
                "" => "the API does not say where it stands".to_owned(),
                status => format!("the API says “{status}”, which is no status that is known here"),
            };
            return Ok(Sight::TaskStatusUnknown(task.id, words));
        }
    };
    let ended = outcome != Outcome::Processing;
    let answer = kept(call, answer, ended.then_some(units_micro).flatten());
    match context.note(&task, outcome, answer).await {
        Ok(task) => Ok(Sight::MovedFile(Box::new(task), Box::new(remote))),
        Err(StoreError::Stale { .. }) => Ok(Sight::Stale(task.id)),
        Err(error) => Err(error),
    }
}
