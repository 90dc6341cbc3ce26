//! Single requests to a bucket, each signed when it is sent.

use std::{
    error::Error as _,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{
    Body, Client, Method, RequestBuilder, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LAST_MODIFIED, RANGE},
    redirect, retry,
};
use rusty_s3::{Credentials, S3Action, UrlStyle};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{
    answer::{ErrorAnswer, date_ms},
    error::UploadError,
    region,
};

/// How long a request may be sent after it was signed: as long as S3 allows clocks to differ.
const SIGNATURE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Time limit of a request that sends and gets little.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Where the bucket is.
#[derive(Debug, Clone)]
pub struct BucketConfig {
    /// URL of the storage, without the bucket.
    pub endpoint: Url,
    /// Name of the bucket.
    pub bucket: String,
    /// Region of the bucket; none: from the endpoint, or from what the storage answers.
    pub region: Option<String>,
    /// Whether the bucket is in the path of a URL, and not in its host name.
    pub path_style: bool,
    /// What the key of each object begins with.
    pub prefix: String,
    /// How long a link is valid.
    pub link_ttl: Duration,
    /// For one connection, name and TLS included.
    pub connect_timeout: Duration,
    /// The wall clock, as Unix time.
    pub now_ms: fn() -> i64,
}

/// An object in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredObject {
    /// Its size.
    pub bytes: u64,
    /// When (Unix ms, by the clock of the storage) it was written; none: the storage does not say.
    pub written_at_ms: Option<i64>,
}

/// A bucket. `Debug` shows no key.
pub struct Bucket {
    http: Client,
    config: BucketConfig,
    keys: Credentials,
    /// The region that requests are signed for.
    region: Mutex<String>,
}

/// Returns the URL of an object without its name, which has no signature; none if the bucket cannot be part of the host.
#[must_use]
pub fn object_base(config: &BucketConfig) -> Option<String> {
    let style = if config.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
    let bucket =
        rusty_s3::Bucket::new(config.endpoint.clone(), style, config.bucket.clone(), "").ok()?;
    Some(bucket.object_url(&config.prefix).into())
}

impl Bucket {
    /// Sends no request.
    ///
    /// # Errors
    /// The URL of the bucket is invalid, or there are no root certificates.
    pub fn new(
        config: BucketConfig,
        access_key: &SecretString,
        secret_key: &SecretString,
    ) -> Result<Self, UploadError> {
        // Another part of the process may have installed it already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let is_local = is_loopback(&config.endpoint);
        let builder = || {
            let builder = Client::builder()
                .user_agent(concat!("lipsyncd/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(config.connect_timeout)
                .redirect(redirect::Policy::none())
                // `Uploads` notices that nothing is sent, and says so.
                .tcp_user_timeout(None::<Duration>)
                .retry(retry::never())
                .no_gzip();
            if is_local { builder.no_proxy() } else { builder }
        };
        let http = match builder().build() {
            // A machine without root certificates can still use a server of its own.
            Err(_) if is_local => builder().tls_certs_only(std::iter::empty()).build(),
            built => built,
        };
        let http = http.map_err(|error| {
            UploadError::Refused(format!(
                "the HTTPS client could not be set up: {}",
                root_cause(&error)
            ))
        })?;
        if object_base(&config).is_none() {
            let message =
                "upload.s3: the bucket cannot be part of the host name: set path_style to true";
            return Err(UploadError::Refused(message.to_owned()));
        }
        let keys = Credentials::new(access_key.expose_secret(), secret_key.expose_secret());
        let region = config.region.clone().unwrap_or_else(|| region::of_endpoint(&config.endpoint));
        Ok(Self { http, config, keys, region: Mutex::new(region) })
    }

    /// Returns the configuration.
    #[must_use]
    pub const fn config(&self) -> &BucketConfig {
        &self.config
    }

    /// Returns the URL of an object, without a signature. `name` is put after the prefix.
    #[must_use]
    pub fn object_url(&self, name: &str) -> String {
        object_base(&self.config).map(|base| base + name).unwrap_or_default()
    }

    /// Returns the link by which anybody can download an object until it expires.
    #[must_use]
    pub fn link(&self, name: &str) -> String {
        self.signed(&Method::GET, name, self.config.link_ttl).into()
    }

    /// Returns what the bucket has under this name; none if it has nothing, or if this key may not know.
    ///
    /// # Errors
    /// See [`UploadError`]. For a key without `s3:ListBucket`, S3 refuses to read what is not there: this is no error.
    pub async fn find(&self, name: &str) -> Result<Option<StoredObject>, UploadError> {
        let head = self.send(&Method::HEAD, name, |request| request.timeout(TIME_LIMIT)).await?;
        if head.status().is_success() {
            let text = |header| head.headers().get(header)?.to_str().ok();
            let bytes = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
            let written_at_ms = text(LAST_MODIFIED).and_then(date_ms);
            return Ok(bytes.map(|bytes| StoredObject { bytes, written_at_ms }));
        }
        // The answer to HEAD has no text that says what is wrong.
        match self.read_start(name).await {
            Ok(_) => Ok(None),
            Err(answer) => match (answer?, head.status().as_u16()) {
                (answer, _) if answer.code == "NoSuchKey" => Ok(None),
                (answer, 403) if answer.code == "AccessDenied" && !self.is_clock_off(&answer) => {
                    Ok(None)
                }
                (answer, _) => Err(self.explain("looking for a video", &answer)),
            },
        }
    }

    /// Writes an object. A body needs its length.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn put(
        &self,
        name: &str,
        content_type: &str,
        body: impl Into<Body>,
        bytes: u64,
    ) -> Result<(), UploadError> {
        let body = body.into();
        let add = |request: RequestBuilder| {
            request.header(CONTENT_TYPE, content_type).header(CONTENT_LENGTH, bytes).body(body)
        };
        let response = self.send_once(&Method::PUT, name, add).await?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(self.explain("the upload", &ErrorAnswer::read(response).await)),
        }
    }

