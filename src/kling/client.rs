//! The client: calls of the API over HTTPS, and downloads without credentials.

use std::{fmt, time::Instant};

use reqwest::{
    Method,
    header::{self, HeaderValue},
};
use serde_json::Value;
use tokio_util::bytes::Bytes;
use url::Url;

use super::{
    api::Api,
    bearer::Bearer,
    body::{self, ReadLimits},
    credential::Credential,
    error::ApiError,
    error_class::ErrorClass,
    fetch::{self, Fetched},
    host_policy::HostPolicy,
    lookup::{self, LookupStyle, TASKS_PATH},
    proxy::Proxy,
    refused_request::SentRequest,
    reply::Reply,
    request::{CreateRequest, VideoRef},
    setup::{BuildError, ClientConfig, check_base_url, http, without_roots},
    transport,
    upload::Upload,
    wire::{self, Created, DataError, Identified, RemoteTask, ResourcePack},
};
use crate::{failpoint, loopback::is_loopback};

/// Size limit of an answer, after decompression.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Size limit for each task of a list, whose URLs are signed and long; large pages may exceed the limit above.
const LISTED_TASK_BYTES_MAX: usize = 8 << 10;

/// The API over the network. Cheap to share behind an `Arc`; `Debug` shows no credentials.
pub struct Client {
    api: reqwest::Client,
    remote: reqwest::Client,
    hosts: HostPolicy,
    bearer: Bearer,
    config: ClientConfig,
    /// The API's host, and the proxy on the way, for messages.
    route: String,
}

/// One request to the API, before its credentials are added.
struct ApiRequest {
    method: Method,
    path: String,
    body: Option<Bytes>,
    max_bytes: usize,
}

impl Client {
    /// A client for `config.base_url`. Makes no request.
    pub fn new(config: ClientConfig, credential: Credential) -> Result<Self, BuildError> {
        check_base_url(&config.base_url)?;
        if credential.secrets().iter().any(String::is_empty) {
            return Err(BuildError::Credential("a key or token is empty"));
        }
        let bearer = Bearer::new(credential).map_err(|_| {
            BuildError::Credential("the token has characters that a header cannot contain")
        })?;
        let hosts =
            HostPolicy::new(&config.base_url, &config.allow_hosts, |name| std::env::var(name).ok());
        // Another part of the process may have installed it already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |error: reqwest::Error| BuildError::Http(super::redact::root_cause(&error));
        let local = is_loopback(&config.base_url);
        let api = match config.base_url.scheme() {
            "http" => without_roots(http(&config)).build(),
            _ => http(&config).build(),
        };
        let downloads = || {
            let builder = http(&config).no_gzip().read_timeout(config.idle_timeout);
            builder.dns_resolver(hosts.clone())
        };
        // A machine without root certificates can still work with a simulator.
        let remote = match downloads().build() {
            Err(_) if local => without_roots(downloads()).build(),
            built => built,
        };
        Ok(Self {
            api: api.map_err(failed)?,
            remote: remote.map_err(failed)?,
            hosts,
            bearer,
            route: route(&config.base_url),
            config,
        })
    }

    async fn call(&self, ask: ApiRequest) -> Reply<Option<Value>> {
        let started = Instant::now();
        let mut reply = self.once(&ask).await;
        if let Err(error) = &reply.result {
            let now_ms = (self.config.now_ms)();
            if self.bearer.corrected(error.class, reply.answer.server_at_ms, now_ms) {
                reply = self.once(&ask).await;
            }
        }
        reply.answer.took_ms = elapsed_ms(started);
        reply
    }

    /// [`call`](Self::call), with a fail point around it.
    async fn call_named(&self, point: &'static str, ask: ApiRequest) -> Reply<Option<Value>> {
        failpoint::before(point);
        let reply = self.call(ask).await;
        failpoint::after(point);
        reply
    }

    async fn once(&self, ask: &ApiRequest) -> Reply<Option<Value>> {
        let host = self.config.base_url.host_str().unwrap_or_default();
        let body_bytes = ask.body.as_ref().map_or(0, Bytes::len);
        let bounds = ReadLimits {
            max_bytes: ask.max_bytes,
            timeout: self.config.request_timeout,
            sent: SentRequest { host: host.to_owned(), body_bytes },
        };
        let Ok(authorization) = self.bearer.header((self.config.now_ms)()) else {
            return unsent("the token has characters that a header cannot contain");
        };
        let base = self.config.base_url.as_str().trim_end_matches('/');
        let Ok(url) = Url::parse(&format!("{base}{}", ask.path)) else {
            return unsent("the request has no valid address");
        };
        let redactor = self.bearer.redactor(Some(&authorization));
        let mut request = self
            .api
            .request(ask.method.clone(), url)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/json")
            .timeout(bounds.timeout);
        let upload = Upload::new(body_bytes);
        if let Some(body) = &ask.body {
            let length = HeaderValue::from(body_bytes);
            request =
                request.header(header::CONTENT_LENGTH, length).body(upload.body(body.clone()));
        }
        match request.send().await {
            Ok(response) => body::read(response, &bounds, &redactor).await,
            Err(error) => {
                let failure = transport::failure(&error, &self.route, bounds.timeout, &redactor);
                Reply::failed(upload.explain(failure, error.is_timeout(), bounds.timeout))
            }
        }
    }
}

