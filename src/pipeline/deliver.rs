//! The delivery of a job's own file, where its task has a verified result: a copy of the file that another job
//! has, else another fetch, which is free while Kling keeps the result.

use super::{
    context::Context,
    download::{Target, fetch, moved, note_moved},
    metadata::record,
    step::Word,
    stop::{Stop, on_disk, told},
};
use crate::{
    failpoint,
    job::{
        BLOCKED, Delivered, DeliveryOutcome, Job, Task,
        outcome::{Fault, Trouble},
    },
    kling::{Api, Meaning},
    output::{self, FileFacts, Metadata, OutputError, Place},
    planted::{Mistake, is_planted},
    store::{Change, DueDelivery, StoreError},
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Delivers once. Returns what the API's answer means for the account.
pub(super) async fn deliver<A: Api>(
    context: &Context<A>,
    due: DueDelivery,
) -> Result<Option<Word>, StoreError> {
    let DueDelivery { job, task } = due;
    let mut word = None;
    let attempt = match bring(context, &job, &task).await {
        Ok(Delivered { sha256, bytes, .. }) => DeliveryOutcome::Delivered { sha256, bytes },
        Err(_) if is_planted(Mistake::SharedNotDelivered) => {
            DeliveryOutcome::Delivered { sha256: String::new(), bytes: 0 }
        }
        Err(stop) => {
            if let Stop::Api(error) = &stop {
                word = Word::of(error);
            }
            failed(context, &job, &task, stop)
        }
    };
    let (moment, policy) = (context.clock.moment(), context.settings.policy.clone());
    failpoint::before("delivery.record");
    let change = context.store.record_delivery(job, attempt, moment, policy).await?;
    failpoint::after("delivery.record");
    change.as_ref().map(Change::log);
    Ok(word)
}

fn failed<A: Api>(context: &Context<A>, job: &Job, task: &Task, stop: Stop) -> DeliveryOutcome {
    let age_ms = context
        .clock
        .now_ms()
        .saturating_sub(task.create.as_ref().map_or(i64::MAX, |create| create.first_sent_at_ms));
    let is_unknown = matches!(&stop, Stop::NotThere(_))
        || matches!(&stop, Stop::Api(error) if error.meaning == Meaning::NotFound);
    if matches!(&stop, Stop::Gone { .. }) || is_unknown && age_ms > RESULT_KEPT_MS {
        let message = format!(
            "the result of task {} is no longer kept: Kling keeps results for 30 days, and no other file \
             of it is left. To pay for another take, type `lipsyncd retry {}`",
            task.task_id.as_deref().unwrap_or("?"),
            job.spec.key
        );
        return DeliveryOutcome::Refused(Fault { code: "result_expired".to_owned(), message });
    }
    let blocked = matches!(&stop, Stop::Output(error) if error.is_passing());
    let Trouble { code, message, retry_after_ms } = told(task, stop);
    let message = if blocked { format!("{BLOCKED}: {message}") } else { message };
    DeliveryOutcome::Failed(Trouble { code, message, retry_after_ms })
}

async fn bring<A: Api>(context: &Context<A>, job: &Job, task: &Task) -> Result<Delivered, Stop> {
    if let Some(delivered) = copy(context, job, task).await? {
        return Ok(delivered);
    }
    let target = Target {
        job: job.id,
        key: job.spec.key.clone(),
        output: job.spec.output.clone(),
        earlier: earlier(job),
        is_superseded: false,
    };
    fetch(context, task, target, None).await
}

fn earlier(job: &Job) -> Vec<FileFacts> {
    let facts =
        |(sha256, bytes): &(String, u64)| FileFacts { sha256: sha256.clone(), bytes: *bytes };
    job.delivered.iter().map(facts).collect()
}

/// Copies the result from the file of another job, if one of them is still what was recorded.
async fn copy<A: Api>(
    context: &Context<A>,
    job: &Job,
    task: &Task,
) -> Result<Option<Delivered>, Stop> {
    let Some(result) = task.result.clone() else { return Ok(None) };
    let internal = |error: StoreError| Stop::Other { code: "internal", message: error.to_string() };
    let sources = context.store.copies_of(task, job.id).await.map_err(internal)?;
    let output_dir = context.settings.output_dir.clone();
    let (output, hash, take) = (job.spec.output.clone(), task.request_hash.clone(), task.take);
    let own = record(context, task, (job.id, &job.spec.key), result.duration_ms).await?;
    let (earlier, watermark, now_ms) = (earlier(job), task.spec.watermark, context.clock.now_ms());
    let copied = on_disk(&context.settings, move || {
        let to = Place::prepare(&output_dir, &output)?;
        let is_complete = |found: &Metadata| !watermark || found.watermark.is_some();
        if let Some(found) = output::already_published(&to, &hash, take)?.filter(is_complete) {
            return Ok(Some((found, Vec::new())));
        }
        let facts = FileFacts { sha256: result.sha256.clone(), bytes: result.bytes };
        for source in &sources {
            let from = Place::prepare(&output_dir, source)?;
            let Some(theirs) = Metadata::read(&from.metadata())? else { continue };
            if theirs.result != facts || !is_complete(&theirs) {
                continue;
            }
            let metadata = Metadata {
                result: facts.clone(),
                watermark: theirs.watermark.filter(|_| watermark),
                finished_at_ms: now_ms,
                ..own.clone()
            };
            match output::copy_result(&from, &to, &metadata) {
                Ok(_) => {}
                Err(OutputError::SourceChanged { .. }) => continue,
                Err(error) => return Err(error),
            }
            let aside = output::publish(&to, &metadata, &earlier)?;
            return Ok(Some((metadata, moved(&output, &aside)?)));
        }
        Ok(None)
    });
    let Some((metadata, moved)) = copied.await? else { return Ok(None) };
    note_moved(context, moved).await?;
    Ok(Some(super::metadata::delivered(&metadata)))
}
