//! The paid step: written down before it is sent, and never sent again by guess.
//!
//! Where can the power fail, and who pays? Before the commit of `creating`: nothing was sent. Between
//! that commit and the POST, during the POST, or before the commit of its answer: the job is found in
//! `creating`, and [`lookup`] finds out. After it: the task is known.

use super::{
    context::{Context, kept},
    in_the_way::{InTheWay, check_output},
    local::{check_video, load_audio},
    lookup,
    pace::Kind,
    refusal::{refused, taken_name},
    step::{StepEnd, Word},
};
use crate::{
    failpoint,
    job::{Outcome, Task, outcome::Trouble},
    kling::{Api, CreateRequest, Created, Reply, Sound},
    store::{Answer, Call, LeadLost, Lookups, StoreError},
};

/// Whether the line still lets paid calls through; asked again right before one is written down.
pub(super) type Gate<'a> = &'a (dyn Fn() -> bool + Sync);

/// Writes the create of an identified job down and sends it.
pub(super) async fn create<A: Api>(
    context: &Context<A>,
    task: Task,
    gate: Gate<'_>,
) -> Result<StepEnd, StoreError> {
    if let Some(end) = find_earlier_send(context, &task).await? {
        return Ok(end);
    }
    let task = match task.create {
        None => task,
        Some(_) => match still_asked(context, task, None).await? {
            Asked::Yes(task) => task,
            Asked::No(end) => return Ok(end),
        },
    };
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
    if !gate() {
        return Ok(StepEnd::new(task, None));
    }
    let intended = Outcome::CreateIntended { account: context.settings.account.clone() };
    failpoint::before("create.intend");
    let task = context.note(&task, intended, None).await?;
    failpoint::after("create.intend");
    send(context, task, sound).await
}

/// Sends the same create again, under the same id, after lookups showed that it never arrived.
pub(super) async fn resend<A: Api>(
    context: &Context<A>,
    task: Task,
    absent_ms: i64,
    gate: Gate<'_>,
) -> Result<StepEnd, StoreError> {
    let sound = load_audio(&context.settings, &task).await;
    let task = match still_asked(context, task, sound.as_ref().err().cloned()).await? {
        Asked::Yes(task) => task,
        Asked::No(end) => return Ok(end),
    };
    // Another job leads it now, whose file is to be read.
    let Ok(sound) = sound else { return Ok(StepEnd::new(task, None)) };
    // It was never accepted: it is still free to say no for want of room.
    if let Some(InTheWay::Outcome(blocked @ Outcome::Blocked(_))) =
        check_output(context, &task).await?
    {
        return Ok(StepEnd::new(context.note(&task, blocked, None).await?, None));
    }
    context.pace.ready(Kind::Create).await;
    if !gate() {
        let held = context.note(&task, Outcome::Absent { absent_ms }, None).await?;
        return Ok(StepEnd::new(held, None));
    }
    failpoint::before("create.intend_again");
    let task = context.note(&task, Outcome::ResendIntended { absent_ms }, None).await?;
    failpoint::after("create.intend_again");
    send(context, task, sound).await
}

