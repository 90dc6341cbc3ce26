//! Sends the files under `/results/`, complete or by range.
//!
//! A result is its source (or an MP4 built by hand) and a `free` box at the end that names the result, so that no two
//! results are equal and a test can recognise each.

use std::{io, ops::Range, path::PathBuf};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::{media_folder::MediaFolder, mp4, result_file::ResultFile};

const ZEROS: &[u8] = &[0; 64 * 1024];

/// A result, ready to be sent from any byte.
pub(super) struct ResultContent {
    name: String,
    source: ResultSource,
    source_bytes: u64,
    filler: Bytes,
    zeros: u64,
}

enum ResultSource {
    File(PathBuf),
    Bytes(Bytes),
}

impl ResultContent {
    /// Builds a result; none when its source is no longer in the media folder.
    pub(super) async fn of(file: ResultFile, folder: &MediaFolder) -> Option<Self> {
        let (source, source_bytes) = match &file.media_path {
            Some(path) => {
                let path = folder.locate(path)?;
                let bytes = tokio::fs::metadata(&path).await.ok()?.len();
                (ResultSource::File(path), bytes)
            }
            None => {
                let bytes = Bytes::from(mp4::build(file.width, file.height, file.length_ms));
                let length = bytes.len() as u64;
                (ResultSource::Bytes(bytes), length)
            }
        };
        let (filler, zeros) = mp4::filler(&file.mark(), source_bytes, file.bytes_min);
        Some(Self { name: file.name, source, source_bytes, filler: filler.into(), zeros })
    }

    const fn bytes(&self) -> u64 {
        self.source_bytes + self.filler.len() as u64 + self.zeros
    }

    /// Answers a request for it: 200, 206 for a range, 416 for one outside.
    pub(super) async fn send(self, request: &HeaderMap) -> io::Result<Response> {
        let whole = self.bytes();
        let etag = format!("\"{}-{whole}\"", self.name.trim_end_matches(".mp4"));
        let unchanged =
            request.get(header::IF_RANGE).is_none_or(|tag| tag.as_bytes() == etag.as_bytes());
        let asked =
            request.get(header::RANGE).filter(|_| unchanged).and_then(|it| it.to_str().ok());
        let (status, range) = match asked.and_then(|asked| parse_range(asked, whole)) {
            None => (StatusCode::OK, 0..whole),
            Some(Ok(range)) => (StatusCode::PARTIAL_CONTENT, range),
            Some(Err(())) => {
                let outside = [(header::CONTENT_RANGE, format!("bytes */{whole}"))];
                return Ok((StatusCode::RANGE_NOT_SATISFIABLE, outside).into_response());
            }
        };
        let content_range =
            format!("bytes {}-{}/{whole}", range.start, range.end.saturating_sub(1));
        let length = range.end - range.start;
        let mut response = Response::new(Body::from_stream(self.stream(range).await?));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.extend(HeaderValue::try_from(etag).map(|etag| (header::ETAG, etag)));
        if status == StatusCode::PARTIAL_CONTENT {
            let range = HeaderValue::try_from(content_range);
            headers.extend(range.map(|range| (header::CONTENT_RANGE, range)));
        }
        Ok(response)
    }

    async fn stream(
        self,
        range: Range<u64>,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
        let filler_at = self.source_bytes;
        let zeros_at = filler_at + self.filler.len() as u64;
        let source = overlap(&range, 0..filler_at);
        let filler = overlap(&range, filler_at..zeros_at);
        let filler = slice(&self.filler, &(filler.start - filler_at..filler.end - filler_at));
        let zeros = overlap(&range, zeros_at..zeros_at + self.zeros);
        let source = match self.source {
            ResultSource::Bytes(bytes) => one(slice(&bytes, &source)).left_stream(),
            ResultSource::File(path) => {
                let mut file = tokio::fs::File::open(path).await?;
                file.seek(io::SeekFrom::Start(source.start)).await?;
                let part = file.take(source.end - source.start);
                ReaderStream::with_capacity(part, ZEROS.len()).right_stream()
            }
        };
        Ok(source.chain(one(filler)).chain(nothing_but_zeros(zeros.end - zeros.start)))
    }
}

fn one(bytes: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::iter((!bytes.is_empty()).then_some(Ok(bytes)))
}

fn nothing_but_zeros(count: u64) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let block = ZEROS.len() as u64;
    let starts = (0..count).step_by(ZEROS.len());
    stream::iter(starts.map(move |start| {
        let bytes = usize::try_from(block.min(count - start)).unwrap_or(ZEROS.len());
        Ok(Bytes::from_static(&ZEROS[..bytes]))
    }))
}

/// The intersection of two ranges; an empty range within `of` if there is none.
fn overlap(range: &Range<u64>, of: Range<u64>) -> Range<u64> {
    let start = range.start.clamp(of.start, of.end);
    start..range.end.clamp(start, of.end)
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |place: u64| usize::try_from(place).map_or(bytes.len(), |at| at.min(bytes.len()));
    bytes.slice(at(range.start)..at(range.end))
}

/// One range of a `Range` header: none for one that must be ignored, an error for one outside.
fn parse_range(text: &str, whole: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.trim(), last.trim()) {
        ("", last) => whole.saturating_sub(last.parse().ok()?)..whole,
        (first, "") => first.parse().ok()?..whole,
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(whole)
        }
    };
    Some(if range.start < range.end { Ok(range) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_standard() {
        for (text, want) in [
            ("bytes=0-", Some(Ok(0..100))),
            ("bytes=10-19", Some(Ok(10..20))),
            ("bytes=90-200", Some(Ok(90..100))),
            ("bytes=-5", Some(Ok(95..100))),
            ("bytes=-500", Some(Ok(0..100))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=9-3", None),
            ("bytes=0-1,5-6", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(parse_range(text, 100), want, "{text}");
        }
    }
}
