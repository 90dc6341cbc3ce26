//! Brings the result of a task to one file: found on disk, copied, or downloaded; then published.

use std::path::Path;

use super::{
    DeliveredFile, FetchError, KnownResult, Target, copy_to_parts, download_result, incomplete,
    on_disk, publish, to_moved, to_result_file,
};
use crate::{
    job::Task,
    kling::Api,
    output::{self, Metadata, OutputError, OutputPaths, Part, PartSource, VideoKind},
    pipeline::StepContext,
    store::{MetadataFacts, MovedFile, ResultId, StoreError},
};

/// Brings the result of a task to `target`, unless it is there already.
///
/// Returns none, with nothing published, if the job points to another task by now, or to this one again.
pub(super) async fn fetch_result<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: Target,
    known: KnownResult,
) -> Result<Option<DeliveredFile>, FetchError> {
    let is_at_kling = known.polled.is_some();
    let OnDisk { place, found, part, moved: moved_before } =
        look_on_disk(context, task, &target, is_at_kling).await?;
    if let LocalResult::Published(metadata) | LocalResult::Copied(metadata) = &found {
        keep_verdict(context, task, metadata).await?;
    }
    let published = match found {
        LocalResult::Published(metadata) => {
            // A crash may have come before.
            let kind = VideoKind::Result;
            let kept_at = target.parts_at(task, &place).incomplete(kind);
            incomplete::forget(context, (task.id, kind), &kept_at, known.incomplete).await?;
            return Ok(Some((to_result_file(&metadata), moved_before)));
        }
        LocalResult::Copied(theirs) => {
            publish_copy(context, task, &target, (&place, *theirs)).await?
        }
        LocalResult::None => download_result(context, task, &target, (&place, part), known).await?,
    };
    let Some((delivered, mut moved)) = published else { return Ok(None) };
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
    /// The part of a result that must be downloaded. None if that is not certain yet.
    part: Option<Part>,
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
    let folder_cache = context.folder_cache.clone();
    let output_dir = context.settings.output_dir.clone();
    let bytes_max = context.settings.download_bytes_max;
    let (task, target) = (task.clone(), target.clone());
    on_disk(&context.settings, move || {
        let found_place = folder_cache.find(&output_dir, &target.output)?;
        let place = &found_place.place;
        // Read before the parts are opened.
        let was_begun = place.has_part();
        let found = find_result(&output_dir, place, &task, &target, is_at_kling)?;
        let may_have_moved = was_begun || matches!(found, LocalResult::Published(_));
        let moved = match may_have_moved && !target.is_superseded {
            true => to_moved(&target.output, &output::list_set_aside(place)?)?,
            false => Vec::new(),
        };
        // One step on disk instead of two.
        let part = match found {
            LocalResult::None if is_at_kling => {
                let task_id = task.task_id.as_deref().unwrap_or_default();
                let source = PartSource { task_id, kind: VideoKind::Result };
                let part = Part::open(&target.parts_at(&task, place), source, bytes_max)?;
                folder_cache.remember(&target.output, &found_place);
                Some(part)
            }
            _ => None,
        };
        Ok(OnDisk { place: found_place.place, found, part, moved })
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

/// Publishes a copy. Its metadata are those of its source, with what the job itself asks for. Returns none if the job
/// points to another task by now, or to this one again.
async fn publish_copy<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    target: &Target,
    (place, theirs): (&OutputPaths, Metadata),
) -> Result<Option<DeliveredFile>, FetchError> {
    let MetadataFacts { spec, is_asked_for, .. } =
        context.store.metadata_facts(task, target.job).await?;
    if is_asked_for == target.is_superseded {
        return Ok(None);
    }
    let metadata = Metadata { finished_at_ms: context.clock.now_ms(), ..theirs.of_job(&spec) };
    let (place, wanted) = (place.clone(), target.clone());
    let publish_it = move || publish(&place, &metadata, &wanted, Vec::new());
    on_disk(&context.settings, publish_it).await.map(Some)
}
