//! The paid step: written down before it is sent, and never sent again by guess.
//!
//! Where can the power fail, and who pays? Before the commit of `creating`: nothing was sent. Between
//! that commit and the POST, during the POST, or before the commit of its answer: the job is found in
//! `creating`, and [`lookup`] finds out. After it: the task is known.

use super::{
    context::{Context, kept},
    download::check_output,
    local::{LoadedSound, check_video, load_sound},
    lookup,
    pace::Kind,
    step::{StepEnd, Word, fault},
};
use crate::{
    job::{Job, Outcome, outcome::Fault},
    kling::{Api, ApiError, CreateRequest, Created, Meaning, Reply},
    store::{Answer, Call, Lookups, StoreError},
};

/// Whether the line still lets paid calls through; asked again right before one is written down.
pub(super) type Gate<'a> = &'a (dyn Fn() -> bool + Sync);

/// Writes the create of an identified job down and sends it.
pub(super) async fn create<A: Api>(
    context: &Context<A>,
    job: Job,
    gate: Gate<'_>,
) -> Result<StepEnd, StoreError> {
    let loaded = match ready(context, &job).await {
        Ok(loaded) => loaded,
        Err(outcome) => return Ok(StepEnd::new(context.note(&job, outcome, None).await?, None)),
    };
    context.pace.ready(Kind::Create).await;
    if !gate() {
        return Ok(StepEnd::new(job, None));
    }
    let intended = Outcome::CreateIntended {
        account: context.settings.account.clone(),
        sound_sha256: loaded.sha256.clone(),
    };
    let job = context.note(&job, intended, None).await?;
    send(context, job, loaded).await
}

/// Sends the same create again, under the same id, after lookups showed that it never arrived.
pub(super) async fn resend<A: Api>(
    context: &Context<A>,
    job: Job,
    gate: Gate<'_>,
) -> Result<StepEnd, StoreError> {
    let sent_before = job.create.as_ref().and_then(|create| create.sound_sha256.clone());
    let loaded = match load_sound(&context.settings, &job).await {
        Ok(loaded) if loaded.sha256 == sent_before => loaded,
        Ok(_) => {
            let changed = "its sound changed since its create was first sent".to_owned();
            let job = context.note(&job, Outcome::MediaChanged(changed), None).await?;
            return Ok(StepEnd::new(job, None));
        }
        Err(changed) => {
            let job = context.note(&job, Outcome::MediaChanged(changed), None).await?;
            return Ok(StepEnd::new(job, None));
        }
    };
    // It was never accepted: it is still free to say no for want of room.
    if let Some(blocked @ Outcome::Blocked(_)) = check_output(context, &job).await {
        return Ok(StepEnd::new(context.note(&job, blocked, None).await?, None));
    }
    context.pace.ready(Kind::Create).await;
    if !gate() {
        return Ok(StepEnd::new(job, None));
    }
    let job = context.note(&job, Outcome::ResendIntended, None).await?;
    send(context, job, loaded).await
}

/// Looks at everything local once more, while it is still free to say no.
async fn ready<A: Api>(context: &Context<A>, job: &Job) -> Result<LoadedSound, Outcome> {
    check_video(&context.settings, job).await.map_err(Outcome::MediaChanged)?;
    let loaded = load_sound(&context.settings, job).await.map_err(Outcome::MediaChanged)?;
    match check_output(context, job).await {
        None => Ok(loaded),
        Some(outcome) => Err(outcome),
    }
}

async fn send<A: Api>(
    context: &Context<A>,
    job: Job,
    loaded: LoadedSound,
) -> Result<StepEnd, StoreError> {
    let Some(request) = request(&job, loaded) else {
        let gone = "its session or timing is missing: it is identified again".to_owned();
        return Ok(StepEnd::new(context.note(&job, Outcome::SessionGone(gone), None).await?, None));
    };
    let reply: Reply<Created> = context.api.create(&request).await;
    let answer = kept(Call::Create, &reply.answer, None);
    let (outcome, word) = match reply.result {
        Ok(created) if created.task_id.is_empty() => {
            (Outcome::Lost("the API accepted it without naming the task".to_owned()), None)
        }
        Ok(created) => (Outcome::Accepted { task_id: created.task_id }, Some(Word::Created)),
        Err(error) => refused(context, &job, &error).await?,
    };
    Ok(StepEnd::new(note_answer(context, job, outcome, answer).await?, word))
}

