//! Fetching the result of a task: to a part file, checked, and only then under its final name.
//!
//! A result that was paid for is never given up: whatever is in the way is waited out, and the job
//! says what it is.

use std::{ffi::OsStr, path::PathBuf};

use super::{
    context::Context,
    in_the_way::earlier,
    metadata::{delivered, record},
    pace::Kind as Call,
    pour::fetch_file,
    step::{StepEnd, Word},
    stop::{Stop, no_result, on_disk, told},
};
use crate::{
    job::{
        Delivered, JobId, Outcome, State, Task,
        outcome::{Fault, Trouble},
    },
    kling::{Api, Meaning, RemoteTask, ResultVideo},
    output::{self, FileFacts, Kind, Metadata, OutputError, Part, Place, Source},
    planted::{Mistake, is_planted},
    store::{Moved, StoreError},
};

/// Query Task: "generated images/videos will be deleted after 30 days".
const RESULT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Fetches what the task of a job made. `hint` is what the last query said of it.
pub(super) async fn download<A: Api>(
    context: &Context<A>,
    task: Task,
    hint: Option<RemoteTask>,
) -> Result<StepEnd, StoreError> {
    // Read again: the job that it was taken into memory for may ask for another task by now.
    let task = match context.store.task(task.id).await? {
        Some(now) if now.state == State::Downloading => now,
        _ => return Err(StoreError::Stale { key: task.spec.key }),
    };
    let counted = context.settings.metrics.download();
    let (outcome, word) = match fetch(context, &task, Target::of(&task), hint).await {
        Ok(delivered) => (Outcome::Delivered(delivered), None),
        Err(stop @ Stop::Gone { .. }) => {
            let Trouble { code, message, .. } = told(&task, stop);
            (Outcome::Refused(Fault { code, message }), None)
        }
        Err(Stop::Output(error)) if error.is_passing() => {
            (Outcome::Blocked(told(&task, error.into())), None)
        }
        Err(stop) if is_planted(Mistake::PaidAndFailed) => {
            let Trouble { code, message, .. } = told(&task, stop);
            (Outcome::Refused(Fault { code, message }), None)
        }
        Err(stop) => {
            let word = match &stop {
                Stop::Api(error) => Word::of(error),
                _ => None,
            };
            (Outcome::Trouble(told(&task, stop)), word)
        }
    };
    match &outcome {
        Outcome::Delivered(_) => counted.succeeded(),
        _ => counted.failed(),
    }
    Ok(StepEnd::new(context.note(&task, outcome, None).await?, word))
}

/// The file that a result is brought to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The job that it is for, and its key.
    pub(super) job: JobId,
    pub(super) key: String,
    /// The path of its output under the output folder.
    pub(super) output: String,
    /// Files that the database knows to be the job's.
    pub(super) earlier: Vec<FileFacts>,
    /// The result is kept beside a newer one.
    pub(super) is_superseded: bool,
}

impl Target {
    /// The first file of a task.
    fn of(task: &Task) -> Self {
        Self {
            job: task.lead,
            key: task.spec.key.clone(),
            output: task.spec.output.clone(),
            earlier: earlier(task),
            is_superseded: task.is_superseded,
        }
    }
}

/// Brings the result of a task to `target`, unless it is there already. `hint` is what the last query showed.
pub(super) async fn fetch<A: Api>(
    context: &Context<A>,
    task: &Task,
    target: Target,
    hint: Option<RemoteTask>,
) -> Result<Delivered, Stop> {
    let task_id = task.task_id.clone().unwrap_or_default();
    let (output_dir, way) =
        (context.settings.output_dir.clone(), context.room.way_at_once(&target.output));
    let (known, bytes_max) = (task.clone(), context.settings.download_bytes_max);
    let superseded = target.is_superseded;
    let (place, begun) = on_disk(&context.settings, move || {
        let place = way.go(&output_dir)?;
        let published = match superseded {
            false => output::already_published(&place, &known.request_hash, known.take)?,
            true => output::published_aside(&place, &known.request_hash, known.take)?
                .map(|(_, metadata)| metadata),
        };
        // Without its watermarked copy it is not complete.
        let complete = |found: &Metadata| !known.spec.watermark || found.watermark.is_some();
        let task_id = known.task_id.as_deref().unwrap_or_default();
        let parts = if superseded { place.superseded(task_id) } else { place.clone() };
        let begun = match published.filter(complete) {
            Some(metadata) => Begun::Published(Box::new(metadata)),
            None => Begun::Part(open_part(&parts, task_id, Kind::Result, bytes_max)?),
        };
        Ok(((place, parts), begun))
    })
    .await?;
    let part = match begun {
        Begun::Published(metadata) => return Ok(delivered(&metadata)),
        Begun::Part(part) => part,
    };
    let made = match hint.and_then(|remote| Made::seen_just_now(task, remote)) {
        Some(made) => made,
        None => ask_for_result(context, task, &task_id).await?,
    };
    let Made { videos, at_ms, .. } = &made;
    let record = record(context, task, (target.job, &target.key), videos.duration_ms).await?;
    let record = Metadata { created_at_ms: *at_ms, ..record };
    let ((place, parts), clock) = (place, context.clock.clone());
    let (at, earlier, output) = (place.clone(), target.earlier, target.output.clone());
    let publish = move |parts: Vec<Part>, result, watermark| {
        // It is complete on disk now.
        let metadata = Metadata { result, watermark, finished_at_ms: clock.now_ms(), ..record };
        publish(&place, &output, &metadata, superseded, &earlier, parts)
    };
    let url = videos.url.as_deref();
    let (delivered, moved) = if task.spec.watermark {
        let fetched = fetch_file(context, part, Kind::Result, url, |part, facts| Ok((part, facts)));
        let (part, result) = fetched.await.map_err(|stop| made.gone_by_now(stop))?;
        let open = move || open_part(&parts, &task_id, Kind::Watermark, bytes_max);
        let marked = on_disk(&context.settings, open).await?;
        let whole = move |marked, facts| publish(vec![part, marked], result, Some(facts));
        let url = videos.watermark_url.as_deref();
        fetch_file(context, marked, Kind::Watermark, url, whole).await?
    } else {
        let whole = move |part, facts| publish(vec![part], facts, None);
        let fetched = fetch_file(context, part, Kind::Result, url, whole).await;
        fetched.map_err(|stop| made.gone_by_now(stop))?
    };
    context.room.learn(&target.output, &at);
    note_moved(context, moved).await?;
    Ok(delivered)
}

