//! The bytes of one video, from the server to its part file.
//!
//! What came before a stream broke is kept, and the next try goes on from there.

use std::fs::File;

use url::Url;

use crate::{
    kling::{Api, Fetched},
    media::video,
    output::{FileFacts, Kind, OutputError, Part},
    pipeline::{
        context::StepContext,
        fetch::fetch_error::{FetchError, no_result, on_disk},
        settings::Settings,
    },
};

/// So many bytes go to the disk at once.
const WRITE_BYTES: usize = 256 << 10;

/// Brings one video to disk as a complete part file.
pub(crate) async fn fetch_file<A: Api>(
    context: &StepContext<A>,
    part: Part,
    kind: Kind,
    url: Option<&str>,
) -> Result<(Part, FileFacts), FetchError> {
    let url = match (url, kind) {
        (Some(url), _) => {
            Url::parse(url).map_err(|_| no_result("names a result without a valid address"))?
        }
        (None, Kind::Result) => return Err(no_result("names a result without an address")),
        (None, Kind::Watermark) => return Err(no_result("names no watermarked result")),
    };
    let reply = context.api.fetch(&url, part.bytes(), part.etag()).await;
    let is_not_there = matches!(reply.answer.http_status, Some(404 | 410));
    let mut fetched = reply.result.map_err(|error| match is_not_there {
        true => FetchError::NotThere(error),
        false => FetchError::Api(error),
    })?;
    let expected_bytes = fetched.total_bytes;
    let (mut part, bytes) = transfer(&context.settings, part, &mut fetched).await?;
    let finish = move || {
        begin_and_append(&mut part, bytes)?;
        let facts = part.finish(is_whole, expected_bytes)?;
        Ok((part, facts))
    };
    on_disk(&context.settings, finish).await
}

/// What came and is not written yet; the first of a stream with where it begins, and which file it is of.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    begin: Option<(u64, Option<String>)>,
}

/// Writes what comes to the part, to the end of the stream; the last of it is left to the caller, so that
/// a result that comes in one piece goes to disk in one go. If the stream breaks, what came is kept.
async fn transfer(
    settings: &Settings,
    mut part: Part,
    fetched: &mut Fetched,
) -> Result<(Part, Received), FetchError> {
    let begin = Some((fetched.from_byte, fetched.etag.take()));
    let mut received = Received { bytes: Vec::new(), begin };
    loop {
        let next = fetched.chunk().await;
        match &next {
            Ok(Some(chunk)) => {
                settings.metrics.received(chunk.len());
                received.bytes.extend_from_slice(chunk);
                if received.bytes.len() < WRITE_BYTES {
                    continue;
                }
            }
            Ok(None) => return Ok((part, received)),
            Err(_) => {}
        }
        let (broke, received) = (next.is_err(), std::mem::take(&mut received));
        part = on_disk(settings, move || {
            begin_and_append(&mut part, received)?;
            if broke {
                part.keep()?;
            }
            Ok(part)
        })
        .await?;
        next?;
    }
}

fn begin_and_append(part: &mut Part, received: Received) -> Result<(), OutputError> {
    if let Some((from_byte, etag)) = received.begin {
        part.begin(from_byte, etag.as_deref())?;
    }
    part.append(&received.bytes)
}

fn is_whole(file: &mut File, bytes: u64) -> Result<(), video::VideoError> {
    video::is_whole(file, bytes).map(drop)
}
