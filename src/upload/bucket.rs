//! Single requests to a bucket, each signed when it is sent.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use reqwest::{
    Body, Client, Method, RequestBuilder, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE, LAST_MODIFIED, RANGE},
};
use rusty_s3::{Credentials, S3Action};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    answer::{ErrorAnswer, date_ms},
    bucket_config::{BucketConfig, object_base},
    client::client,
    error::UploadError,
    region,
};
use crate::redact::{Redactor, root_cause};

/// How long a request may be sent after it was signed: as long as S3 allows clocks to differ.
const SIGNATURE_LIFE: Duration = Duration::from_secs(15 * 60);

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
    /// Removes the keys from texts of the storage.
    redactor: Redactor,
    /// The region that requests are signed for.
    region: Mutex<String>,
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
        let http = client(&config).map_err(UploadError::Refused)?;
        if object_base(&config).is_none() {
            let message =
                "upload.s3: the bucket cannot be part of the host name: set path_style to true";
            return Err(UploadError::Refused(message.to_owned()));
        }
        let keys = Credentials::new(access_key.expose_secret(), secret_key.expose_secret());
        // A URL, and so a text that quotes one, has the secret in another form.
        let secret = secret_key.expose_secret();
        let encoded = percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string();
        let redactor =
            Redactor::new(vec![access_key.expose_secret().to_owned(), secret.to_owned(), encoded]);
        let region = config.region.clone().unwrap_or_else(|| region::of_endpoint(&config.endpoint));
        Ok(Self { http, config, keys, redactor, region: Mutex::new(region) })
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
        let mut found = self.look_up(name).await?;
        if let Err(answer) = &found
            && self.config.region.is_none()
            && answer.region.as_deref().is_some_and(|region| self.learn_region(region))
        {
            found = self.look_up(name).await?;
        }
        found.or_else(|answer| match answer.code.as_str() {
            "NoSuchKey" => Ok(None),
            "AccessDenied" if answer.status == 403 && !self.is_clock_off(&answer) => Ok(None),
            _ => Err(self.explain("looking for a video", &answer)),
        })
    }

    /// Asks for an object once; the inner error is the answer of the storage.
    async fn look_up(
        &self,
        name: &str,
    ) -> Result<Result<Option<StoredObject>, ErrorAnswer>, UploadError> {
        let head = self
            .send(&Method::HEAD, name, |request| request.timeout(self.config.request_timeout))
            .await?;
        if head.status().is_success() {
            let text = |header| head.headers().get(header)?.to_str().ok();
            let bytes = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
            let written_at_ms = text(LAST_MODIFIED).and_then(date_ms);
            return Ok(Ok(bytes.map(|bytes| StoredObject { bytes, written_at_ms })));
        }
        // The answer to HEAD has no text that says what is wrong.
        match self.read_start(name).await? {
            Ok(_) => Ok(Ok(None)),
            Err(answer) => Ok(Err(answer)),
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
        let response = self.send(&Method::PUT, name, add).await?;
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
        let read = self.read_start(name).await?;
        read.map_err(|answer| self.explain("reading by a link", &answer))
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn delete(&self, name: &str) -> Result<(), UploadError> {
        let response = self
            .send(&Method::DELETE, name, |request| request.timeout(self.config.request_timeout))
            .await?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(self.explain("deleting", &ErrorAnswer::read(response).await)),
        }
    }

    /// Returns status and the first 4 bytes; the inner error is the answer of the storage.
    async fn read_start(
        &self,
        name: &str,
    ) -> Result<Result<(u16, Vec<u8>), ErrorAnswer>, UploadError> {
        let limit = self.config.request_timeout;
        let ask = |request: RequestBuilder| request.header(RANGE, "bytes=0-3").timeout(limit);
        let mut response = self.send(&Method::GET, name, ask).await?;
        let status = response.status();
        if !status.is_success() {
            return Ok(Err(ErrorAnswer::read(response).await));
        }
        let mut bytes = Vec::new();
        while bytes.len() < 4
            && let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))?
        {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Ok((status.as_u16(), bytes)))
    }

    async fn send(
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
        let region = self.region.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let BucketConfig { endpoint, bucket, prefix, .. } = &self.config;
        let style = self.config.style();
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
            let port =
                self.config.endpoint.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("no connection to {host}{port}: {cause}{hint}")
        } else if error.is_timeout() {
            format!("no answer from {host} within {:?}", self.config.request_timeout)
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

    pub(super) const fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("config", &self.config).finish_non_exhaustive()
    }
}
