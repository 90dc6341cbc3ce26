//! Fetching the result of a task: to a part file, checked, and only then under its final name.
//!
//! A result that was paid for is never given up: whatever is in the way is waited out, and the job
//! says what it is.

use std::path::Path;

use crate::{
    job::{
        Delivered, Outcome, State, Task,
        outcome::{PermanentError, TransientError},
    },
    kling::{Api, RemoteTask},
    output::{self, Kind, Metadata, OutputError, Part, Place, Source},
    pipeline::{
        context::StepContext,
        fetch::copy::{copy_to_parts, is_complete},
        fetch::fetch_error::{FetchError, on_disk, to_transient_error},
        fetch::metadata::{delivered, record},
        fetch::publish::{moved, publish},
        fetch::result_query::{RemoteResult, query_result},
        fetch::target::Target,
        fetch::transfer::fetch_file,
        step::{AccountSignal, StepEnd},
    },
    store::{Moved, StoreError},
};

/// Fetches what the task of a job made. `hint` is what the last query said of it.
pub(crate) async fn download<A: Api>(
    context: &StepContext<A>,
    task: Task,
    hint: Option<RemoteTask>,
) -> Result<StepEnd, StoreError> {
    // Read again: the job that it was taken into memory for may ask for another task by now.
    let task = match context.store.task(task.id).await? {
        Some(now) if now.state == State::Downloading => now,
        _ => return Err(StoreError::Stale { key: task.spec.key }),
    };
    let counted = context.settings.metrics.download();
    let (outcome, signal) = match fetch(context, &task, Target::of(&task), hint).await {
        Ok(None) => return Err(StoreError::Stale { key: task.spec.key }),
        Ok(Some((delivered, moved))) => {
            context.store.record_moved(moved).await?;
            (Outcome::Delivered(delivered), None)
        }
        Err(stop @ FetchError::Gone { .. }) => {
            let TransientError { code, message, .. } = to_transient_error(&task, stop);
            (Outcome::Refused(PermanentError { code, message }), None)
        }
        Err(FetchError::Output(error)) if error.is_passing() => {
            (Outcome::Blocked(to_transient_error(&task, error.into())), None)
        }
        Err(stop) => {
            let signal = match &stop {
                FetchError::Api(error) => AccountSignal::of(error),
                _ => None,
            };
            (Outcome::TransientError(to_transient_error(&task, stop)), signal)
        }
    };
    match &outcome {
        Outcome::Delivered(_) => counted.succeeded(),
        _ => counted.failed(),
    }
    Ok(StepEnd::new(context.record(&task, outcome, None).await?, signal))
}

/// Brings the result of a task to `target`, unless it is there already, and returns which files were set aside for
/// it. `hint` is what the last query showed. Returns none, with nothing published, if the job asks for another task
/// by now, or for this one again.
pub(crate) async fn fetch<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: Target,
    hint: Option<RemoteTask>,
) -> Result<Option<(Delivered, Vec<Moved>)>, FetchError> {
    let way = context.folder_cache.try_place_of(&target.output);
    let (output_dir, wanted) = (context.settings.output_dir.clone(), target.clone());
    let (known, is_at_kling) = (task.clone(), hint.is_some());
    let (place, found, earlier_moves) = on_disk(&context.settings, move || {
        let place = way.go(&output_dir)?;
        // Taken before the parts are opened.
        let was_begun = place.was_begun();
        let found = find(&output_dir, &place, &known, &wanted, is_at_kling)?;
        // Files may have been set aside before a crash, without a word in the database.
        let may_have_moved = was_begun || matches!(found, Found::Published(_));
        let moves = match may_have_moved && !wanted.is_superseded {
            true => moved(&wanted.output, &output::set_aside(&place)?)?,
            false => Vec::new(),
        };
        Ok((place, found, moves))
    })
    .await?;
    let (metadata, parts) = match found {
        Found::Published(metadata) => return Ok(Some((delivered(&metadata), earlier_moves))),
        Found::Copied(theirs) => {
            (metadata_of_copy(context, task, &target, *theirs).await?, Vec::new())
        }
        Found::Nothing => fetch_parts(context, task, &target, &place, hint).await?,
    };
    // A download takes long. An earlier result must not displace the newer one.
    let is_asked_for = context.store.asks_for(target.job, task.id).await.map_err(internal)?;
    if is_asked_for == target.is_superseded {
        return Ok(None);
    }
    let (at, wanted) = (place.clone(), target.clone());
    let published =
        on_disk(&context.settings, move || publish(&at, &metadata, &wanted, parts)).await?;
    context.folder_cache.learn(&target.output, &place);
    let (delivered, mut moves) = published;
    moves.extend(earlier_moves);
    Ok(Some((delivered, moves)))
}

