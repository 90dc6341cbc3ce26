//! Brings the result of a task to one file: found on disk, copied, or downloaded; then published.

use std::path::Path;

use super::{
    copy::{copy_to_parts, is_complete},
    fetch_error::{FetchError, on_disk},
    metadata::to_result_file,
    parts::fetch_parts,
    publish::{publish, to_moved},
    target::Target,
};
use crate::{
    job::{ResultFile, Task},
    kling::{Api, RemoteTask},
    output::{self, Metadata, OutputError, OutputPaths},
    pipeline::context::StepContext,
    store::MovedFile,
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

/// What the output folder has before a download.
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
    let cached = context.folder_cache.try_place_of(&target.output);
    let output_dir = context.settings.output_dir.clone();
    let (task, target) = (task.clone(), target.clone());
    on_disk(&context.settings, move || {
        let place = cached.resolve(&output_dir)?;
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
    if let Some(metadata) = published.filter(|found| is_complete(found, task)) {
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