/// A create that was sent before the video had to be identified, or the media measured, anew: by now
/// its task may show up, and is this job's. Returns none where nothing is found.
pub(super) async fn find_earlier_send<A: Api>(
    context: &Context<A>,
    task: &Task,
) -> Result<Option<StepEnd>, StoreError> {
    if task.create.is_none() {
        return Ok(None);
    }
    let (outcome, word) = match lookup::look_up(context, task).await? {
        lookup::Seen::Ours(task) => {
            context.learn_lookups(Lookups::Answered).await?;
            (Outcome::Found { task_id: task.task_id }, Some(Word::Answered))
        }
        lookup::Seen::SomebodyElses(message) => (Outcome::Refused(taken_name(message)), None),
        lookup::Seen::Trouble(trouble, Some(word)) => {
            (Outcome::HeldBack(trouble.message), Some(word))
        }
        lookup::Seen::Trouble(trouble, None) => (Outcome::Trouble(trouble), None),
        lookup::Seen::Nothing => return Ok(None),
    };
    Ok(Some(StepEnd::new(context.note(task, outcome, None).await?, word)))
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

/// Whether a task whose create request never arrived is still asked for.
enum Asked {
    Yes(Task),
    No(StepEnd),
}

async fn still_asked<A: Api>(
    context: &Context<A>,
    task: Task,
    media_changed: Option<String>,
) -> Result<Asked, StoreError> {
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    let (task, is_asked) = context.store.never_arrived(task, media_changed, moment, policy).await?;
    if task.state.is_finished() {
        context.absences.forget(task.id);
        return Ok(Asked::No(StepEnd::new(task, None)));
    }
    if is_asked {
        return Ok(Asked::Yes(task));
    }
    let message = "its job is missing from the folder".to_owned();
    let missing =
        Outcome::Trouble(Trouble { code: "absent".to_owned(), message, retry_after_ms: None });
    Ok(Asked::No(StepEnd::new(context.note(&task, missing, None).await?, None)))
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

async fn send<A: Api>(
    context: &Context<A>,
    task: Task,
    sound: Sound,
) -> Result<StepEnd, StoreError> {
    let Some(request) = request(&task, sound) else {
        let gone = "its session or timing is missing: it is identified again".to_owned();
        return Ok(StepEnd::new(
            context.note(&task, Outcome::SessionGone(gone), None).await?,
            None,
        ));
    };
    let _sending = context.under_way.begin();
    let reply: Reply<Created> = context.api.create(&request).await;
    let answer = kept(Call::Create, &reply.answer, None);
    let (outcome, word) = match reply.result {
        Ok(created) => accepted(context, &task, created),
        Err(error) => refused(context, &task, &error).await?,
    };
    Ok(StepEnd::new(note_answer(context, task, outcome, answer).await?, word))
}

/// An answer that accepts a create of another name is about another create, or mixes them up: where a
/// lookup tells, it is asked.
fn accepted<A: Api>(
    context: &Context<A>,
    task: &Task,
    created: Created,
) -> (Outcome, Option<Word>) {
    let other = created.external_task_id.filter(|name| *name != task.external_task_id());
    match other {
        Some(name) if context.lookups() == Lookups::Answered => {
            (Outcome::Lost(format!("the answer accepts {name}, which was not asked for")), None)
        }
        _ => (Outcome::Accepted { task_id: created.task_id }, Some(Word::Created)),
    }
}

/// Writes down what came of a create that was sent. It must not be lost because the manifest was
/// edited meanwhile: then the row is read anew, and as long as it is the same create, it counts.
async fn note_answer<A: Api>(
    context: &Context<A>,
    mut task: Task,
    outcome: Outcome,
    answer: Option<Answer>,
) -> Result<Task, StoreError> {
    let mut outcome = outcome;
    loop {
        failpoint::before("create.answer");
        let noted = context.note(&task, outcome.clone(), answer.clone()).await;
        failpoint::after("create.answer");
        match &noted {
            Err(StoreError::Stale { .. }) => match context.store.task(task.id).await? {
                Some(now) if now.create == task.create && now.state == task.state => task = now,
                _ => return noted,
            },
            // The task of this create is another one, and goes by its name.
            Err(StoreError::TaskTaken { .. }) if !matches!(outcome, Outcome::Lost(_)) => {
                let taken = noted.err().map(|taken| taken.to_string()).unwrap_or_default();
                outcome = Outcome::Lost(format!("the answer names another job's task: {taken}"));
            }
            _ => return noted,
        }
    }
}

fn request(task: &Task, sound: Sound) -> Option<CreateRequest> {
    let (session, plan) = (task.session.as_ref()?, task.plan.as_ref()?);
    Some(CreateRequest {
        session_id: session.session_id.clone(),
        face_id: plan.face_id.clone(),
        sound,
        sound_start_ms: plan.sound_start_ms,
        sound_end_ms: plan.sound_end_ms,
        sound_insert_ms: plan.sound_insert_ms,
        sound_volume: task.spec.sound_volume,
        original_audio_volume: task.spec.original_audio_volume,
        watermark: task.spec.watermark,
        external_task_id: Some(task.external_task_id()),
        callback_url: task.spec.callback_url.clone(),
    })
}
