//! The first create request of a task: everything local is checked, and Kling is asked by name, while it is free
//! to find out that nothing must be sent.

use super::{
    Gate,
    earlier_task::follow_earlier,
    lookup::{Lookup, by_name},
    send::{Sending, send},
    task_list,
};
use crate::{
    job::{Outcome, Task},
    kling::{Api, ApiError, Sound, TaskStatus},
    pipeline::{
        context::Context,
        in_the_way::{InTheWay, check_output},
        local::{check_video, load_audio, video_ref},
        pace::Kind,
        step::{StepEnd, Word, trouble},
    },
    store::{LeadLost, Lookups, StoreError},
};

/// So often a lookup by name may fail before the list is asked instead.
const LOOKUPS_MIN: u32 = 4;

/// Writes the create request of an identified task and sends it, unless Kling has the task already.
pub(in crate::pipeline) async fn create<A: Api>(
    context: &Context<A>,
    task: Task,
    gate: &Gate,
) -> Result<StepEnd, StoreError> {
    let sound = match ready(context, &task).await {
        Ok(sound) => sound,
        Err(NotReady::MediaChanged(what)) => {
            let task = context.lose_lead(&task, LeadLost::MediaChanged(what)).await?;
            return Ok(StepEnd::new(task, None));
        }
        Err(NotReady::InTheWay(found)) => {
            let task = context.note_in_the_way(&task, found).await?;
            return Ok(StepEnd::new(task, None));
        }
        Err(NotReady::Store(error)) => return Err(error),
    };
    context.pace.ready(Kind::Create).await;
    if !gate.is_open() {
        return Ok(StepEnd::new(task, None));
    }
    if let Some(end) = follow_earlier(context, &task).await? {
        return Ok(end);
    }
    // Right before it is sent: another host may have created the task meanwhile.
    if let Some(end) = find(context, &task).await? {
        return Ok(end);
    }
    if !gate.is_open() {
        return Ok(StepEnd::new(task, None));
    }
    send(context, Sending::First { task, sound }, gate).await
}

/// Looks at everything local once more, while it is still free to say no.
async fn ready<A: Api>(context: &Context<A>, task: &Task) -> Result<Sound, NotReady> {
    check_video(&context.settings, task).await.map_err(NotReady::MediaChanged)?;
    let sound = load_audio(&context.settings, task).await.map_err(NotReady::MediaChanged)?;
    match check_output(context, task).await {
        Ok(None) => Ok(sound),
        Ok(Some(found)) => Err(NotReady::InTheWay(found)),
        Err(error) => Err(NotReady::Store(error)),
    }
}

/// Why a create request is not sent.
enum NotReady {
    /// A local file has other content by now.
    MediaChanged(String),
    /// Something is at the place of its output.
    InTheWay(InTheWay),
    /// The database failed.
    Store(StoreError),
}

/// Asks Kling for a task of this name, which another database may have created. Returns none where there is none.
async fn find<A: Api>(context: &Context<A>, task: &Task) -> Result<Option<StepEnd>, StoreError> {
    let (lookup, answer) = by_name(context, task).await?;
    let (outcome, word) = match lookup {
        // A person decided to send again, maybe by a list that was read long ago.
        Lookup::NotFound { .. } if task.conflict_dismissed => {
            let listing = match task_list::read(context, i64::MIN).await {
                Ok(listing) => listing,
                Err(error) => return later(context, task, &error).await.map(Some),
            };
            match listing.named(&task.external_task_id()) {
                Some(remote) => (Outcome::Found { task_id: remote.task_id.clone() }, None),
                None => return Ok(None),
            }
        }
        Lookup::NotFound { .. } => return Ok(None),
        Lookup::Found(remote) => {
            if let Some(end) = move_to_later_take(context, task).await? {
                return Ok(Some(end));
            }
            (Outcome::Found { task_id: remote.task_id }, Some(Word::Answered))
        }
        Lookup::Conflict(_) if task.conflict_dismissed => return Ok(None),
        Lookup::Conflict(why) => (Outcome::Conflict(why), None),
        Lookup::Failed { trouble, word: Some(word), .. } => {
            (Outcome::HeldBack(trouble.message), Some(word))
        }
        Lookup::Failed { trouble, is_answer: true, .. } if task.tries + 1 >= LOOKUPS_MIN => {
            match find_in_list(context, task, &trouble.message).await? {
                Some(found) => found,
                None => return Ok(None),
            }
        }
        Lookup::Failed { trouble, .. } => (Outcome::Trouble(trouble), None),
    };
    Ok(Some(StepEnd::new(context.note(task, outcome, answer).await?, word)))
}

