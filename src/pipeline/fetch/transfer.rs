//! Transfers one video from the server to its part file.
//!
//! When a stream breaks, the bytes so far are kept, and the next try continues from there.

use std::fs::File;

use url::Url;

use super::{FetchError, on_disk};
use crate::{
    kling::{Api, Fetched},
    media::video,
    output::{FileFacts, OutputError, Part, VideoKind},
    pipeline::{Settings, StepContext},
};

/// How many bytes are written to disk at once.
const WRITE_BYTES: usize = 256 << 10;

/// Downloads one video to a complete part file.
pub(super) async fn fetch_file<A: Api>(
    context: &StepContext<A>,
    part: Part,
    kind: VideoKind,
    url: Option<&str>,
) -> Result<(Part, FileFacts), FetchError> {
    let missing = match kind {
        VideoKind::Result => "has no URL for the result",
        VideoKind::Watermark => "has no URL for the watermarked result",
    };
    let url = url.ok_or_else(|| FetchError::no_result(missing))?;
    let url =
        Url::parse(url).map_err(|_| FetchError::no_result("has an invalid URL for the result"))?;
    let reply = context.api.fetch(&url, part.bytes(), part.etag()).await;
    let is_not_found = matches!(reply.answer.http_status, Some(404 | 410));
    let mut fetched = reply.result.map_err(|error| match is_not_found {
        true => FetchError::NotFound(error),
        false => FetchError::Api(error),
    })?;
    let expected_bytes = fetched.total_bytes;
    let (mut part, received) = transfer(&context.settings, part, &mut fetched).await?;
    let finish = move || {
        append(&mut part, received)?;
        let facts = part.finish(is_whole, expected_bytes)?;
        Ok((part, facts))
    };
    on_disk(&context.settings, finish).await
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

fn is_whole(file: &mut File, bytes: u64) -> Result<(), video::VideoError> {
    video::check_complete(file, bytes).map(drop)
}
