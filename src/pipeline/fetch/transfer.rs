//! Transfers one video from the server to its part file.
//!
//! When a stream breaks, the bytes so far are kept, and the next try continues from there.

use std::fs::File;

use url::Url;

use super::{
    FetchError, IncompletePart, RemoteVideo, incomplete, on_disk,
    pieces::{Next, Piece, Pieces},
};
use crate::{
    kling::{Api, Fetched},
    media::video::{self, VideoError},
    output::{FileFacts, OutputError, Part, VideoKind},
    pipeline::{Settings, StepContext},
};

/// A complete video in its part file.
pub(super) struct FetchedFile {
    pub(super) part: Part,
    pub(super) facts: FileFacts,
    /// Measured in the file; none: its boxes do not say.
    pub(super) length_ms: Option<i64>,
}

/// A video that was received to its end.
pub(super) struct ReceivedFile {
    part: Part,
    /// The last bytes are not written yet.
    last: Piece,
    expected_bytes: Option<u64>,
    etag: Option<String>,
}

/// Receives one video. All but the last bytes are in the part file then.
pub(super) async fn receive<A: Api>(
    context: &StepContext<A>,
    part: Part,
    video: &RemoteVideo<'_>,
) -> Result<ReceivedFile, FetchError> {
    let mut fetched = match request(context, &part, video).await {
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
    let (part, last) = transfer(&context.settings, part, &mut fetched).await?;
    Ok(ReceivedFile { part, last, expected_bytes, etag })
}

/// Writes and checks what is left of a video, and does `then` with the complete file in the same step on disk.
pub(super) async fn complete<A: Api, T: Send + 'static>(
    context: &StepContext<A>,
    video: &RemoteVideo<'_>,
    received: ReceivedFile,
    then: impl FnOnce(FetchedFile) -> Result<T, OutputError> + Send + 'static,
) -> Result<T, FetchError> {
    let ReceivedFile { mut part, last, expected_bytes, etag } = received;
    let finish = move || {
        append(&mut part, last)?;
        match check(part, expected_bytes, etag)? {
            Ok(fetched) => then(fetched).map(Ok),
            Err(incomplete) => Ok(Err(incomplete)),
        }
    };
    match on_disk(&context.settings, finish).await? {
        Ok(done) => {
            let (id, earlier) = ((video.task, video.kind), video.incomplete.clone());
            incomplete::forget(context, id, &video.kept_at, earlier).await?;
            Ok(done)
        }
        Err(incomplete) => Err(incomplete::record(context, video, incomplete).await?),
    }
}

/// Asks the server for a video. Fails if the server still has the incomplete file that is kept already.
async fn request<A: Api>(
    context: &StepContext<A>,
    part: &Part,
    video: &RemoteVideo<'_>,
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
    match &video.incomplete {
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

/// Writes a stream to the part, to its end. The last bytes are returned, so that a small result is written and finished
/// at once. If the stream breaks, the bytes so far are kept on disk.
async fn transfer(
    settings: &Settings,
    mut part: Part,
    fetched: &mut Fetched,
) -> Result<(Part, Piece), FetchError> {
    let start = Some((fetched.from_byte, fetched.etag.take()));
    let mut pieces = Pieces::new(&settings.metrics, fetched);
    let (mut piece, mut end) = pieces.next(Vec::new(), start).await;
    let mut written = Vec::new();
    loop {
        match end {
            Ok(Next::Piece) => {}
            Ok(Next::End) => return Ok((part, piece)),
            Err(broken) => {
                let keep = move || {
                    append(&mut part, piece)?;
                    part.keep()
                };
                on_disk(settings, keep).await?;
                return Err(broken.into());
            }
        }
        let write = move || {
            let written = append(&mut part, piece)?;
            Ok((part, written))
        };
        // The next bytes are received while these are written. A write that fails ends the download at once.
        let next = async { Ok(pieces.next(written, None).await) };
        ((part, written), (piece, end)) = tokio::try_join!(on_disk(settings, write), next)?;
    }
}

/// Returns the buffer of the piece, empty.
fn append(part: &mut Part, piece: Piece) -> Result<Vec<u8>, OutputError> {
    let Piece { mut bytes, start } = piece;
    if let Some((from_byte, etag)) = start {
        part.begin(from_byte, etag.as_deref())?;
    }
    part.append(&bytes)?;
    bytes.clear();
    Ok(bytes)
}
