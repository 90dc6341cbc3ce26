//! Writes a create request, sends it, and writes the result.

use super::{PaidCallPermit, refusal::refused};
use crate::{
    failpoint,
    job::{Outcome, Task},
    kling::{Api, AudioSource, CreateRequest, Created, Reply},
    pipeline::{
        context::{StepContext, history_answer},
        step::{AccountSignal, StepEnd},
    },
    store::{Answer, Call, StoreError},
};

/// A create request that may be sent.
pub(super) enum Sending {
    /// The first of a task.
    First { task: Task, audio: AudioSource },
    /// The same once more, because lookups have found no task for so long.
    Again { task: Task, audio: AudioSource, absent_ms: i64 },
}

/// Writes a create request, unless the queue was paused meanwhile, and sends it.
pub(super) async fn send<A: Api>(
    context: &StepContext<A>,
    sending: Sending,
    permit: &PaidCallPermit,
) -> Result<StepEnd, StoreError> {
    let account = &context.settings.account;
    let (task, audio, intended) = match sending {
        Sending::First { task, audio } => {
            let (host, account) = (account.host.clone(), account.key.clone());
            (task, audio, Outcome::CreateIntended { host, account })
        }
        Sending::Again { task, audio, absent_ms } => {
            let account = account.key.clone();
            (task, audio, Outcome::ResendIntended { account, absent_ms })
        }
    };
    let Some(request) = request(&task, audio) else {
        let gone = "its session or timing is missing: it is identified again".to_owned();
        return Ok(StepEnd::new(
            context.record(&task, Outcome::SessionGone(gone), None).await?,
            None,
        ));
    };
    let is_first = matches!(intended, Outcome::CreateIntended { .. });
    match is_first {
        true => failpoint::before("create.intend"),
        false => failpoint::before("create.intend_again"),
    }
    let intended = context.record_intent(&task, intended, permit.is_probe).await?;
    match is_first {
        true => failpoint::after("create.intend"),
        false => failpoint::after("create.intend_again"),
    }
    let Some(task) = intended else {
        return Ok(StepEnd::new(task, Some(AccountSignal::QueuePaused)));
    };
    let _sending = context.in_flight.begin();
    let reply: Reply<Created> = context.api.create(&request).await;
    let answer = history_answer(Call::Create, &reply.answer, None);
    let (outcome, signal) = match reply.result {
        Ok(created) => accepted(&task, created),
        Err(error) => refused(context, &task, &error).await?,
    };
    Ok(StepEnd::new(record_answer(context, task, outcome, answer).await?, signal))
}

/// An answer that accepts a create request of another name is about another one, or mixes them up: Kling is asked
/// by name.
fn accepted(task: &Task, created: Created) -> (Outcome, Option<AccountSignal>) {
    match created.external_task_id.filter(|name| *name != task.external_task_id()) {
        Some(name) => {
            (Outcome::Lost(format!("the answer accepts {name}, which was not asked for")), None)
        }
        None => (Outcome::Accepted { task_id: created.task_id }, Some(AccountSignal::Created)),
    }
}

/// Writes the result of a create request that was sent. It must not be lost because the manifest was edited
/// meanwhile: then the row is read again, and as long as it is the same create request, it counts.
async fn record_answer<A: Api>(
    context: &StepContext<A>,
    mut task: Task,
    outcome: Outcome,
    answer: Option<Answer>,
) -> Result<Task, StoreError> {
    let mut outcome = outcome;
    loop {
        failpoint::before("create.answer");
        let noted = context.record(&task, outcome.clone(), answer.clone()).await;
        failpoint::after("create.answer");
        match &noted {
            Err(StoreError::Stale { .. }) => match context.store.task(task.id).await? {
                Some(now) if now.create == task.create && now.state == task.state => task = now,
                _ => return noted,
            },
            // The task of this create request is another one, and has its name.
            Err(StoreError::TaskTaken { .. }) if !matches!(outcome, Outcome::Lost(_)) => {
                let taken = noted.err().map(|taken| taken.to_string()).unwrap_or_default();
                outcome = Outcome::Lost(format!("the answer names another job's task: {taken}"));
            }
            _ => return noted,
        }
    }
}

fn request(task: &Task, audio: AudioSource) -> Option<CreateRequest> {
    let (session, plan) = (task.session.as_ref()?, task.plan.as_ref()?);
    Some(CreateRequest {
        session_id: session.session_id.clone(),
        face_id: plan.face_id.clone(),
        audio,
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
