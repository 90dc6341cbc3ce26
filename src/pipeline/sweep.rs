//! One look at all tasks under way: by list pages where that takes fewer requests, by single queries
//! where not.

use std::collections::BTreeMap;

use tracing::warn;

use super::{
    context::{Context, kept},
    pace::Kind,
    step::Word,
};
use crate::{
    job::{Job, JobId, Outcome, State},
    kling::{Answer, Api, Meaning, ResultVideo, Task, TaskStatus},
    store::{Call, StoreError},
};

/// Up to so many tasks, single queries take no more requests than a page and whatever it misses.
const SINGLES_MAX: usize = 2;
/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE_MAX: usize = 500;
/// The smallest page worth asking for; others may use the account, too.
const PAGE_SIZE_MIN: usize = 30;

/// A task that is followed.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    pub(super) job: Job,
    pub(super) task_id: String,
}

/// What a sweep saw.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// The jobs that moved, as they were written down, with what their task made.
    pub(super) moved: Vec<(Job, Option<ResultVideo>)>,
    /// The jobs whose task stands where it stood.
    pub(super) same: Vec<JobId>,
    /// The jobs whose task the API does not know, with its words.
    pub(super) unknown: Vec<(JobId, String)>,
    /// The jobs that somebody else moved meanwhile.
    pub(super) stale: Vec<JobId>,
    /// What the API said about the account.
    pub(super) word: Option<Word>,
    /// Why the sweep was not completed, if so.
    pub(super) trouble: Option<String>,
}

/// Looks at all of `followed`.
pub(super) async fn sweep<A: Api>(
    context: &Context<A>,
    followed: Vec<Followed>,
) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    let mut left: BTreeMap<String, Job> =
        followed.into_iter().map(|followed| (followed.task_id, followed.job)).collect();
    if left.len() > SINGLES_MAX && !read_pages(context, &mut left, &mut swept).await? {
        return Ok(swept);
    }
    for (task_id, job) in left {
        context.pace.ready(Kind::Query).await;
        let reply = context.api.task(&task_id).await;
        match reply.result {
            Ok(task) => {
                see(context, job, task, Call::Query, &reply.answer, &mut swept).await?;
            }
            Err(error) if error.meaning == Meaning::NotFound => {
                swept.unknown.push((job.id, error.message));
            }
            Err(error) => {
                swept.word = Word::of(&error);
                swept.trouble = Some(error.message);
                return Ok(swept);
            }
        }
    }
    swept.word.get_or_insert(Word::Answered);
    Ok(swept)
}

/// Takes out of `left` what the newest pages of the list show. Returns whether that went well.
async fn read_pages<A: Api>(
    context: &Context<A>,
    left: &mut BTreeMap<String, Job>,
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
            Err(error) => {
                swept.word = Word::of(&error);
                swept.trouble = Some(error.message);
                return Ok(false);
            }
        };
        let full = tasks.len() >= page_size;
        for task in tasks {
            if let Some(job) = left.remove(&task.task_id) {
                see(context, job, task, Call::List, &reply.answer, swept).await?;
            }
        }
        if left.len() <= SINGLES_MAX || !full {
            break;
        }
    }
    Ok(true)
}

/// Writes down what became of a task, if anything did.
async fn see<A: Api>(
    context: &Context<A>,
    job: Job,
    task: Task,
    call: Call,
    answer: &Answer,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    let units_micro = task.units_micro.unwrap_or(0);
    let outcome = match task.status {
        TaskStatus::Processing if job.state == State::Submitted => Outcome::Processing,
        TaskStatus::Succeed => Outcome::TaskSucceeded { units_micro },
        TaskStatus::Failed => {
            let words = task.status_message.clone().filter(|words| !words.is_empty());
            let message =
                words.unwrap_or_else(|| "the task failed, the API does not say why".into());
            Outcome::TaskFailed { message, units_micro }
        }
        TaskStatus::Submitted | TaskStatus::Processing => {
            swept.same.push(job.id);
            return Ok(());
        }
        TaskStatus::Other(status) => {
            warn!(job = job.spec.key, status, "{}: unknown task status", job.spec.key);
            swept.same.push(job.id);
            return Ok(());
        }
    };
    let ended = outcome != Outcome::Processing;
    let answer = kept(call, answer, ended.then_some(task.units_micro).flatten());
    match context.note(&job, outcome, answer).await {
        Ok(job) => swept.moved.push((job, task.videos.into_iter().next())),
        Err(StoreError::Stale { .. }) => swept.stale.push(job.id),
        Err(error) => return Err(error),
    }
    Ok(())
}