/// Writes down what came of a create that was sent. It must not be lost because the manifest was
/// edited meanwhile: then the row is read anew, and as long as it is the same create, it counts.
async fn note_answer<A: Api>(
    context: &Context<A>,
    mut job: Job,
    outcome: Outcome,
    answer: Option<Answer>,
) -> Result<Job, StoreError> {
    loop {
        let noted = context.note(&job, outcome.clone(), answer.clone()).await;
        let Err(StoreError::Stale { .. }) = &noted else { return noted };
        match context.store.job(job.id).await? {
            Some(now) if now.create == job.create && now.state == job.state => job = now,
            _ => return noted,
        }
    }
}

/// What a create that was not accepted comes to.
async fn refused<A: Api>(
    context: &Context<A>,
    job: &Job,
    error: &ApiError,
) -> Result<(Outcome, Option<Word>), StoreError> {
    let word = Word::of(error);
    let outcome = match error.meaning {
        _ if error.leaves_outcome_open() => Outcome::Lost(error.message.clone()),
        _ if error.never_left => Outcome::NotSent(error.message.clone()),
        _ if word.is_some() => Outcome::HeldBack(error.message.clone()),
        Meaning::BadRequest => return bad_request(context, job, error).await,
        _ => Outcome::Refused(fault(error)),
    };
    Ok((outcome, word))
}

/// 1200 and 1201 may mean that this very create arrived before, or that the session is gone.
async fn bad_request<A: Api>(
    context: &Context<A>,
    job: &Job,
    error: &ApiError,
) -> Result<(Outcome, Option<Word>), StoreError> {
    let outcome = match lookup::look_up(context, job).await? {
        lookup::Seen::Ours(task_id) => Outcome::Found { task_id },
        lookup::Seen::SomebodyElses(message) => {
            Outcome::Refused(Fault { code: "external_task_id_taken".to_owned(), message })
        }
        // The refusal stands, but whether an earlier send arrived is not known yet.
        lookup::Seen::Trouble(trouble, word) => return Ok((Outcome::Lost(trouble.message), word)),
        lookup::Seen::Nothing => nothing_found(context, job, error).await?,
    };
    Ok((outcome, None))
}

/// The refusal, where no task goes by the create's name.
async fn nothing_found<A: Api>(
    context: &Context<A>,
    job: &Job,
    error: &ApiError,
) -> Result<Outcome, StoreError> {
    let message = error.message.to_ascii_lowercase();
    let taken = ["exist", "already", "duplicate", "unique", "in use"];
    if message.contains("external_task_id") && taken.iter().any(|word| message.contains(word)) {
        return Ok(name_taken(context, job, error));
    }
    if message.contains("session") {
        if let Some(session) = &job.session {
            context.store.forget_session(session.row).await?;
        }
        return Ok(Outcome::SessionGone(error.message.clone()));
    }
    Ok(Outcome::Refused(fault(error)))
}

/// The API knows the name already, but does not find a task by it.
fn name_taken<A: Api>(context: &Context<A>, job: &Job, error: &ApiError) -> Outcome {
    let create = job.create.as_ref();
    let sent_before = create.is_some_and(|create| create.sent_at_ms != create.first_sent_at_ms);
    match (&job.spec.external_task_id, context.lookups()) {
        // Nobody but a person can find it.
        (_, Lookups::Unanswered) => Outcome::NoLookups(error.message.clone()),
        // A name that we made up can only be that of an earlier send, which does not show yet.
        (None, _) => Outcome::Lost(error.message.clone()),
        // A name that the user gave may be a task's of another kind.
        (Some(_), _) if sent_before => Outcome::NoLookups(error.message.clone()),
        (Some(_), _) => Outcome::Refused(Fault {
            code: "external_task_id_taken".to_owned(),
            message: error.message.clone(),
        }),
    }
}

fn request(job: &Job, loaded: LoadedSound) -> Option<CreateRequest> {
    let (session, plan) = (job.session.as_ref()?, job.plan.as_ref()?);
    Some(CreateRequest {
        session_id: session.session_id.clone(),
        face_id: plan.face_id.clone(),
        sound: loaded.sound,
        sound_start_ms: plan.sound_start_ms,
        sound_end_ms: plan.sound_end_ms,
        sound_insert_ms: plan.sound_insert_ms,
        sound_volume: job.spec.sound_volume,
        original_audio_volume: job.spec.original_audio_volume,
        watermark: job.spec.watermark,
        external_task_id: Some(job.external_task_id()),
        callback_url: job.spec.callback_url.clone(),
    })
}
