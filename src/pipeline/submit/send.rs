//! Records a create request, sends it, and records the reply.

use std::sync::Arc;

use super::refused;
use crate::{
    failpoint,
    job::{Outcome, Task},
    kling::{Api, AudioSource, CreateRequest, Created, Reply},
    pipeline::{AccountSignal, PaidCallPermit, StepContext, StepEnd, history_answer},
    store::{ApiCall, HistoryAnswer, StoreError},
};

/// A create request that may be sent.
pub(super) enum Sending {
    /// The first one of a task.
    First { task: Arc<Task>, audio: AudioSource },
    /// The same request again, because lookups have found no task for `absent_ms`.
    Again { task: Arc<Task>, audio: AudioSource, absent_ms: i64 },
}

/// Records a create request, unless the queue was paused in the meantime, and sends it.
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
        let gone = "its session or timing is missing; its video is identified again".to_owned();
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
    let intended = context.record_intent(&task, intended, permit.is_probe()).await?;
    match is_first {
        true => failpoint::after("create.intend"),
        false => failpoint::after("create.intend_again"),
    }
    let Some(task) = intended else {
        return Ok(StepEnd::new(task, Some(AccountSignal::QueuePaused)));
    };
    let _sending = context.in_flight.start();
    let reply: Reply<Created> = context.api.create(&request).await;
    let answer = history_answer(ApiCall::Create, &reply.answer, None);
    let (outcome, signal) = match reply.result {
        Ok(created) => accepted(&task, created),
        Err(error) => refused(&error),
    };
    Ok(StepEnd::new(record_answer(context, task, outcome, answer).await?, signal))
}

/// A reply that accepts another name is about another request, or mixes them up. Then Kling is asked for the name.
fn accepted(task: &Task, created: Created) -> (Outcome, Option<AccountSignal>) {
    match created.external_task_id.filter(|name| *name != task.external_task_id()) {
        Some(name) => {
            (Outcome::Lost(format!("Kling accepted {name}, which is another name")), None)
        }
        None => (Outcome::Accepted { task_id: created.task_id }, Some(AccountSignal::Created)),
    }
}

/// Records the reply to a create request. If the manifest was edited in the meantime, the task is read again, and the
/// reply counts as long as the create request is the same: it must not be lost.
async fn record_answer<A: Api>(
    context: &StepContext<A>,
    mut task: Task,
    outcome: Outcome,
    answer: Option<HistoryAnswer>,
) -> Result<Task, StoreError> {
    let mut outcome = outcome;
    loop {
        failpoint::before("create.answer");
        let recorded = context.record(&task, outcome.clone(), answer.clone()).await;
        failpoint::after("create.answer");
        match &recorded {
            Err(StoreError::Stale { .. }) => match context.store.task(task.id).await? {
                Some(now) if now.create == task.create && now.state == task.state => task = now,
                _ => return recorded,
            },
            // Kling returned the id of another job's task. The task of this request has another id.
            Err(StoreError::TaskTaken { .. }) if !matches!(outcome, Outcome::Lost(_)) => {
                let taken = recorded.err().map(|taken| taken.to_string()).unwrap_or_default();
                outcome =
                    Outcome::Lost(format!("Kling returned the id of another job's task: {taken}"));
            }
            _ => return recorded,
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
