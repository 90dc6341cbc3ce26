//! The Kling lip-sync API: its JSON as spelled, authentication, what each error code means, the client.
//!
//! Owns every byte that goes to the API or comes from it. It must not decide what happens next (no
//! retries but the two a refused token allows), know of jobs, or write files. It imports nothing of
//! the other modules.

use std::future::Future;

use url::Url;

mod answer;
mod bearer;
mod body;
mod client;
mod credential;
mod decimal;
mod error;
mod error_class;
mod fetch;
mod host_policy;
mod lookup;
pub mod offline;
mod oversize;
mod redact;
mod reply;
mod request;
mod transport;
mod wire;

pub use answer::{
    Created, Face, Identified, ParentVideo, RemoteTask, ResourcePack, ResultVideo, TaskStatus,
};
pub use client::{BuildError, Client, ClientConfig};
pub use credential::Credential;
pub use error::ApiError;
pub use error_class::ErrorClass;
pub use fetch::Fetched;
pub use lookup::{LookupStyle, UnknownSpelling};
pub use reply::{ApiAnswer, Reply};
pub use request::{AudioSource, CreateRequest, VideoRef};

/// The API as the pipeline sees it; a trait, so that something else than the network can stand
/// behind it.
///
/// Every call is one request, except where a token was refused as not yet valid (1003) or expired
/// (1004): then it is signed anew and sent once more, which is safe because both are refusals. A
/// dropped future leaves the outcome of a [`create`](Api::create) unknown.
pub trait Api: Send + Sync + 'static {
    /// Identify Face: the session and the faces of a video.
    fn identify(&self, video: &VideoRef) -> impl Future<Output = Reply<Identified>> + Send;

    /// Create Task, the paid step. Whether an error leaves the outcome open is told by
    /// [`ApiError::outcome_is_unknown`].
    fn create(&self, request: &CreateRequest) -> impl Future<Output = Reply<Created>> + Send;

    /// Query Task (Single), by task id or `external_task_id`. A success without a task is [`ErrorClass::Empty`].
    fn task(&self, id: &str) -> impl Future<Output = Reply<RemoteTask>> + Send;

    /// Query Task by `external_task_id`. A success without a task of this name is [`ErrorClass::Empty`]; an answer that
    /// shows another `external_task_id` is not the task. An answer that shows none counts, but in a list.
    fn task_by_name(
        &self,
        name: &str,
        style: LookupStyle,
    ) -> impl Future<Output = Reply<RemoteTask>> + Send;

    /// Query Task (List): `page` 1..=1000, `page_size` 1..=500. Entries without a task id are left out.
    fn tasks(
        &self,
        page: u32,
        page_size: u32,
    ) -> impl Future<Output = Reply<Vec<RemoteTask>>> + Send;

    /// The account's resource packs between two Unix times; a free query.
    fn costs(
        &self,
        start_ms: i64,
        end_ms: i64,
    ) -> impl Future<Output = Reply<Vec<ResourcePack>>> + Send;

    /// A result, or a remote audio, as a stream; no credentials are sent.
    ///
    /// With `from_byte` above 0 the rest is asked for, on condition that `etag` still holds;
    /// [`Fetched::from_byte`] tells what came. An HTTP error is [`ErrorClass::Transport`] with the status
    /// in the answer.
    fn fetch(
        &self,
        url: &Url,
        from_byte: u64,
        etag: Option<&str>,
    ) -> impl Future<Output = Reply<Fetched>> + Send;
}

#[cfg(test)]
mod tests;