/// Writes where files of other jobs are kept now.
pub(super) async fn note_moved<A: Api>(
    context: &Context<A>,
    moved: Vec<Moved>,
) -> Result<(), Stop> {
    if moved.is_empty() {
        return Ok(());
    }
    let noted = context.store.record_moved(moved).await;
    noted.map_err(|error| Stop::Other { code: "internal", message: error.to_string() })
}

/// Gives the finished parts their names. What is in the way may stay there for long: then the parts are
/// kept, and not fetched again each time. Whether they can be changes nothing of what is reported.
fn publish(
    place: &Place,
    output: &str,
    metadata: &Metadata,
    superseded: bool,
    earlier: &[FileFacts],
    mut parts: Vec<Part>,
) -> Result<(Delivered, Vec<Moved>), OutputError> {
    if is_planted(Mistake::NeverPublished) {
        return Ok((delivered(metadata), Vec::new()));
    }
    let published = match superseded {
        false => output::publish(place, metadata, earlier),
        true => output::publish_superseded(place, metadata).map(|_| Vec::new()),
    };
    match published {
        Ok(aside) => Ok((delivered(metadata), moved(output, &aside)?)),
        Err(error) => {
            parts.iter_mut().for_each(|part| drop(part.keep()));
            Err(error)
        }
    }
}

/// What was set aside, in the words of the database: the metadata beside each file name its task.
pub(super) fn moved(output: &str, aside: &[PathBuf]) -> Result<Vec<Moved>, OutputError> {
    let mut all = Vec::new();
    for path in aside {
        let Some(metadata) = Metadata::read(&path.with_extension("json"))? else { continue };
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { continue };
        let to = match output.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{name}"),
            None => name.to_owned(),
        };
        all.push(Moved {
            from: output.to_owned(),
            to,
            request_hash: metadata.request_hash,
            take: metadata.take,
        });
    }
    Ok(all)
}

/// What is at a job's place.
enum Begun {
    /// All of it, from before a crash.
    Published(Box<Metadata>),
    /// What there is of its result.
    Part(Part),
}

fn open_part(
    place: &Place,
    task_id: &str,
    kind: Kind,
    bytes_max: u64,
) -> Result<Part, OutputError> {
    Part::open(place, Source { task_id, kind }, bytes_max)
}

/// What a task made, when Kling made the task, and how long ago that was.
struct Made {
    videos: ResultVideo,
    at_ms: i64,
    age_ms: i64,
}

impl Made {
    /// The last query showed the result: whatever the clocks say, it is not too old.
    fn seen_just_now(task: &Task, remote: RemoteTask) -> Option<Self> {
        let at_ms = task.made_at_ms(remote.created_at_ms);
        Some(Self { videos: remote.videos.into_iter().next()?, at_ms, age_ms: 0 })
    }

    /// A result that is not where the API just said is waited for, unless it is so old that it is not
    /// kept any more: waiting would never end.
    fn gone_by_now(&self, stop: Stop) -> Stop {
        match stop {
            Stop::NotThere(_) if self.age_ms > RESULT_KEPT_MS => {
                Stop::Gone { made_at_ms: self.at_ms }
            }
            stop => stop,
        }
    }
}

/// The result as the API names it now, and how old its task is.
async fn ask_for_result<A: Api>(
    context: &Context<A>,
    task: &Task,
    task_id: &str,
) -> Result<Made, Stop> {
    context.pace.ready(Call::Query).await;
    let reply = context.api.task(task_id).await;
    // Of all times, those that make the task youngest: either clock may be wrong.
    let now_ms = context.clock.now_ms();
    let now_ms = now_ms.min(reply.answer.server_at_ms.unwrap_or(now_ms));
    let sent_at_ms = task.create.as_ref().map_or(i64::MIN, |create| create.first_sent_at_ms);
    let age_ms = |at_ms: i64| now_ms.saturating_sub(at_ms.max(sent_at_ms));
    let remote = match reply.result {
        Ok(remote) => remote,
        Err(error) => {
            let made_at_ms = task.made_at_ms(None);
            let is_old = age_ms(made_at_ms) > RESULT_KEPT_MS;
            return Err(match error.meaning == Meaning::NotFound && is_old {
                true => Stop::Gone { made_at_ms },
                false => Stop::Api(error),
            });
        }
    };
    if remote.task_id != task_id {
        return Err(no_result("is about another task"));
    }
    let at_ms = task.made_at_ms(remote.created_at_ms);
    let video = remote.videos.into_iter().next().ok_or_else(|| no_result("names no result"))?;
    Ok(Made { videos: video, at_ms, age_ms: age_ms(at_ms) })
}
