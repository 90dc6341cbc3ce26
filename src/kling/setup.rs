//! How the client is set up: its configuration, the address of the API, the HTTP library.

use std::time::Duration;

use url::Url;

use crate::loopback::is_loopback;

/// Shorter than the usual limit of servers, so that a create request is not sent on a connection that the server is
/// closing.
const IDLE_CONNECTION_LIFE: Duration = Duration::from_secs(25);

/// How to reach the API.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// https, or http to this machine only; its path is put before `/v1`.
    pub base_url: Url,
    /// For one connection, name and TLS included.
    pub connect_timeout: Duration,
    /// For one call, from its start to the end of the answer.
    pub request_timeout: Duration,
    /// How long a download may receive nothing.
    pub idle_timeout: Duration,
    /// Hosts whose downloads may be at private addresses and without TLS: names, addresses, and `*.` before a name for
    /// all names below it. The host of `base_url` need not be listed.
    pub allow_hosts: Vec<String>,
    /// The wall clock, as Unix time; only tokens depend on it.
    pub now_ms: fn() -> i64,
}

/// Why the client cannot be built.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages describe the variants")]
pub enum BuildError {
    #[error("kling.base_url {0}")]
    BaseUrl(&'static str),
    #[error("{0}")]
    Credential(&'static str),
    /// TLS could not be set up, most likely because there are no root certificates.
    #[error("the HTTPS client could not be set up: {0}")]
    Http(String),
}

pub(super) fn http(config: &ClientConfig) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("lipsyncd/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout)
        .pool_idle_timeout(IDLE_CONNECTION_LIFE)
        .redirect(reqwest::redirect::Policy::none())
        // The library must never repeat a create request.
        .retry(reqwest::retry::never())
        .referer(false);
    if is_loopback(&config.base_url) { builder.no_proxy() } else { builder }
}

pub(super) fn without_roots(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.tls_certs_only(std::iter::empty())
}

pub(super) fn check_base_url(url: &Url) -> Result<(), BuildError> {
    let wrong = match url.scheme() {
        "https" => None,
        "http" if is_loopback(url) => None,
        "http" => Some("must be https: plain http is allowed for this machine only"),
        _ => Some("must be an https address"),
    };
    let wrong = wrong
        .or((!url.username().is_empty() || url.password().is_some())
            .then_some("must not contain a user or password"))
        .or((url.query().is_some() || url.fragment().is_some())
            .then_some("must not contain `?` or `#`"));
    wrong.map_or(Ok(()), |wrong| Err(BuildError::BaseUrl(wrong)))
}