/// What is on disk of a result.
enum Found {
    /// All of it, from before a crash.
    Published(Box<Metadata>),
    /// Its parts, which were copied; with the metadata of their source.
    Copied(Box<Metadata>),
    Nothing,
}

fn find(
    output_dir: &Path,
    place: &Place,
    task: &Task,
    target: &Target,
    is_at_kling: bool,
) -> Result<Found, OutputError> {
    let (hash, take) = (&task.request_hash, task.take);
    let published = match target.is_superseded {
        false => output::already_published(place, hash, take)?,
        true => output::published_aside(place, hash, take)?.map(|(_, metadata)| metadata),
    };
    if let Some(metadata) = published.filter(|found| is_complete(found, task)) {
        return Ok(Found::Published(Box::new(metadata)));
    }
    // A search reads the complete folder: a result that Kling just showed is fetched.
    if target.is_superseded || is_at_kling {
        return Ok(Found::Nothing);
    }
    let copied = copy_to_parts(output_dir, place, task, target)?;
    Ok(copied.map_or(Found::Nothing, |theirs| Found::Copied(Box::new(theirs))))
}

/// What is kept with a copy: what its source has, but for what is the job's own.
async fn metadata_of_copy<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    theirs: Metadata,
) -> Result<Metadata, FetchError> {
    let history_answer = context.store.face_and_labels(task, target.job).await;
    let (_, labels) = history_answer.map_err(internal)?;
    let (job, finished_at_ms) = (target.key.clone(), context.clock.now_ms());
    Ok(Metadata { job, labels, finished_at_ms, ..theirs })
}

/// Fetches the videos of a task to parts.
async fn fetch_parts<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    place: &Place,
    hint: Option<RemoteTask>,
) -> Result<(Metadata, Vec<Part>), FetchError> {
    let task_id = task.task_id.clone().unwrap_or_default();
    let at = if target.is_superseded { place.superseded(&task_id) } else { place.clone() };
    let made = match hint.and_then(|remote| RemoteResult::from_last_poll(task, remote)) {
        Some(made) => made,
        None => query_result(context, task, &task_id).await?,
    };
    let RemoteResult { videos, at_ms, .. } = &made;
    let part = open_part(context, &at, &task_id, Kind::Result).await?;
    let fetched = fetch_file(context, part, Kind::Result, videos.url.as_deref()).await;
    let (part, result) = fetched.map_err(|stop| made.or_expired(stop))?;
    let (mut parts, mut watermark) = (vec![part], None);
    if task.spec.watermark {
        let part = open_part(context, &at, &task_id, Kind::Watermark).await?;
        let url = videos.watermark_url.as_deref();
        let (part, facts) = fetch_file(context, part, Kind::Watermark, url).await?;
        parts.push(part);
        watermark = Some(facts);
    }
    let record = record(context, task, (target.job, &target.key), videos.duration_ms).await?;
    let (created_at_ms, finished_at_ms) = (*at_ms, context.clock.now_ms());
    Ok((Metadata { result, watermark, created_at_ms, finished_at_ms, ..record }, parts))
}

async fn open_part<A: Api>(
    context: &StepContext<A>,
    at: &Place,
    task_id: &str,
    kind: Kind,
) -> Result<Part, FetchError> {
    let (at, task_id) = (at.clone(), task_id.to_owned());
    let bytes_max = context.settings.download_bytes_max;
    let open = move || Part::open(&at, Source { task_id: &task_id, kind }, bytes_max);
    on_disk(&context.settings, open).await
}

pub(crate) fn internal(error: StoreError) -> FetchError {
    FetchError::Other { code: "internal", message: error.to_string() }
}
