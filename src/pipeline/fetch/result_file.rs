//! Brings the result of a task to one file: found on disk, copied, or downloaded; then published.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{FetchError, Target, copy_to_parts, fetch_parts, on_disk};
use crate::{
    job::{ResultFile, Task},
    kling::{Api, RemoteTask},
    output::{self, Metadata, OutputError, OutputPaths, Part},
    pipeline::StepContext,
    store::{MovedFile, ResultId, StoreError},
};

/// Brings the result of a task to `target`, unless it is there already. Returns the file and which earlier files were
/// set aside for it. `polled` is what the last poll showed of the task.
///
/// Returns none, with nothing published, if the job points to another task by now, or to this one again.
pub(super) async fn fetch_result<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: Target,
    polled: Option<RemoteTask>,
) -> Result<Option<(ResultFile, Vec<MovedFile>)>, FetchError> {
    let is_at_kling = polled.is_some();
    let OnDisk { place, found, moved: moved_before } =
        look_on_disk(context, task, &target, is_at_kling).await?;
    if let LocalResult::Published(metadata) | LocalResult::Copied(metadata) = &found {
        keep_verdict(context, task, metadata).await?;
    }
    let (metadata, parts) = match found {
        LocalResult::Published(metadata) => {
            return Ok(Some((to_result_file(&metadata), moved_before)));
        }
        LocalResult::Copied(theirs) => {
            (metadata_of_copy(context, task, &target, *theirs).await?, Vec::new())
        }
        LocalResult::None => fetch_parts(context, task, &target, &place, polled).await?,
    };
    // A download takes long, and an earlier result must not displace a newer one.
    let is_asked_for = context.store.asks_for(target.job, task.id).await?;
    if is_asked_for == target.is_superseded {
        return Ok(None);
    }
    let (at, wanted) = (place.clone(), target.clone());
    let published =
        on_disk(&context.settings, move || publish(&at, &metadata, &wanted, parts)).await?;
    context.folder_cache.remember(&target.output, &place);
    let (delivered, mut moved) = published;
    moved.extend(moved_before);
    Ok(Some((delivered, moved)))
}

/// What a person thinks of the result survives the loss of the database.
async fn keep_verdict<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    metadata: &Metadata,
) -> Result<(), StoreError> {
    let Some(verdict) = metadata.verdict.clone() else { return Ok(()) };
    let result = ResultId { task: task.id, sha256: metadata.result.sha256.clone() };
    context.store.keep_verdict(result, verdict.into()).await
}

struct OnDisk {
    place: OutputPaths,
    found: LocalResult,
    /// Earlier files that were set aside, possibly before a crash and without a record in the database.
    moved: Vec<MovedFile>,
}

enum LocalResult {
    /// The complete result, from before a crash.
    Published(Box<Metadata>),
    /// A copy of it in the parts, with the metadata of its source.
    Copied(Box<Metadata>),
    None,
}

async fn look_on_disk<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    is_at_kling: bool,
) -> Result<OnDisk, FetchError> {
    let known = context.folder_cache.place_of(&target.output);
    let output_dir = context.settings.output_dir.clone();
    let (task, target) = (task.clone(), target.clone());
    on_disk(&context.settings, move || {
        let place = known.map_or_else(|| OutputPaths::prepare(&output_dir, &target.output), Ok)?;
        // Read before the parts are opened.
        let was_begun = place.has_part();
        let found = find_result(&output_dir, &place, &task, &target, is_at_kling)?;
        let may_have_moved = was_begun || matches!(found, LocalResult::Published(_));
        let moved = match may_have_moved && !target.is_superseded {
            true => to_moved(&target.output, &output::list_set_aside(&place)?)?,
            false => Vec::new(),
        };
        Ok(OnDisk { place, found, moved })
    })
    .await
}

fn find_result(
    output_dir: &Path,
    place: &OutputPaths,
    task: &Task,
    target: &Target,
    is_at_kling: bool,
) -> Result<LocalResult, OutputError> {
    let (hash, take) = (&task.request_hash, task.take);
    let published = match target.is_superseded {
        false => output::recover_published(place, hash, take)?,
        true => output::find_set_aside(place, hash, take)?.map(|(_, metadata)| metadata),
    };
    if let Some(metadata) = published {
        return Ok(LocalResult::Published(Box::new(metadata)));
    }
    // A search for a copy reads the complete folder. A result that Kling just showed is downloaded instead.
    if target.is_superseded || is_at_kling {
        return Ok(LocalResult::None);
    }
    let copied = copy_to_parts(output_dir, place, task, target)?;
    Ok(copied.map_or(LocalResult::None, |theirs| LocalResult::Copied(Box::new(theirs))))
}

/// Returns the metadata of a copy: those of its source, with what the job itself asks for.
async fn metadata_of_copy<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    theirs: Metadata,
) -> Result<Metadata, FetchError> {
    let (_, spec) = context.store.face_and_spec(task, target.job).await?;
    Ok(Metadata { finished_at_ms: context.clock.now_ms(), ..theirs.of_job(&spec) })
}

/// Gives the finished parts their names. If that fails, the parts are kept, because the obstacle may last and the
/// result must not be downloaded again each time.
fn publish(
    place: &OutputPaths,
    metadata: &Metadata,
    target: &Target,
    mut parts: Vec<Part>,
) -> Result<(ResultFile, Vec<MovedFile>), OutputError> {
    let published = match target.is_superseded {
        false => output::publish(place, metadata, &target.earlier),
        true => output::publish_superseded(place, metadata).map(|_| Vec::new()),
    };
    match published {
        Ok(set_aside) => Ok((to_result_file(metadata), to_moved(&target.output, &set_aside)?)),
        Err(error) => {
            // Whether a part can be kept changes nothing about the error.
            parts.iter_mut().for_each(|part| drop(part.keep()));
            Err(error)
        }
    }
}

/// Returns what the database records of files that were set aside. The metadata beside each file name its task.
fn to_moved(output: &str, set_aside: &[PathBuf]) -> Result<Vec<MovedFile>, OutputError> {
    let mut all = Vec::new();
    for path in set_aside {
        let Some(metadata) = Metadata::read(&path.with_extension("json"))? else { continue };
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { continue };
        let to = match output.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{name}"),
            None => name.to_owned(),
        };
        all.push(MovedFile {
            from: output.to_owned(),
            to,
            request_hash: metadata.request_hash,
            take: metadata.take,
        });
    }
    Ok(all)
}

fn to_result_file(metadata: &Metadata) -> ResultFile {
    ResultFile {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
