//! A way in for fuzzing: the bytes of an answer, read as each call reads them, without a server.
//!
//! Built for tests and for `cargo fuzz` alone; decides nothing of its own.

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::Value;

use super::{
    Answer, Created, Identified, Reply, ResourcePack, Task, body, client::read_by, text::Redactor,
    wire,
};

/// An HTTP answer as it came.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    /// Its status.
    pub http_status: u16,
    /// What stands in each header that is read, if a header can hold it.
    pub header: &'a [u8],
    /// Its body.
    pub body: &'a [u8],
    /// What must not be told of it.
    pub secret: &'a str,
}

/// One answer, as each call would take it.
#[derive(Debug)]
pub struct Readings {
    /// By Identify Face.
    pub identified: Reply<Identified>,
    /// By Create Task.
    pub created: Reply<Created>,
    /// By Query Task (Single).
    pub task: Reply<Task>,
    /// By Query Task (List).
    pub tasks: Reply<Vec<Task>>,
    /// By the query of the account's costs.
    pub costs: Reply<Vec<ResourcePack>>,
}

/// Reads an answer in every way there is.
#[must_use]
pub fn read(raw: Raw<'_>) -> Readings {
    Readings {
        identified: envelope(raw).and_then(read_by(wire::identified)),
        created: envelope(raw).and_then(read_by(wire::created)),
        task: envelope(raw).and_then(read_by(wire::task)),
        tasks: envelope(raw).and_then(read_by(wire::tasks)),
        costs: envelope(raw).and_then(read_by(wire::costs)),
    }
}

fn envelope(raw: Raw<'_>) -> Reply<Option<Value>> {
    let answer = Answer { http_status: Some(raw.http_status), ..Answer::default() };
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(raw.header) {
        for name in [CONTENT_TYPE, DATE, RETRY_AFTER] {
            headers.insert(name, value.clone());
        }
    }
    body::envelope(answer, &headers, raw.body, &Redactor::new(vec![raw.secret.to_owned()]))
}
