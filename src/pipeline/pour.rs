//! The bytes of one video, from the server to its part file.
//!
//! What came before a stream broke is kept, and the next try goes on from there.

use std::fs::File;

use url::Url;

use super::{
    Settings,
    context::Context,
    stop::{Stop, no_result, on_disk},
};
use crate::{
    kling::{Api, Fetched},
    media::video,
    output::{FileFacts, OutputError, Part, VideoKind},
};

/// So many bytes go to the disk at once.
const WRITE_BYTES: usize = 256 << 10;

/// Brings one video to disk as a complete part file.
pub(super) async fn fetch_file<A: Api>(
    context: &Context<A>,
    part: Part,
    kind: VideoKind,
    url: Option<&str>,
) -> Result<(Part, FileFacts), Stop> {
    let url = match (url, kind) {
        (Some(url), _) => {
            Url::parse(url).map_err(|_| no_result("names a result without a valid address"))?
        }
        (None, VideoKind::Result) => return Err(no_result("names a result without an address")),
        (None, VideoKind::Watermark) => return Err(no_result("names no watermarked result")),
    };
    let reply = context.api.fetch(&url, part.bytes(), part.etag()).await;
    let is_not_there = matches!(reply.answer.http_status, Some(404 | 410));
    let mut fetched = reply.result.map_err(|error| match is_not_there {
        true => Stop::NotThere(error),
        false => Stop::Api(error),
    })?;
    let expected_bytes = fetched.total_bytes;
    let (mut part, bytes) = pour(&context.settings, part, &mut fetched).await?;
    let finish = move || {
        begin_and_append(&mut part, bytes)?;
        let facts = part.finish(is_whole, expected_bytes)?;
        Ok((part, facts))
    };
    on_disk(&context.settings, finish).await
}

/// What came and is not written yet; the first of a stream with where it begins, and which file it is of.
#[derive(Default)]
struct Came {
    bytes: Vec<u8>,
    begin: Option<(u64, Option<String>)>,
}

/// Writes what comes to the part, to the end of the stream; the last of it is left to the caller, so that
/// a result that comes in one piece goes to disk in one go. If the stream breaks, what came is kept.
async fn pour(
    settings: &Settings,
    mut part: Part,
    fetched: &mut Fetched,
) -> Result<(Part, Came), Stop> {
    let begin = Some((fetched.from_byte, fetched.etag.take()));
    let mut came = Came { bytes: Vec::new(), begin };
    loop {
        let next = fetched.chunk().await;
        match &next {
            Ok(Some(chunk)) => {
                settings.metrics.record_received_bytes(chunk.len());
                came.bytes.extend_from_slice(chunk);
                if came.bytes.len() < WRITE_BYTES {
                    continue;
                }
            }
            Ok(None) => return Ok((part, came)),
            Err(_) => {}
        }
        let (broke, came) = (next.is_err(), std::mem::take(&mut came));
        part = on_disk(settings, move || {
            begin_and_append(&mut part, came)?;
            if broke {
                part.keep()?;
            }
            Ok(part)
        })
        .await?;
        next?;
    }
}

fn begin_and_append(part: &mut Part, came: Came) -> Result<(), OutputError> {
    if let Some((from_byte, etag)) = came.begin {
        part.begin(from_byte, etag.as_deref())?;
    }
    part.append(&came.bytes)
}

fn is_whole(file: &mut File, bytes: u64) -> Result<(), video::VideoError> {
    video::check_complete(file, bytes).map(drop)
}
