//! Identify Face: a session for a job's video, shared with the other jobs of that video.

use super::{
    context::{Context, kept},
    in_the_way::check_output,
    local::{check_video, video_key, video_ref},
    pace::Kind,
    step::{StepEnd, Word, outcome_of},
    submit::Gate,
};
use crate::{
    job::{FaceSpan, Outcome, Session, Task},
    kling::{Api, Identified},
    store::{Call, KnownSession, LeadLost, StoreError},
};

/// Gets a session: one that is known already, or a new one by a call, which costs too.
pub(super) async fn identify<A: Api>(
    context: &Context<A>,
    task: Task,
    gate: &Gate,
) -> Result<StepEnd, StoreError> {
    if let Err(changed) = check_video(&context.settings, &task).await {
        let task = context.lose_lead(&task, LeadLost::MediaChanged(changed)).await?;
        return Ok(StepEnd::new(task, None));
    }
    if let Some(taken) = check_output(context, &task).await? {
        let task = context.note_in_the_way(&task, taken).await?;
        return Ok(StepEnd::new(task, None));
    }
    let (account, video) = (context.settings.account.to_string(), video_key(&task));
    let now_ms = context.clock.now_ms();
    if let Some(known) =
        context.store.fresh_session(&account, &video, now_ms, task.sessions_after_ms).await?
    {
        let shared =
            Outcome::Identified { session: known.session, faces: known.faces, units_micro: 0 };
        return Ok(StepEnd::new(context.note(&task, shared, None).await?, None));
    }
    context.pace.ready(Kind::Identify).await;
    if !gate.is_open() {
        return Ok(StepEnd::new(task, None));
    }
    let reply = context.api.identify(&video_ref(&task)).await;
    match reply.result {
        Ok(identified) => {
            let units_micro = identified.units_micro.unwrap_or(0);
            let answer = kept(Call::Identify, &reply.answer, identified.units_micro);
            let known = keep(context, &video, identified).await?;
            let outcome =
                Outcome::Identified { session: known.session, faces: known.faces, units_micro };
            let task = context.note(&task, outcome, answer).await?;
            Ok(StepEnd::new(task, Some(Word::Identified)))
        }
        Err(error) => {
            let answer = kept(Call::Identify, &reply.answer, None);
            let task = context.note(&task, outcome_of(&error), answer).await?;
            Ok(StepEnd::new(task, Word::of(&error)))
        }
    }
}

async fn keep<A: Api>(
    context: &Context<A>,
    video: &str,
    identified: Identified,
) -> Result<KnownSession, StoreError> {
    let now_ms = context.clock.now_ms();
    let faces = identified.faces.into_iter().map(|face| FaceSpan {
        face_id: face.face_id,
        start_ms: face.start_ms,
        end_ms: face.end_ms,
    });
    let session = Session {
        row: 0,
        session_id: identified.session_id,
        identified_at_ms: now_ms,
        expires_at_ms: now_ms.saturating_add(context.settings.session_ttl_ms),
    };
    let known = KnownSession { session, faces: faces.collect() };
    context.store.keep_session(&context.settings.account.to_string(), video, known).await
}
