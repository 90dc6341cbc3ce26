//! The API as a trait.

use std::future::Future;

use url::Url;

use super::{
    fetch::Fetched,
    lookup::LookupStyle,
    reply::Reply,
    request::{CreateRequest, VideoRef},
    wire::{Created, Identified, RemoteTask, ResourcePack},
};

/// The API as the pipeline sees it; a trait, so that tests can replace the network.
///
/// Every call is one request, except where a token was refused as not yet valid (1003) or expired
/// (1004): then a new token is signed and the request is sent again, which is safe because both are refusals. A
/// dropped future leaves the outcome of a [`create`](Api::create) unknown.
pub trait Api: Send + Sync + 'static {
    /// Identify Face: the session and the faces of a video.
    fn identify(&self, video: &VideoRef) -> impl Future<Output = Reply<Identified>> + Send;

    /// Create Task, the paid step. [`ApiError::outcome_is_unknown`](super::ApiError::outcome_is_unknown) says whether an error
    /// leaves the outcome unknown.
    fn create(&self, request: &CreateRequest) -> impl Future<Output = Reply<Created>> + Send;

    /// Query Task (Single), by task id or `external_task_id`. A success without a task is [`ErrorClass::Empty`](super::ErrorClass::Empty).
    fn task(&self, id: &str) -> impl Future<Output = Reply<RemoteTask>> + Send;

    /// Query Task by `external_task_id`. A success without a task of this name is [`ErrorClass::Empty`](super::ErrorClass::Empty); an answer that
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
    /// With `from_byte` above 0 only the rest is requested, if `etag` still matches; [`Fetched::from_byte`] says where
    /// the stream begins. An HTTP error is [`ErrorClass::Transport`](super::ErrorClass::Transport) with the status
    /// in the answer. `referer` is the page that the request claims to come from, for servers that want one.
    fn fetch(
        &self,
        url: &Url,
        from_byte: u64,
        etag: Option<&str>,
        referer: Option<&str>,
    ) -> impl Future<Output = Reply<Fetched>> + Send;
}
