//! Where the bucket is, and the URLs of its objects.

use std::time::Duration;

use rusty_s3::UrlStyle;
use url::Url;

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
    /// For a request that sends and gets little, and for an upload of which nothing is taken.
    pub request_timeout: Duration,
    /// The wall clock, as Unix time.
    pub now_ms: fn() -> i64,
}

impl BucketConfig {
    pub(super) const fn style(&self) -> UrlStyle {
        if self.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost }
    }
}

/// Returns the URL of an object without its name, which has no signature; none if the bucket cannot be part of the host.
#[must_use]
pub fn object_base(config: &BucketConfig) -> Option<String> {
    let bucket =
        rusty_s3::Bucket::new(config.endpoint.clone(), config.style(), config.bucket.clone(), "")
            .ok()?;
    Some(bucket.object_url(&config.prefix).into())
}
