//! Reads answers that do not come from the network like the client's: for a simulation with another
//! [`Api`](super::Api), and for fuzzing.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::{
    body::envelope,
    client::read_by,
    error::ApiError,
    error_class::ErrorClass,
    lookup::{self, LookupStyle},
    redact::Redactor,
    refused_request::SentRequest,
    reply::{ApiAnswer, Reply},
    wire::{self, Created, Identified, RemoteTask, ResourcePack},
};

/// An answer as received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RawAnswer {
    pub http_status: u16,
    /// Its headers; invalid ones are ignored.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub server_at_ms: Option<i64>,
    pub body: Vec<u8>,
    /// Texts that must not appear in messages.
    pub secrets: Vec<String>,
}

impl RawAnswer {
    /// Reads it as the answer to Identify Face.
    pub fn identified(&self) -> Reply<Identified> {
        self.data().and_then(read_by(wire::identified))
    }

    /// Reads it as the answer to Create Task.
    pub fn created(&self) -> Reply<Created> {
        self.data().and_then(read_by(wire::created))
    }

    /// Reads it as the answer to Query Task (Single).
    pub fn task(&self) -> Reply<RemoteTask> {
        self.data().and_then(read_by(wire::task))
    }

    /// Reads it as the answer to a query for the task `name`.
    pub fn task_by_name(&self, name: &str, style: LookupStyle) -> Reply<RemoteTask> {
        self.data().and_then(read_by(|data| lookup::task_by_name(data, name, style)))
    }

    /// Reads it as the answer to Query Task (List).
    pub fn tasks(&self) -> Reply<Vec<RemoteTask>> {
        self.data().and_then(read_by(wire::tasks))
    }

    /// Reads it as the answer to the query of the account's costs.
    pub fn costs(&self) -> Reply<Vec<ResourcePack>> {
        self.data().and_then(read_by(wire::costs))
    }

    fn data(&self) -> Reply<Option<Value>> {
        let answer = ApiAnswer {
            http_status: Some(self.http_status),
            server_at_ms: self.server_at_ms,
            ..ApiAnswer::default()
        };
        let header = |(name, value): &(&str, Vec<u8>)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            name.zip(HeaderValue::from_bytes(value).ok())
        };
        let headers: HeaderMap = self.headers.iter().filter_map(header).collect();
        let redactor = Redactor::new(self.secrets.clone());
        envelope(answer, &headers, &self.body, &SentRequest::default(), &redactor)
    }
}

/// The result of a call without an answer; `never_left`: the request was not sent.
pub fn unanswered<T>(why: &str, never_left: bool) -> Reply<T> {
    Reply::failed(ApiError::local(ErrorClass::Transport, why.to_owned(), never_left))
}
