//! Answers from elsewhere than the network, read just as the client reads those from it: for a simulation
//! in which something else stands behind [`Api`](super::Api).

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::Value;

use super::{
    answer::{Created, Identified, Task},
    body::envelope,
    client::read_by,
    error::ApiError,
    meaning::Meaning,
    reply::{Answer, Reply},
    text::Redactor,
    wire,
};

/// An answer as it came, before anything was made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawAnswer {
    /// The HTTP status.
    pub http_status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after_s: Option<u64>,
    /// The server's clock.
    pub server_at_ms: Option<i64>,
    /// The body.
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// What it says as the answer to Identify Face.
    pub fn identified(&self) -> Reply<Identified> {
        self.data().and_then(read_by(wire::identified))
    }

    /// What it says as the answer to Create Task.
    pub fn created(&self) -> Reply<Created> {
        self.data().and_then(read_by(wire::created))
    }

    /// What it says as the answer to Query Task (Single).
    pub fn task(&self) -> Reply<Task> {
        self.data().and_then(read_by(wire::task))
    }

    /// What it says as the answer to Query Task (List).
    pub fn tasks(&self) -> Reply<Vec<Task>> {
        self.data().and_then(read_by(wire::tasks))
    }

    fn data(&self) -> Reply<Option<Value>> {
        let answer = Answer {
            http_status: Some(self.http_status),
            server_at_ms: self.server_at_ms,
            ..Answer::default()
        };
        let mut headers = HeaderMap::new();
        headers.extend(self.retry_after_s.map(|s| (RETRY_AFTER, HeaderValue::from(s))));
        envelope(answer, &headers, &self.body, &Redactor::new(Vec::new()))
    }
}

/// What comes of a call that was never answered; `never_left`: it could not even be sent.
pub fn unanswered<T>(why: &str, never_left: bool) -> Reply<T> {
    let error = ApiError::local(Meaning::Transport, why.to_owned(), never_left);
    Reply { answer: Answer::default(), result: Err(error) }
}
