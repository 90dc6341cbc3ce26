//! Downloads: a result or a remote audio as a stream, without credentials, only from allowed hosts.
//!
//! This file follows redirects, not the HTTP library, so that each address is checked.

use std::{fmt, time::Duration};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_RANGE, LOCATION, RANGE, REFERER},
};
use tokio_util::bytes::Bytes;
use url::Url;

use super::{
    body::retry_after_ms,
    error::ApiError,
    error_class::ErrorClass,
    host_policy::{BlockedAddress, HostPolicy},
    redact::Redactor,
    reply::{ApiAnswer, Reply},
    transport,
};

const REDIRECTS_MAX: usize = 5;

/// A download in progress.
pub struct Fetched {
    /// Where the stream begins: as requested, or 0 if the file changed or the server sends no parts.
    pub from_byte: u64,
    /// The size of the complete file, if the server sent it.
    pub total_bytes: Option<u64>,
    /// Identifies the file, to continue later; none where the server sends no strong one.
    pub etag: Option<String>,
    /// As sent by the server.
    pub content_type: Option<String>,
    /// The bytes from `from_byte` on.
    pub body: BoxStream<'static, Result<Bytes, ApiError>>,
}

impl Fetched {
    /// The next bytes, none at the end.
    ///
    /// # Errors
    /// [`ErrorClass::Transport`] where the stream broke or stopped; a later fetch may continue.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        self.body.next().await.transpose()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("from_byte", &self.from_byte)
            .field("total_bytes", &self.total_bytes)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// What a download needs.
pub(super) struct Downloader<'a> {
    pub(super) http: &'a reqwest::Client,
    pub(super) hosts: &'a HostPolicy,
    pub(super) idle_timeout: Duration,
    pub(super) redactor: Redactor,
    pub(super) referer: Option<&'a str>,
}

impl Downloader<'_> {
    pub(super) async fn fetch(
        self,
        url: &Url,
        from_byte: u64,
        etag: Option<&str>,
    ) -> Reply<Fetched> {
        let mut range = (from_byte > 0).then_some((from_byte, etag));
        loop {
            let response = match self.follow(url, range).await {
                Ok(response) => response,
                Err(error) => return Reply::failed(error),
            };
            if range.is_some() && !fits(&response, from_byte, etag) {
                // The part on disk is from another file: download it from the beginning.
                range = None;
                continue;
            }
            let answer =
                ApiAnswer { http_status: Some(response.status().as_u16()), ..ApiAnswer::default() };
            return Reply {
                answer,
                result: self.stream(response, range.map_or(0, |(from_byte, _)| from_byte)),
            };
        }
    }

    async fn follow(
        &self,
        url: &Url,
        range: Option<(u64, Option<&str>)>,
    ) -> Result<Response, ApiError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            self.hosts.check(&url).map_err(|refused| transport::address_refused(&refused))?;
            let mut request = self.http.get(url.clone());
            if let Some((from_byte, etag)) = range {
                request = request.header(RANGE, format!("bytes={from_byte}-"));
                if let Some(etag) = etag {
                    request = request.header(IF_RANGE, etag);
                }
            }
            if let Some(referer) = self.referer {
                request = request.header(REFERER, referer);
            }
            let host = url.host_str().unwrap_or_default();
            let response = request.send().await.map_err(|error| {
                transport::failure(&error, host, self.idle_timeout, &self.redactor)
            })?;
            let Some(target) = target(&response) else {
                return Ok(response);
            };
            url = target?;
        }
        let message = format!("the download was redirected more than {REDIRECTS_MAX} times");
        Err(ApiError::local(ErrorClass::Transport, message, false))
    }

    fn stream(self, response: Response, from_byte: u64) -> Result<Fetched, ApiError> {
        let status = response.status();
        let host = response.url().host_str().unwrap_or_default().to_owned();
        let (from_byte, total_bytes) = match (status, part(&response)) {
            (StatusCode::OK, _) => (0, response.content_length()),
            (StatusCode::PARTIAL_CONTENT, Some((start, total))) if start == from_byte => {
                (start, total)
            }
            // The complete file is on disk already.
            (StatusCode::RANGE_NOT_SATISFIABLE, _) if from_byte > 0 => (from_byte, Some(from_byte)),
            _ => {
                let message =
                    format!("the download from {host} was answered with HTTP {}", status.as_u16());
                let retry_after_ms = retry_after_ms(response.headers());
                return Err(ApiError {
                    retry_after_ms,
                    ..ApiError::local(ErrorClass::Transport, message, false)
                });
            }
        };
        let etag = strong_etag(&response);
        let content_type = header(&response, CONTENT_TYPE);
        let body = match status {
            StatusCode::RANGE_NOT_SATISFIABLE => stream::empty().boxed(),
            _ => {
                let failed = move |error: reqwest::Error| {
                    let failure =
                        transport::failure(&error, &host, self.idle_timeout, &self.redactor);
                    ApiError { never_left: false, ..failure }
                };
                response.bytes_stream().map(move |chunk| chunk.map_err(&failed)).boxed()
            }
        };
        Ok(Fetched { from_byte, total_bytes, etag, content_type, body })
    }
}

/// Whether an answer to a request for the rest matches the part on disk. Errors do: they are returned unchanged.
fn fits(response: &Response, from_byte: u64, etag: Option<&str>) -> bool {
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let same = etag.is_none()
                || strong_etag(response).is_none_or(|now| Some(now.as_str()) == etag);
            same && part(response).is_some_and(|(start, _)| start == from_byte)
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            header(response, CONTENT_RANGE)
                .and_then(|range| range.strip_prefix("bytes */")?.parse().ok())
                == Some(from_byte)
        }
        _ => true,
    }
}

/// Start of a part and size of the complete file, `bytes 5-9/10` or `bytes 5-9/*`.
fn part(response: &Response) -> Option<(u64, Option<u64>)> {
    let range = header(response, CONTENT_RANGE)?;
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = span.split_once('-')?;
    Some((start.parse().ok()?, total.parse().ok()))
}

/// The target of a redirect; none for another answer.
fn target(response: &Response) -> Option<Result<Url, ApiError>> {
    matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308).then(|| {
        header(response, LOCATION)
            .and_then(|location| response.url().join(&location).ok())
            .ok_or_else(|| {
                transport::address_refused(&BlockedAddress(
                    "a redirect without a valid address".into(),
                ))
            })
    })
}

/// A weak ETag does not promise equal bytes, which is not enough to join two parts.
fn strong_etag(response: &Response) -> Option<String> {
    header(response, ETAG).filter(|etag| etag.starts_with('"') && etag.len() > 2)
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
