//! Transfers one video from the server to its part file.
//!
//! When a stream breaks, the bytes so far are kept, and the next try continues from there.

use std::fs::File;

use url::Url;

use super::{FetchError, IncompletePart, RemoteVideo, incomplete, on_disk};
use crate::{
    kling::{Api, Fetched},
    media::video::{self, VideoError},
    output::{FileFacts, OutputError, Part, VideoKind},
    pipeline::{Settings, StepContext},
    store::IncompleteDownload,
};

/// How many bytes are written to disk at once.
const WRITE_BYTES: usize = 256 << 10;

/// A complete video in its part file.
pub(super) struct FetchedFile {
    pub(super) part: Part,
    pub(super) facts: FileFacts,
    /// Measured in the file; none: its boxes do not say.
    pub(super) length_ms: Option<i64>,
}

/// Downloads one video to a complete part file.
pub(super) async fn fetch_file<A: Api>(
    context: &StepContext<A>,
    part: Part,
    video: &RemoteVideo<'_>,
) -> Result<FetchedFile, FetchError> {
    let earlier = context.store.incomplete_download(video.task, video.kind.name()).await?;
    let mut fetched = match request(context, &part, video, earlier.as_ref()).await {
        Ok(fetched) => fetched,
        Err(error) => {
            // The copy may never come. For the result, an open part shows that its files were begun.
            if video.kind == VideoKind::Watermark && part.bytes() == 0 {
                on_disk(&context.settings, move || part.discard()).await?;
            }
            return Err(error);
        }
    };
    let expected_bytes = fetched.total_bytes;
    let etag = fetched.etag.clone();
    let (mut part, received) = transfer(&context.settings, part, &mut fetched).await?;
    let finish = move || {
        append(&mut part, received)?;
        check(part, expected_bytes, etag)
    };
    match on_disk(&context.settings, finish).await? {
        Ok(fetched) => {
            if let Some(earlier) = earlier {
                incomplete::forget(context, video, earlier).await?;
            }
            Ok(fetched)
        }
        Err(incomplete) => Err(incomplete::record(context, video, earlier, incomplete).await?),
    }
}

/// Asks the server for a video. Fails if the server still has the incomplete file that is kept already.
async fn request<A: Api>(
    context: &StepContext<A>,
    part: &Part,
    video: &RemoteVideo<'_>,
    earlier: Option<&IncompleteDownload>,
) -> Result<Fetched, FetchError> {
    let missing = match video.kind {
        VideoKind::Result => "has no URL for the result",
        VideoKind::Watermark => "has no URL for the watermarked result",
    };
    let url = video.url.ok_or_else(|| FetchError::no_result(missing))?;
    let url =
        Url::parse(url).map_err(|_| FetchError::no_result("has an invalid URL for the result"))?;
    let reply = context.api.fetch(&url, part.bytes(), part.etag(), video.referer).await;
    let fetched = reply.result.map_err(|error| match reply.answer.http_status {
        Some(404 | 410) => FetchError::NotFound(error),
        // Those of these that ask to wait say nothing about the request.
        Some(400..=499) if !matches!(reply.answer.http_status, Some(408 | 425 | 429)) => {
            FetchError::NotAllowed(error)
        }
        _ => FetchError::Api(error),
    })?;
    match earlier {
        Some(earlier) if incomplete::is_unchanged(earlier, &fetched, context.clock.now_ms()) => {
            Err(incomplete::error(video, earlier))
        }
        _ => Ok(fetched),
    }
}

/// Checks that a part is a complete video. Something else than a video, such as the page of a proxy, is removed.
fn check(
    mut part: Part,
    expected_bytes: Option<u64>,
    etag: Option<String>,
) -> Result<Result<FetchedFile, IncompletePart>, OutputError> {
    let (mut length_ms, mut is_video) = (None, true);
    let is_whole = |file: &mut File, bytes: u64| -> Result<(), VideoError> {
        let checked = video::check_complete(file, bytes);
        is_video = !matches!(checked, Err(VideoError::Foreign(_)));
        length_ms = checked?.length_ms;
        Ok(())
    };
    match part.finish(is_whole, expected_bytes) {
        Ok(facts) => Ok(Ok(FetchedFile { part, facts, length_ms })),
        Err(OutputError::Incomplete { path, why, facts }) => {
            let error = OutputError::Broken { path, why };
            if is_video {
                return Ok(Err(IncompletePart { part, facts, error, etag }));
            }
            part.discard()?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Bytes that are not written yet.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    /// Before the first write: where the stream starts in the file, and the ETag of the file.
    start: Option<(u64, Option<String>)>,
}

/// Writes a stream to the part, to its end. The last bytes are returned, so that a small result is written and finished
/// at once. If the stream breaks, the bytes so far are kept on disk.
async fn transfer(
    settings: &Settings,
    mut part: Part,
    fetched: &mut Fetched,
) -> Result<(Part, Received), FetchError> {
    let start = Some((fetched.from_byte, fetched.etag.take()));
    let mut received = Received { bytes: Vec::new(), start };
    loop {
        let next = fetched.chunk().await;
        match &next {
            Ok(Some(chunk)) => {
                settings.metrics.record_received_bytes(chunk.len());
                received.bytes.extend_from_slice(chunk);
                if received.bytes.len() < WRITE_BYTES {
                    continue;
                }
            }
            Ok(None) => return Ok((part, received)),
            Err(_) => {}
        }
        let (is_broken, received) = (next.is_err(), std::mem::take(&mut received));
        part = on_disk(settings, move || {
            append(&mut part, received)?;
            if is_broken {
                part.keep()?;
            }
            Ok(part)
        })
        .await?;
        next?;
    }
}

fn append(part: &mut Part, received: Received) -> Result<(), OutputError> {
    if let Some((from_byte, etag)) = received.start {
        part.begin(from_byte, etag.as_deref())?;
    }
    part.append(&received.bytes)
}
