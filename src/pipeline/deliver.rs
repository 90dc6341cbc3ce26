//! The delivery of a job's own file, where its task has a verified result: a copy of the file that another job
//! has, else another fetch, which is free while Kling keeps the result.

use super::{
    context::Context,
    download::{fetch, internal},
    step::Word,
    stop::{Stop, told},
    target::Target,
};
use crate::{
    failpoint,
    job::{DeliveryOutcome, Job, ResultFile, Task, outcome::PermanentError},
    kling::Api,
    output::FileFacts,
    store::{DueDelivery, JobChange, MovedFile, StoreError},
};

/// Delivers once. Returns what the API's answer means for the account.
pub(super) async fn deliver<A: Api>(
    context: &Context<A>,
    due: DueDelivery,
) -> Result<Option<Word>, StoreError> {
    let DueDelivery { job, task } = due;
    let (mut word, mut moved) = (None, Vec::new());
    let attempt = match bring(context, &job, &task).await {
        Ok(None) => return Ok(None),
        Ok(Some((ResultFile { sha256, bytes, .. }, aside))) => {
            moved = aside;
            DeliveryOutcome::Delivered { sha256, bytes }
        }
        Err(stop) => {
            if let Stop::Api(error) = &stop {
                word = Word::of(error);
            }
            failed(&job, &task, stop)
        }
    };
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    failpoint::before("delivery.record");
    let change = context.store.record_delivery(job, attempt, moved, moment, policy).await?;
    failpoint::after("delivery.record");
    change.as_ref().map(JobChange::log);
    Ok(word)
}

fn failed(job: &Job, task: &Task, stop: Stop) -> DeliveryOutcome {
    if matches!(&stop, Stop::Gone { .. }) {
        let message = format!(
            "the result of task {} is no longer kept: Kling keeps results for 30 days, and no other file \
             of it is left. To pay for another take, type `lipsyncd retry {}`",
            task.task_id.as_deref().unwrap_or("?"),
            job.spec.key
        );
        return DeliveryOutcome::Refused(PermanentError {
            code: "result_expired".to_owned(),
            message,
        });
    }
    let blocked = matches!(&stop, Stop::Output(error) if error.is_passing());
    match blocked {
        true => DeliveryOutcome::OutputBlocked(told(task, stop)),
        false => DeliveryOutcome::Failed(told(task, stop)),
    }
}

async fn bring<A: Api>(
    context: &Context<A>,
    job: &Job,
    task: &Task,
) -> Result<Option<(ResultFile, Vec<MovedFile>)>, Stop> {
    let facts =
        |(sha256, bytes): &(String, u64)| FileFacts { sha256: sha256.clone(), bytes: *bytes };
    let target = Target {
        job: job.id,
        output: job.spec.output.clone(),
        earlier: job.delivered.iter().map(facts).collect(),
        sources: context.store.copies_of(task, job.id).await.map_err(internal)?,
        is_superseded: false,
    };
    fetch(context, task, target, None).await
}
