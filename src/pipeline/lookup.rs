//! What became of a create whose answer was lost.
//!
//! A lookup by `external_task_id` that finds the task settles it. One that finds nothing counts only
//! where the account is known to answer such lookups; while that is not known, the list of the
//! account's tasks must not hold any task that could be it (`listing`).

use super::{
    candidates::is_of,
    context::{Context, kept},
    create::{self, Gate},
    listing,
    local::video_ref,
    pace::Kind,
    step::{StepEnd, Word, trouble},
};
use crate::{
    job::{Outcome, Task, outcome::Trouble},
    kling::{Api, Meaning, RemoteTask},
    store::{Answer, Call, Lookups, StoreError},
};

/// Clocks may differ by so much between this machine and the API.
const SKEW_MS: i64 = 10 * 60 * 1000;

/// So many times an answer that is no proof is asked for before it leaves the job to a person.
pub(super) const LOOKS_MIN: u32 = 4;

/// What a lookup saw.
pub(super) enum Seen {
    /// The task of this job.
    Ours(Box<RemoteTask>),
    /// A task of the name that the user gave, which cannot be this job's; in words.
    SomebodyElses(String),
    /// No task of that name.
    Nothing,
    /// The lookup itself failed.
    Trouble(Trouble, Option<Word>),
}

/// What a lookup comes to that does not settle a create: written down as this.
pub(super) type Open = (Outcome, Option<Word>);

/// Asks what became of a create and writes the answer down. One that stayed absent for long enough is
/// sent again, right after the lookup that said so.
pub(super) async fn settle<A: Api>(
    context: &Context<A>,
    task: Task,
    gate: Gate<'_>,
) -> Result<StepEnd, StoreError> {
    let (seen, answer) = ask(context, &task).await?;
    let (outcome, word) = match seen {
        Seen::Ours(remote) => {
            context.learn_lookups(Lookups::Answered).await?;
            // Not `Created`: a task of before says nothing of what the account can pay now.
            (Outcome::Found { task_id: remote.task_id }, Some(Word::Answered))
        }
        // Whether the create of this job was accepted beside it, a person has to see.
        Seen::SomebodyElses(message) => (Outcome::NoLookups(message), None),
        Seen::Nothing => match counts_as_absent(context, &task).await? {
            Ok(()) => {
                let absent_ms = context.absences.heard(&task);
                if absent_ms >= context.settings.policy.create_settle_ms {
                    return create::resend(context, task, absent_ms, gate).await;
                }
                (Outcome::Absent { absent_ms }, None)
            }
            Err(open) => open,
        },
        Seen::Trouble(trouble, word) => (not_yet(&task, trouble), word),
    };
    if !matches!(outcome, Outcome::Absent { .. } | Outcome::Trouble(_)) {
        context.absences.forget(task.id);
    }
    Ok(StepEnd::new(context.note(&task, outcome, answer).await?, word))
}

/// One lookup by the job's `external_task_id`.
pub(super) async fn look_up<A: Api>(context: &Context<A>, task: &Task) -> Result<Seen, StoreError> {
    Ok(ask(context, task).await?.0)
}

async fn ask<A: Api>(
    context: &Context<A>,
    task: &Task,
) -> Result<(Seen, Option<Answer>), StoreError> {
    context.pace.ready(Kind::Query).await;
    let reply = context.api.task(&task.external_task_id()).await;
    let answer = kept(Call::Query, &reply.answer, None);
    let seen = match reply.result {
        Ok(remote) => match context.store.owner_of_task(&remote.task_id).await? {
            Some(owner) if owner != task.id => another_jobs(task, &remote),
            _ => whose(task, remote),
        },
        Err(error) if matches!(error.meaning, Meaning::NotFound | Meaning::BadRequest) => {
            Seen::Nothing
        }
        Err(error) => Seen::Trouble(trouble(&error), Word::of_query(&error)),
    };
    Ok((seen, answer))
}

/// No two jobs of this database go by one name that we made up: such an answer is no proof of
/// anything.
fn another_jobs(task: &Task, remote: &RemoteTask) -> Seen {
    if task.spec.external_task_id.is_some() {
        return somebody_elses(task, remote, "is another job's of this database");
    }
    let message = format!(
        "a lookup of {} was answered with task {}, which is another job's",
        task.external_task_id(),
        remote.task_id
    );
    Seen::Trouble(Trouble { code: ANOTHER_JOBS.to_owned(), message, retry_after_ms: None }, None)
}

/// The code of a lookup's trouble that a person has to decide if it stays.
const ANOTHER_JOBS: &str = "another_jobs_task";

fn not_yet(task: &Task, trouble: Trouble) -> Outcome {
    if trouble.code == ANOTHER_JOBS && task.tries >= LOOKS_MIN {
        return Outcome::NoLookups(trouble.message);
    }
    Outcome::Trouble(trouble)
}

/// A name that we made up is ours; one that the user gave may have been used before us. Then the task is adopted
/// if Kling shows the same video for it, and not if Kling shows another.
fn whose(task: &Task, remote: RemoteTask) -> Seen {
    let is_shown =
        remote.parent_video.as_ref().is_some_and(|it| it.url.is_some() || it.id.is_some());
    if task.spec.external_task_id.is_some() && is_shown {
        return match is_of(&remote, &video_ref(task)) {
            true => Seen::Ours(Box::new(remote)),
            false => somebody_elses(task, &remote, "is of another video"),
        };
    }
    let first_sent_at_ms = task.create.as_ref().map_or(0, |create| create.first_sent_at_ms);
    let before_us =
        remote.created_at_ms.is_some_and(|at_ms| at_ms < first_sent_at_ms.saturating_sub(SKEW_MS));
    if task.spec.external_task_id.is_some() && before_us {
        return somebody_elses(task, &remote, "is older than this job");
    }
    Seen::Ours(Box::new(remote))
}

fn somebody_elses(task: &Task, remote: &RemoteTask, why: &str) -> Seen {
    Seen::SomebodyElses(format!(
        "external_task_id {} belongs to task {} already, which {why}: give the job another one",
        task.external_task_id(),
        remote.task_id
    ))
}

/// Whether a lookup that found nothing proves that there is no such task; if not, what it comes to.
pub(super) async fn counts_as_absent<A: Api>(
    context: &Context<A>,
    task: &Task,
) -> Result<Result<(), Open>, StoreError> {
    if let Some(why) = context.foreign_create(task) {
        return Ok(Err((Outcome::NoLookups(why), None)));
    }
    match context.lookups() {
        Lookups::Answered => Ok(Ok(())),
        Lookups::Unanswered => {
            let why = "the answer to its create was lost, and this account answers no lookups by \
                       external_task_id";
            Ok(Err((Outcome::NoLookups(why.to_owned()), None)))
        }
        Lookups::Unknown => listing::holds_none_of(context, task).await,
    }
}
