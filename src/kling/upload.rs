//! The body of a request, which shows how much of it was taken to be sent.
//!
//! A create request whose body was not taken to its end was certainly not accepted: what arrived is no complete JSON.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::stream;
use reqwest::Body;
use tokio_util::bytes::Bytes;

use super::error::ApiError;

/// A body of more bytes is large because of its audio file.
const LARGE_BYTES: usize = 1_000_000;

/// The body is taken in parts of this size, so that the last one is taken late.
const PART_BYTES: usize = 64 << 10;

/// How much of a body the HTTP library has taken. Of what it took, nobody knows how much has left the machine.
pub(super) struct Upload {
    total: usize,
    taken: Arc<AtomicUsize>,
}

impl Upload {
    pub(super) fn new(total: usize) -> Self {
        Self { total, taken: Arc::default() }
    }

    /// Returns the body to send. The request needs a Content-Length, or it is sent in chunks.
    pub(super) fn body(&self, bytes: Bytes) -> Body {
        let taken = Arc::clone(&self.taken);
        let parts = stream::unfold((bytes, taken), |(mut rest, taken)| async move {
            if rest.is_empty() {
                return None;
            }
            let part = rest.split_to(rest.len().min(PART_BYTES));
            taken.fetch_add(part.len(), Ordering::AcqRel);
            Some((Ok::<_, Infallible>(part), (rest, taken)))
        });
        Body::wrap_stream(parts)
    }

    /// Returns the error of a request that got no answer, with what is known about its body.
    pub(super) fn explain(&self, error: ApiError, is_timeout: bool, limit: Duration) -> ApiError {
        let taken = self.taken.load(Ordering::Acquire);
        if error.never_left || taken >= self.total {
            return error;
        }
        let total = size(self.total);
        let is_large = self.total > LARGE_BYTES;
        let advice = if is_large { "; raise it, or use a smaller audio file" } else { "" };
        let message = match is_timeout {
            true => format!(
                "the request body of {total} was not sent within kling.request_timeout ({}s){advice}",
                limit.as_secs_f64()
            ),
            false => {
                format!("the request body of {total} was not sent to its end: {}", error.message)
            }
        };
        ApiError { message, never_left: true, ..error }
    }
}

/// A number of bytes for people.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..100_000 => format!("{bytes} bytes"),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
