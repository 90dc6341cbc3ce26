//! Checks of values after their types: ranges, and values that do not fit together.

use std::{borrow::Cow, time::Duration};

use jiff::fmt::friendly::SpanPrinter;

use super::{
    keys::KEYS,
    settings::{Config, KlingConfig, S3Config, ServeConfig},
};
use crate::loopback::is_loopback;

/// How far the defaults of `kling.create_settle` and `kling.request_timeout` are apart.
const MARGIN: Duration = Duration::from_secs(30);

/// A key and what is wrong with its value. If the text quotes keys, the first is the other one of two that do
/// not fit together.
type ConfigProblem = (&'static str, Cow<'static, str>);

pub(super) fn problems(config: &Config) -> Vec<ConfigProblem> {
    let Config { kling, poll, retry, upload, .. } = config;
    let ServeConfig { listen, public_url } = &config.media.serve;
    let S3Config { endpoint, bucket, path_style, .. } = &upload.s3;
    let out_of_range = KEYS.iter().filter(|key| !(key.is_in_range)(config));
    let conflicts = [
        (
            "output_dir",
            config.output_dir.starts_with(&config.jobs_dir),
            "is inside `jobs_dir`, which lipsyncd only reads",
        ),
        ("kling.base_url", !is_protected(&kling.base_url), "would send credentials unencrypted"),
        (
            "media.serve.public_url",
            listen.is_some() && public_url.is_none(),
            "is missing: `media.serve.listen` is set, and both are needed",
        ),
        (
            "media.serve.listen",
            listen.is_none() && public_url.is_some(),
            "is missing: `media.serve.public_url` is set, and both are needed",
        ),
        (
            "media.serve.public_url",
            public_url.as_ref().is_some_and(|url| !is_protected(url)),
            "would send videos and links unencrypted",
        ),
        (
            "upload.s3.bucket",
            endpoint.is_some() && bucket.is_none(),
            "is missing: `upload.s3.endpoint` is set, and both are needed",
        ),
        (
            "upload.s3.endpoint",
            endpoint.is_none() && bucket.is_some(),
            "is missing: `upload.s3.bucket` is set, and both are needed",
        ),
        (
            "upload.s3.endpoint",
            endpoint.as_ref().is_some_and(|endpoint| !is_protected(endpoint)),
            "would send videos and links unencrypted",
        ),
        (
            "upload.s3.endpoint",
            endpoint.as_ref().zip(bucket.as_ref()).is_some_and(|(url, name)| has_bucket(url, name)),
            "contains the bucket, which lipsyncd adds itself: remove it from the URL",
        ),
        (
            "upload.s3.path_style",
            !path_style && endpoint.as_ref().is_some_and(|url| url.domain().is_none()),
            "must be `true`, because the host of `upload.s3.endpoint` is an address",
        ),
        (
            "upload.s3.path_style",
            !path_style
                && endpoint.as_ref().is_some_and(|url| url.scheme() == "https")
                && bucket.as_ref().is_some_and(|name| name.contains('.')),
            "must be `true`, because `upload.s3.bucket` has a dot: certificates are not valid for such host names",
        ),
        (
            "upload.link_ttl",
            (bucket.is_some() || listen.is_some()) && upload.link_ttl < kling.session_ttl,
            "is below `kling.session_ttl`: Kling could download a video of a session after its link expired",
        ),
        (
            "web.password_file",
            config.web.password_file.is_none()
                && config.web.listen.is_some_and(|listen| !listen.ip().is_loopback()),
            "is missing: `web.listen` is an address that other machines reach, and everybody there could pay",
        ),
        (
            "poll.min_interval",
            poll.min_interval > poll.max_interval,
            "is above `poll.max_interval`",
        ),
        ("retry.initial", retry.initial > retry.max, "is above `retry.max`"),
    ];
    let conflicts = conflicts.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
    out_of_range
        .map(|key| (key.name, Cow::Borrowed("is out of range")))
        .chain(conflicts.map(|(key, _, what)| (key, Cow::Borrowed(what))))
        .chain(settles_too_early(kling).map(|what| ("kling.create_settle", Cow::Owned(what))))
        .collect()
}

/// While the client may still wait for an answer, the request may still arrive.
fn settles_too_early(kling: &KlingConfig) -> Option<String> {
    let KlingConfig { create_settle, request_timeout, .. } = *kling;
    (create_settle <= request_timeout).then(|| {
        let enough = request_timeout.saturating_add(MARGIN);
        format!(
            "is {}, which is not above `kling.request_timeout` ({}): a create request could arrive after it was \
             sent again; set create_settle to {} or more, or lower request_timeout",
            spelled(create_settle),
            spelled(request_timeout),
            spelled(enough)
        )
    })
}

fn spelled(duration: Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(&duration)
}

/// Whether the host or the path of an endpoint has the bucket.
fn has_bucket(endpoint: &url::Url, bucket: &str) -> bool {
    let in_host = endpoint.domain().and_then(|host| host.strip_prefix(bucket));
    let mut parts = endpoint.path_segments().into_iter().flatten();
    in_host.is_some_and(|rest| rest.starts_with('.')) || parts.any(|part| part == bucket)
}

/// Returns true if nobody on the network can read what is sent: https, or http that stays on this machine.
fn is_protected(url: &url::Url) -> bool {
    url.scheme() == "https" || is_loopback(url)
}
