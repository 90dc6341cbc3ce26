//! The delivery of a job's own file, where its task has a verified result: a copy of the file that another job
//! has, else another fetch, which is free while Kling keeps the result.

use crate::{
    failpoint,
    job::{
        BLOCKED, Delivered, DeliveryOutcome, Job, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::Api,
    output::FileFacts,
    pipeline::{
        context::StepContext,
        fetch::download::{fetch, internal},
        fetch::fetch_error::{FetchError, to_transient_error},
        fetch::target::Target,
        step::AccountSignal,
    },
    store::{Change, DueDelivery, Moved, StoreError},
};

/// Delivers once. Returns what the API's answer means for the account.
pub(crate) async fn deliver<A: Api>(
    context: &StepContext<A>,
    due: DueDelivery,
) -> Result<Option<AccountSignal>, StoreError> {
    let DueDelivery { job, task } = due;
    let (mut signal, mut moved) = (None, Vec::new());
    let attempt = match fetch_for_job(context, &job, &task).await {
        Ok(None) => return Ok(None),
        Ok(Some((Delivered { sha256, bytes, .. }, aside))) => {
            moved = aside;
            DeliveryOutcome::Delivered { sha256, bytes }
        }
        Err(stop) => {
            if let FetchError::Api(error) = &stop {
                signal = AccountSignal::of(error);
            }
            failed(&job, &task, stop)
        }
    };
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    failpoint::before("delivery.record");
    let change = context.store.record_delivery(job, attempt, moved, moment, policy).await?;
    failpoint::after("delivery.record");
    change.as_ref().map(Change::log);
    Ok(signal)
}

fn failed(job: &Job, task: &Task, stop: FetchError) -> DeliveryOutcome {
    if matches!(&stop, FetchError::Gone { .. }) {
        let message = format!(
            "the result of task {} is no longer history_answer: Kling keeps results for 30 days, and no other file \
             of it is left. To pay for another take, type `lipsyncd retry {}`",
            task.task_id.as_deref().unwrap_or("?"),
            job.spec.key
        );
        return DeliveryOutcome::Refused(PermanentError {
            code: "result_expired".to_owned(),
            message,
        });
    }
    let blocked = matches!(&stop, FetchError::Output(error) if error.is_passing());
    let TransientError { code, message, retry_after_ms } = to_transient_error(task, stop);
    let message = if blocked { format!("{BLOCKED}: {message}") } else { message };
    DeliveryOutcome::Failed(TransientError { code, message, retry_after_ms })
}

async fn fetch_for_job<A: Api>(
    context: &StepContext<A>,
    job: &Job,
    task: &Task,
) -> Result<Option<(Delivered, Vec<Moved>)>, FetchError> {
    let facts =
        |(sha256, bytes): &(String, u64)| FileFacts { sha256: sha256.clone(), bytes: *bytes };
    let target = Target {
        job: job.id,
        key: job.spec.key.clone(),
        output: job.spec.output.clone(),
        earlier: job.delivered.iter().map(facts).collect(),
        sources: context.store.copies_of(task, job.id).await.map_err(internal)?,
        is_superseded: false,
    };
    fetch(context, task, target, None).await
}
