//! The step that delivers a job's own file once its task has a verified result: a copy of another job's file, or
//! another download, which is free while Kling keeps the result.

use super::{
    DeliveredFile, FetchError, KnownResult, Target, deliver_watermark, fetch_result,
    to_transient_error,
};
use crate::{
    failpoint,
    job::{
        DeliveryOutcome, Job, ResultFile, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::Api,
    output::VideoKind,
    pipeline::{AccountSignal, StepContext},
    store::{DueDelivery, JobChange, StoreError},
};

pub(crate) async fn deliver<A: Api>(
    context: &StepContext<A>,
    due: DueDelivery,
) -> Result<Option<AccountSignal>, StoreError> {
    let DueDelivery { job, task, missing_watermark } = due;
    if let Some(missing) = missing_watermark {
        return deliver_watermark(context, job, task, missing).await;
    }
    let (mut signal, mut moved) = (None, Vec::new());
    let outcome = match fetch_for_job(context, &job, &task).await {
        Ok(None) => return Ok(None),
        Ok(Some((ResultFile { sha256, bytes, .. }, set_aside))) => {
            moved = set_aside;
            DeliveryOutcome::Delivered { sha256, bytes }
        }
        Err(error) => {
            signal = error.signal();
            outcome_of(error, &job, &task)
        }
    };
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    failpoint::before("delivery.record");
    let change = context.store.record_delivery(job, outcome, moved, moment, policy).await?;
    failpoint::after("delivery.record");
    change.as_ref().map(JobChange::log);
    Ok(signal)
}

async fn fetch_for_job<A: Api>(
    context: &StepContext<A>,
    job: &Job,
    task: &Task,
) -> Result<Option<DeliveredFile>, FetchError> {
    let kind = VideoKind::Result.name();
    let (sources, incomplete) = context.store.copies_of(task, job.id, kind).await?;
    let known = KnownResult { polled: None, incomplete };
    fetch_result(context, task, Target::of_job(job, sources), known).await
}

fn outcome_of(error: FetchError, job: &Job, task: &Task) -> DeliveryOutcome {
    if matches!(&error, FetchError::Expired { .. }) {
        let message = format!(
            "the result of task {} has expired: Kling keeps results for 30 days, and no other file has it. \
             To pay for another take, type `lipsyncd retry {}`",
            task.task_id.as_deref().unwrap_or("?"),
            job.spec.key
        );
        return DeliveryOutcome::Refused(PermanentError {
            code: "result_expired".to_owned(),
            message,
        });
    }
    if let FetchError::IncompleteForGood(_) = &error {
        let TransientError { code, message, .. } = to_transient_error(task, error);
        return DeliveryOutcome::Refused(PermanentError { code, message });
    }
    let is_blocked = matches!(&error, FetchError::Output(error) if error.is_passing());
    let error = to_transient_error(task, error);
    if is_blocked { DeliveryOutcome::OutputBlocked(error) } else { DeliveryOutcome::Failed(error) }
}
