//! The HTTP client of the bucket.

use std::time::Duration;

use reqwest::{Client, redirect, retry};

use super::bucket_config::BucketConfig;
use crate::{loopback::is_loopback, redact::root_cause};

/// Builds the client, or returns why that is not possible.
pub(super) fn client(config: &BucketConfig) -> Result<Client, String> {
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
    let built = match builder().build() {
        // A machine without root certificates can still use a server of its own.
        Err(_) if is_local => builder().tls_certs_only(std::iter::empty()).build(),
        built => built,
    };
    built.map_err(|error| format!("the HTTPS client could not be set up: {}", root_cause(&error)))
}