impl Api for Client {
    async fn identify(&self, video: &VideoRef) -> Reply<Identified> {
        let ask = ApiRequest::post("/v1/videos/identify-face", video.body());
        self.call_named("api.identify", ask).await.and_then(read_by(wire::identified))
    }

    async fn create(&self, request: &CreateRequest) -> Reply<Created> {
        let Ok(body) = request.body() else {
            return unsent("the request cannot be written as JSON");
        };
        let ask = ApiRequest::post(TASKS_PATH, body);
        self.call_named("api.create", ask).await.and_then(read_by(wire::created))
    }

    async fn task(&self, id: &str) -> Reply<RemoteTask> {
        let Some(path) = lookup::task_path(id) else {
            return unsent("a task id cannot be empty, `.` or `..`");
        };
        self.call_named("api.task", ApiRequest::get(path)).await.and_then(read_by(wire::task))
    }

    async fn task_by_name(&self, name: &str, style: LookupStyle) -> Reply<RemoteTask> {
        let read = read_by(|data| lookup::task_by_name(data, name, style));
        let Some(path) = style.path(name) else {
            return unsent("an external_task_id cannot be empty, `.` or `..`");
        };
        self.call_named("api.task_by_name", ApiRequest::get(path)).await.and_then(read)
    }

    async fn tasks(&self, page: u32, page_size: u32) -> Reply<Vec<RemoteTask>> {
        let path = format!("{TASKS_PATH}?pageNum={page}&pageSize={page_size}");
        let page_bytes = usize::try_from(page_size).unwrap_or(0).min(500) * LISTED_TASK_BYTES_MAX;
        let ask =
            ApiRequest { max_bytes: page_bytes.max(ANSWER_BYTES_MAX), ..ApiRequest::get(path) };
        self.call_named("api.tasks", ask).await.and_then(read_by(wire::tasks))
    }

    async fn costs(&self, start_ms: i64, end_ms: i64) -> Reply<Vec<ResourcePack>> {
        let ask =
            ApiRequest::get(format!("/account/costs?start_time={start_ms}&end_time={end_ms}"));
        self.call(ask).await.and_then(read_by(wire::costs))
    }

    async fn fetch(
        &self,
        url: &Url,
        from_byte: u64,
        etag: Option<&str>,
        referer: Option<&str>,
    ) -> Reply<Fetched> {
        let started = Instant::now();
        let way = fetch::Downloader {
            http: &self.remote,
            hosts: &self.hosts,
            idle_timeout: self.config.idle_timeout,
            redactor: self.bearer.redactor(None),
            referer,
        };
        failpoint::before("api.fetch");
        let mut reply = way.fetch(url, from_byte, etag).await;
        failpoint::after("api.fetch");
        reply.answer.took_ms = elapsed_ms(started);
        reply
    }
}

impl ApiRequest {
    fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: None, max_bytes: ANSWER_BYTES_MAX }
    }

    fn post(path: &str, body: Vec<u8>) -> Self {
        Self {
            method: Method::POST,
            path: path.to_owned(),
            body: Some(Bytes::from(body)),
            max_bytes: ANSWER_BYTES_MAX,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Turns a reader of `data` into a reader of results. A success without the data of the call is no usable answer.
pub(super) fn read_by<T>(
    read: impl FnOnce(Option<Value>) -> Result<T, DataError>,
) -> impl FnOnce(Option<Value>) -> Result<T, ApiError> {
    move |data| {
        read(data).map_err(|lack| {
            let (class, words) = match lack {
                DataError::NoTask(words) => (ErrorClass::Empty, words.to_owned()),
                DataError::Unusable(words) => (ErrorClass::Transport, words),
            };
            ApiError::local(class, format!("the API answered success, but {words}"), false)
        })
    }
}

fn route(base_url: &Url) -> String {
    let host = base_url.host_str().unwrap_or_default();
    match Proxy::of(base_url) {
        Some(proxy) => format!("{host} through the proxy {proxy}"),
        None => host.to_owned(),
    }
}

fn unsent<T>(message: &str) -> Reply<T> {
    Reply::failed(ApiError::local(ErrorClass::BadRequest, message.to_owned(), true))
}

fn elapsed_ms(started: Instant) -> u32 {
    u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX)
}
