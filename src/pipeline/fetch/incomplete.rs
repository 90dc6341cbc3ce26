//! Downloads that arrive in full and are no complete video.
//!
//! The server may still write the file, so that the download is repeated. Bytes that arrive three times are kept for
//! people, and then the server is asked at growing distances, at last once an hour; after some downloads mostly for the
//! length alone.

use std::path::{Path, PathBuf};

use super::{FetchError, RemoteVideo, on_disk};
use crate::{
    job::TaskId,
    kling::{Api, Fetched},
    output::{FileFacts, OutputError, Part, VideoKind, remove_incomplete},
    pipeline::StepContext,
    store::{IncompleteDownload, KeptDownload},
};

/// The same bytes are kept when they arrive this often in a row.
const KEPT_AFTER: u32 = 3;

/// The time until the next request, after the bytes were kept, and after each download from then on. The first
/// downloads may be within seconds, and a server may need minutes to complete a file.
const FIRST_RESTS_MS: [i64; 3] = [60 * 1000, 5 * 60 * 1000, 20 * 60 * 1000];
const ASKED_EVERY_MS: i64 = 60 * 60 * 1000;

/// So often the bytes are downloaded, the last times hourly. From then on, they are downloaded daily, and the other
/// requests only read what the server announces.
const DOWNLOADS_MAX: u32 = 8;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A download that is no complete video.
pub(super) struct IncompletePart {
    pub(super) part: Part,
    pub(super) facts: FileFacts,
    pub(super) error: OutputError,
    pub(super) etag: Option<String>,
}

/// Whether the bytes need not be downloaded again: the server announces what arrived often enough, and today. Even the
/// same announcement can hide other bytes, such as those of a cache that was repaired.
pub(super) fn is_unchanged(earlier: &IncompleteDownload, announced: &Fetched, now_ms: i64) -> bool {
    let is_same = announced.total_bytes == Some(earlier.bytes) && announced.etag == earlier.etag;
    let is_recent = (0..DAY_MS).contains(&now_ms.saturating_sub(earlier.last_at_ms));
    earlier.times >= DOWNLOADS_MAX && is_same && is_recent
}

/// Counts the download, and keeps its bytes if they arrived often enough. Returns the error of the step.
pub(super) async fn record<A: Api>(
    context: &StepContext<A>,
    video: &RemoteVideo<'_>,
    incomplete: IncompletePart,
) -> Result<FetchError, FetchError> {
    let IncompletePart { part, facts, error: why, etag } = incomplete;
    let arrived = IncompleteDownload {
        sha256: facts.sha256.clone(),
        bytes: facts.bytes,
        etag,
        times: 1,
        last_at_ms: context.clock.now_ms(),
        kept: None,
    };
    let times = context
        .store
        .record_incomplete_download(video.task, video.kind.name(), arrived.clone())
        .await?;
    if times < KEPT_AFTER {
        on_disk(&context.settings, move || part.discard()).await?;
        return Ok(why.into());
    }
    let kept_before = video.incomplete.as_ref().and_then(|earlier| earlier.kept.clone());
    let kept = keep(context, video, kept_before, part, facts).await?;
    Ok(error(video, &IncompleteDownload { times, kept, ..arrived }))
}

/// Keeps the bytes instead of those that were kept before. None: another file has the name.
async fn keep<A: Api>(
    context: &StepContext<A>,
    video: &RemoteVideo<'_>,
    before: Option<KeptDownload>,
    part: Part,
    facts: FileFacts,
) -> Result<Option<KeptDownload>, FetchError> {
    let kept = KeptDownload {
        path: video.kept_at.display().to_string(),
        sha256: facts.sha256.clone(),
        bytes: facts.bytes,
    };
    let outdated = before.clone().filter(|before| *before != kept);
    let to = video.kept_at.clone();
    let done = on_disk(&context.settings, move || {
        outdated.map_or(Ok(()), remove)?;
        part.keep_incomplete(&to, &facts)
    });
    match done.await {
        Ok(()) if before.as_ref() == Some(&kept) => {}
        Ok(()) => {
            let (task, kind) = (video.task, video.kind.name());
            context.store.record_kept_download(task, kind, kept.clone()).await?;
        }
        // The server must not be asked more often because of it.
        Err(FetchError::Output(OutputError::Foreign(_))) => return Ok(None),
        Err(error) => return Err(error),
    }
    Ok(Some(kept))
}

fn remove(KeptDownload { path, sha256, bytes }: KeptDownload) -> Result<(), OutputError> {
    remove_incomplete(&PathBuf::from(path), &FileFacts { sha256, bytes })
}

/// Removes what was kept at a place, because the complete video has arrived.
pub(super) async fn forget<A: Api>(
    context: &StepContext<A>,
    (task, kind): (TaskId, VideoKind),
    kept_at: &Path,
    earlier: Option<IncompleteDownload>,
) -> Result<(), FetchError> {
    let Some(IncompleteDownload { sha256, bytes, kept, .. }) = earlier else { return Ok(()) };
    // Before a crash, the last bytes may have been kept without a record.
    let last = KeptDownload { path: kept_at.display().to_string(), sha256, bytes };
    on_disk(&context.settings, move || kept.into_iter().chain([last]).try_for_each(remove)).await?;
    Ok(context.store.forget_incomplete_download(task, kind.name()).await?)
}

/// Returns why the step failed, with what was kept.
pub(super) fn error(video: &RemoteVideo<'_>, earlier: &IncompleteDownload) -> FetchError {
    let what = match video.kind {
        VideoKind::Result => "the result",
        VideoKind::Watermark => "the watermarked copy",
    };
    let kept = match earlier.kept.as_ref().filter(|kept| kept.sha256 == earlier.sha256) {
        Some(kept) => format!("which are kept as {}", kept.path),
        None => format!("which are not kept, because {} exists", video.kept_at.display()),
    };
    let message = format!(
        "{what} is incomplete at Kling's server: {} downloads in a row brought the same {} bytes, {kept}",
        earlier.times, earlier.bytes,
    );
    let rests = earlier.times.saturating_sub(KEPT_AFTER) as usize;
    let rest_ms = FIRST_RESTS_MS.get(rests).copied().unwrap_or(ASKED_EVERY_MS);
    FetchError::Incomplete { message, rest_ms }
}
