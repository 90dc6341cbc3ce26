//! A wrapper around the API client that counts calls and notices an outage.
//!
//! One failed call concerns its task alone. Several failures in a row, of any kind of call, are an API problem, which
//! is reported for the complete queue.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use url::Url;

use crate::{
    kling::{
        Api, ApiError, CreateRequest, Created, ErrorClass, Fetched, Identified, LookupStyle,
        RemoteTask, Reply, ResourcePack, VideoRef,
    },
    metrics::{CallResult, MeteredCall, Metrics},
};

/// How many calls in a row without a usable answer are an API problem.
const FAILURES_MIN: u32 = 3;

pub(crate) struct MonitoredApi<A> {
    api: A,
    metrics: Metrics,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    last: Option<ApiError>,
}

impl<A> MonitoredApi<A> {
    pub(crate) fn new(api: A, metrics: Metrics) -> Self {
        Self { api, metrics, failures: Mutex::default() }
    }

    /// Returns the latest error while the API gives no usable answer.
    pub(crate) fn problem(&self) -> Option<ApiError> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.last.clone().filter(|_| failures.in_a_row >= FAILURES_MIN)
    }

    async fn count<T>(
        &self,
        call: MeteredCall,
        request: impl Future<Output = Reply<T>> + Send,
    ) -> Reply<T> {
        let began = Instant::now();
        let reply = request.await;
        self.metrics.record_call(call, code(&reply), began.elapsed());
        reply
    }

    fn observe<T>(&self, reply: Reply<T>) -> Reply<T> {
        let unusable = |error: &&ApiError| {
            matches!(error.class, ErrorClass::Transport | ErrorClass::ServerProblem)
        };
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match reply.result.as_ref().err().filter(unusable) {
            Some(error) => {
                failures.in_a_row = failures.in_a_row.saturating_add(1);
                failures.last = Some(error.clone());
            }
            None => failures.in_a_row = 0,
        }
        drop(failures);
        reply
    }
}

impl<A: Api> Api for MonitoredApi<A> {
    async fn identify(&self, video: &VideoRef) -> Reply<Identified> {
        self.observe(self.count(MeteredCall::Identify, self.api.identify(video)).await)
    }

    async fn create(&self, request: &CreateRequest) -> Reply<Created> {
        self.observe(self.count(MeteredCall::Create, self.api.create(request)).await)
    }

    async fn task(&self, id: &str) -> Reply<RemoteTask> {
        self.observe(self.count(MeteredCall::Task, self.api.task(id)).await)
    }

    async fn task_by_name(&self, name: &str, style: LookupStyle) -> Reply<RemoteTask> {
        self.observe(self.count(MeteredCall::Task, self.api.task_by_name(name, style)).await)
    }

    async fn tasks(&self, page: u32, page_size: u32) -> Reply<Vec<RemoteTask>> {
        self.observe(self.count(MeteredCall::Tasks, self.api.tasks(page, page_size)).await)
    }

    async fn costs(&self, start_ms: i64, end_ms: i64) -> Reply<Vec<ResourcePack>> {
        self.observe(self.count(MeteredCall::Costs, self.api.costs(start_ms, end_ms)).await)
    }

    /// Results and audio files come from other hosts, which say nothing about the API.
    async fn fetch(
        &self,
        url: &Url,
        from_byte: u64,
        etag: Option<&str>,
        referer: Option<&str>,
    ) -> Reply<Fetched> {
        self.count(MeteredCall::Fetch, self.api.fetch(url, from_byte, etag, referer)).await
    }
}

fn code<T>(reply: &Reply<T>) -> CallResult {
    let status = reply.answer.http_status;
    match &reply.result {
        Ok(_) => reply.answer.code.map(CallResult::Api).or(status.map(CallResult::Http)),
        Err(ApiError { class: ErrorClass::AddressRefused, .. }) => Some(CallResult::AddressRefused),
        Err(ApiError { code: Some(code), .. }) => Some(CallResult::Api(*code)),
        Err(_) if matches!(status, Some(200..=299)) => Some(CallResult::Unreadable),
        Err(_) => status.map(CallResult::Http),
    }
    .unwrap_or(CallResult::Transport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kling::ApiAnswer;

    fn reply(class: Option<ErrorClass>) -> Reply<()> {
        let error = |class| ApiError {
            class,
            code: None,
            message: format!("{class:?}"),
            request_id: None,
            retry_after_ms: None,
            never_left: false,
        };
        Reply { answer: ApiAnswer::default(), result: class.map_or(Ok(()), |m| Err(error(m))) }
    }

    #[test]
    fn three_failures_in_a_row_are_a_problem_until_the_next_usable_reply() {
        let monitored = MonitoredApi::new((), Metrics::new());
        for meaning in [ErrorClass::Transport, ErrorClass::ServerProblem] {
            monitored.observe(reply(Some(meaning)));
            assert_eq!(monitored.problem(), None);
        }
        monitored.observe(reply(Some(ErrorClass::Transport)));
        assert_eq!(monitored.problem().unwrap().message, "Transport");
        // A refusal is a usable answer.
        monitored.observe(reply(Some(ErrorClass::NotFound)));
        assert_eq!(monitored.problem(), None);
    }
}