    /// Reads the first bytes of an object by a link, as Kling does.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn read_range(&self, name: &str) -> Result<(u16, Vec<u8>), UploadError> {
        match self.read_start(name).await {
            Ok(read) => Ok(read),
            Err(answer) => Err(self.explain("reading by a link", &answer?)),
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn delete(&self, name: &str) -> Result<(), UploadError> {
        let response =
            self.send(&Method::DELETE, name, |request| request.timeout(TIME_LIMIT)).await?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(self.explain("deleting", &ErrorAnswer::read(response).await)),
        }
    }

    /// Returns status and the first 4 bytes, or the error of the storage.
    async fn read_start(
        &self,
        name: &str,
    ) -> Result<(u16, Vec<u8>), Result<ErrorAnswer, UploadError>> {
        let ask = |request: RequestBuilder| request.header(RANGE, "bytes=0-3").timeout(TIME_LIMIT);
        let mut response = self.send(&Method::GET, name, ask).await.map_err(Err)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Ok(ErrorAnswer::read(response).await));
        }
        let mut bytes = Vec::new();
        while bytes.len() < 4
            && let Some(chunk) = response.chunk().await.map_err(|error| Err(self.lost(&error)))?
        {
            bytes.extend_from_slice(&chunk);
        }
        Ok((status.as_u16(), bytes))
    }

    /// Sends a request without a body, and again if the storage names another region.
    async fn send(
        &self,
        method: &Method,
        name: &str,
        add: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, UploadError> {
        let response = self.send_once(method, name, &add).await?;
        if response.status().is_success() || self.config.region.is_some() {
            return Ok(response);
        }
        match response.headers().get("x-amz-bucket-region").and_then(|region| region.to_str().ok())
        {
            Some(region) if self.learn_region(region) => self.send_once(method, name, &add).await,
            _ => Ok(response),
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        name: &str,
        add: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, UploadError> {
        let url = self.signed(method, name, SIGNATURE_LIFE);
        let request = add(self.http.request(method.clone(), url));
        request.send().await.map_err(|error| self.lost(&error))
    }

    fn signed(&self, method: &Method, name: &str, life: Duration) -> Url {
        let style = if self.config.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let region = self.region.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let BucketConfig { endpoint, bucket, prefix, .. } = &self.config;
        // `new` has checked the same parts.
        let Ok(bucket) = rusty_s3::Bucket::new(endpoint.clone(), style, bucket.clone(), region)
        else {
            return endpoint.clone();
        };
        let (key, keys) = (format!("{prefix}{name}"), Some(&self.keys));
        let now = Timestamp::from_millisecond((self.config.now_ms)()).unwrap_or_default();
        match *method {
            Method::HEAD => bucket.head_object(keys, &key).sign_with_time(life, &now),
            Method::PUT => bucket.put_object(keys, &key).sign_with_time(life, &now),
            Method::DELETE => bucket.delete_object(keys, &key).sign_with_time(life, &now),
            _ => bucket.get_object(keys, &key).sign_with_time(life, &now),
        }
    }

    /// Signs for another region from now on. Returns whether it is another one.
    fn learn_region(&self, region: &str) -> bool {
        let mut known = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *known != region && !region.is_empty();
        if is_new {
            region.clone_into(&mut known);
        }
        is_new
    }

    /// Returns the error of a request without an answer. Its URL is left out, because it is signed.
    fn lost(&self, error: &reqwest::Error) -> UploadError {
        let cause = self.safe(&root_cause(error));
        let host = self.host();
        UploadError::failed(if error.is_connect() {
            let hint = match self.config.path_style {
                true => "",
                false => {
                    "; if the storage has no host name for each bucket, set upload.s3.path_style to true"
                }
            };
            format!("no connection to {host}: {cause}{hint}")
        } else if error.is_timeout() {
            format!("no answer from {host} within {} s", TIME_LIMIT.as_secs())
        } else {
            format!("the connection to {host} broke: {cause}")
        })
    }

    /// Returns the host that requests go to.
    pub(super) fn host(&self) -> String {
        let host = self.config.endpoint.host_str().unwrap_or_default();
        match self.config.path_style {
            true => host.to_owned(),
            false => format!("{}.{host}", self.config.bucket),
        }
    }

    pub(super) fn without_keys(&self, words: &str) -> String {
        let keys = [self.keys.secret(), self.keys.key()];
        let keys = keys.into_iter().filter(|key| key.len() >= 6);
        keys.fold(words.to_owned(), |words, key| words.replace(key, "[redacted]"))
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The innermost error; the outer errors contain the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let Some(mut inner) = error.source() else { return "the request failed".to_owned() };
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