async fn later<A: Api>(
    context: &Context<A>,
    task: &Task,
    error: &ApiError,
) -> Result<StepEnd, StoreError> {
    let outcome = Outcome::Trouble(trouble(error));
    Ok(StepEnd::new(context.note(task, outcome, None).await?, Word::of_query(error)))
}

/// The server answers this name with errors: some do so for every name that they do not know. Then the list has to
/// show that Kling has no task of this video that the database does not know.
async fn find_in_list<A: Api>(
    context: &Context<A>,
    task: &Task,
    why: &str,
) -> Result<Option<(Outcome, Option<Word>)>, StoreError> {
    let listing = match task_list::read(context, i64::MIN).await {
        Ok(listing) => listing,
        Err(error) => return Ok(Some((Outcome::Trouble(trouble(&error)), Word::of_query(&error)))),
    };
    if let Some(remote) = listing.named(&task.external_task_id()) {
        return Ok(Some((Outcome::Found { task_id: remote.task_id.clone() }, None)));
    }
    let wanted = video_ref(task);
    for remote in listing.tasks.iter().filter(|remote| task_list::is_of(remote, &wanted)) {
        let is_named = remote.external_task_id.is_some();
        if is_named || context.store.owner_of_task(&remote.task_id).await?.is_some() {
            continue;
        }
        let why = format!(
            "Kling does not answer whether it has a task named {} ({}), and task {} of the same \
             video is in no database entry",
            task.external_task_id(),
            why,
            remote.task_id
        );
        let is_dismissed = task.conflict_dismissed;
        return Ok((!is_dismissed).then_some((Outcome::Conflict(why), None)));
    }
    Ok(None)
}

/// The database did not know a task that Kling has: it was lost, or another host works on the same account. Then
/// later takes may exist, too, and the highest that has not failed is the one to join.
async fn move_to_later_take<A: Api>(
    context: &Context<A>,
    task: &Task,
) -> Result<Option<StepEnd>, StoreError> {
    if context.lookups() == Lookups::Unanswered || !context.store.is_take_open(task).await? {
        return Ok(None);
    }
    let own = task.spec.external_task_id.as_deref();
    let mut highest = None;
    let mut take = task.take;
    loop {
        take += 1;
        let name = Task::name_of(&task.request_hash, own, take);
        match by_name(context, &Task { take, name, ..task.clone() }).await?.0 {
            Lookup::Found(remote) if remote.status == TaskStatus::Failed => {}
            Lookup::Found(_) => highest = Some(take),
            Lookup::NotFound { .. } | Lookup::Conflict(_) => break,
            // Some servers answer so for every name that they do not know. Nothing is paid for the takes before it.
            Lookup::Failed { word: None, is_answer: true, .. } if task.tries + 1 >= LOOKUPS_MIN => {
                break;
            }
            Lookup::Failed { trouble, word, .. } => {
                let outcome = match &word {
                    Some(_) => Outcome::HeldBack(trouble.message),
                    None => Outcome::Trouble(trouble),
                };
                return Ok(Some(StepEnd::new(context.note(task, outcome, None).await?, word)));
            }
        }
    }
    let Some(take) = highest else { return Ok(None) };
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    let task = context.store.move_to_take(task.clone(), take, moment, policy).await?;
    Ok(Some(StepEnd::new(task, None)))
}
