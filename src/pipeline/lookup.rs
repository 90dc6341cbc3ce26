//! What became of a create whose answer was lost.
//!
//! A lookup by `external_task_id` that finds the task settles it. One that finds nothing counts only
//! where the account is known to answer such lookups; while that is not known, the list of the
//! account's tasks must not hold any task that could be it.

use super::{
    context::{Context, kept},
    pace::Kind,
    step::{StepEnd, Word, trouble},
};
use crate::{
    job::{
        Job, Outcome,
        outcome::{Fault, Trouble},
    },
    kling::{Api, Meaning, Task},
    store::{Answer, Call, Lookups, StoreError},
};

/// Clocks may differ by so much between this machine and the API.
const SKEW_MS: i64 = 10 * 60 * 1000;
/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE: u32 = 500;
/// So many pages are read in search of a task; an account with more is not searched whole.
const PAGES_MAX: u32 = 20;

/// So many times a listing is read before a task that could be it leaves the job to a person.
const LISTINGS_MIN: u32 = 4;

/// What a lookup saw.
pub(super) enum Seen {
    /// The task of this job.
    Ours(String),
    /// A task of that name that cannot be this job's, in words.
    SomebodyElses(String),
    /// No task of that name.
    Nothing,
    /// The lookup itself failed.
    Trouble(Trouble, Option<Word>),
}

/// Asks what became of a create and writes the answer down.
pub(super) async fn settle<A: Api>(context: &Context<A>, job: Job) -> Result<StepEnd, StoreError> {
    let (seen, answer) = ask(context, &job).await?;
    let (outcome, word) = match seen {
        Seen::Ours(task_id) => {
            context.learn_lookups(Lookups::Answered).await?;
            // Not `Created`: a task of before says nothing of what the account can pay now.
            (Outcome::Found { task_id }, Some(Word::Answered))
        }
        Seen::SomebodyElses(message) => {
            let code = "external_task_id_taken".to_owned();
            (Outcome::Refused(Fault { code, message }), None)
        }
        Seen::Nothing => absent(context, &job).await,
        Seen::Trouble(trouble, word) => (Outcome::Trouble(trouble), word),
    };
    Ok(StepEnd::new(context.note(&job, outcome, answer).await?, word))
}

/// One lookup by the job's `external_task_id`.
pub(super) async fn look_up<A: Api>(context: &Context<A>, job: &Job) -> Result<Seen, StoreError> {
    Ok(ask(context, job).await?.0)
}

async fn ask<A: Api>(
    context: &Context<A>,
    job: &Job,
) -> Result<(Seen, Option<Answer>), StoreError> {
    context.pace.ready(Kind::Query).await;
    let reply = context.api.task(&job.external_task_id()).await;
    let answer = kept(Call::Query, &reply.answer, None);
    let seen = match reply.result {
        Ok(task) if task.task_id.is_empty() => {
            let message = "a lookup was answered without naming the task".to_owned();
            Seen::Trouble(Trouble { code: "nonsense".into(), message, retry_after_ms: None }, None)
        }
        Ok(task) if context.store.owns_task(&task.task_id).await? => {
            somebody_elses(job, &task, "is another job's of this database")
        }
        Ok(task) => whose(job, task),
        Err(error) if matches!(error.meaning, Meaning::NotFound | Meaning::BadRequest) => {
            Seen::Nothing
        }
        Err(error) => Seen::Trouble(trouble(&error), Word::of(&error)),
    };
    Ok((seen, answer))
}

/// A name that we made up is ours; one that the user gave may have been used before us.
fn whose(job: &Job, task: Task) -> Seen {
    let first_sent_at_ms = job.create.as_ref().map_or(0, |create| create.first_sent_at_ms);
    let before_us =
        task.created_at_ms.is_some_and(|at_ms| at_ms < first_sent_at_ms.saturating_sub(SKEW_MS));
    if job.spec.external_task_id.is_some() && before_us {
        return somebody_elses(job, &task, "is older than this job");
    }
    Seen::Ours(task.task_id)
}

fn somebody_elses(job: &Job, task: &Task, why: &str) -> Seen {
    Seen::SomebodyElses(format!(
        "external_task_id {} belongs to task {} already, which {why}: give the job another one",
        job.external_task_id(),
        task.task_id
    ))
}

/// What it means that no task of that name was found.
async fn absent<A: Api>(context: &Context<A>, job: &Job) -> (Outcome, Option<Word>) {
    let sent_with = job.create.as_ref().map(|create| create.account.as_str()).unwrap_or_default();
    if sent_with != context.settings.account {
        let why = format!(
            "its create was sent with the credentials of {sent_with}, these are those of {}: what \
             they do not find may be there all the same",
            context.settings.account
        );
        return (Outcome::NoLookups(why), None);
    }
    match context.lookups() {
        Lookups::Answered => (Outcome::Absent, None),
        Lookups::Unanswered => {
            let why = "the answer to its create was lost, and this account answers no lookups by \
                       external_task_id";
            (Outcome::NoLookups(why.to_owned()), None)
        }
        Lookups::Unknown => could_be_listed(context, job).await,
    }
}

/// While nobody knows whether the account answers lookups, every task that was created since the
/// create was sent, and is no other job's, could be it.
async fn could_be_listed<A: Api>(context: &Context<A>, job: &Job) -> (Outcome, Option<Word>) {
    let sent_at_ms = job.create.as_ref().map_or(0, |create| create.first_sent_at_ms);
    for page in 1..=PAGES_MAX {
        context.pace.ready(Kind::Query).await;
        let reply = context.api.tasks(page, PAGE_SIZE).await;
        let tasks = match reply.result {
            Ok(tasks) => tasks,
            Err(error) => return (Outcome::Trouble(trouble(&error)), Word::of(&error)),
        };
        // The list tells the API's time, and this machine's clock may be far from it.
        let now_ms = context.clock.now_ms();
        let ahead_ms = now_ms.saturating_sub(reply.answer.server_at_ms.unwrap_or(now_ms));
        let since_ms = sent_at_ms.saturating_sub(ahead_ms).saturating_sub(SKEW_MS);
        for task in &tasks {
            // A task without a time could be any.
            if task.created_at_ms.is_some_and(|at_ms| at_ms < since_ms) {
                continue;
            }
            match context.store.owns_task(&task.task_id).await {
                Ok(true) => {}
                // It may be another lost create's, that is about to be found.
                Ok(false) if job.tries < LISTINGS_MIN => {
                    let message = format!("task {} could be it: looking again", task.task_id);
                    let code = "lookup".to_owned();
                    return (
                        Outcome::Trouble(Trouble { code, message, retry_after_ms: None }),
                        None,
                    );
                }
                Ok(false) => {
                    let why = format!(
                        "the answer to its create was lost, it is not known whether this account \
                         answers lookups, and task {} could be it",
                        task.task_id
                    );
                    return (Outcome::NoLookups(why), None);
                }
                Err(error) => {
                    let message = error.to_string();
                    let code = "store".to_owned();
                    return (
                        Outcome::Trouble(Trouble { code, message, retry_after_ms: None }),
                        None,
                    );
                }
            }
        }
        if tasks.len() < PAGE_SIZE as usize {
            return (Outcome::Absent, None);
        }
    }
    let why = "the answer to its create was lost, it is not known whether this account answers \
               lookups, and it has too many tasks to look through";
    (Outcome::NoLookups(why.to_owned()), None)
}
