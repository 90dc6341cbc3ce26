//! What each setting may be: in words for whoever wrote something else, and as checks.

use std::{borrow::Cow, time::Duration};

use jiff::fmt::friendly::SpanPrinter;

use super::{Config, KlingConfig};

/// Every key with what is allowed. Keys that have no further keys only.
pub(super) const ALLOWED: &[(&str, &str)] = &[
    ("jobs_dir", "a path of a folder"),
    ("output_dir", "a path of a folder"),
    ("state_db", "a path of a file"),
    ("watch.settle", "a duration of at most an hour, such as `1s`"),
    ("watch.on_change", "`flag` or `run`"),
    ("watch.rescan_interval", "a duration from 10ms to a day, such as `30s`"),
    ("media.dirs", "a list of paths of folders, such as `[/srv/media]`"),
    ("media.public_base_url", "`null`, or an http(s) address without `?`, `#`, user and password"),
    (
        "kling.base_url",
        "an https address without `?`, `#`, user and password; http only to this machine (127.0.0.1, ::1, localhost)",
    ),
    ("kling.connect_timeout", "a duration from 1ms to an hour, such as `10s`"),
    (
        "kling.request_timeout",
        "a duration from 1ms to an hour, below `kling.create_settle`, such as `60s`",
    ),
    ("kling.session_ttl", "a duration from 1ms to 30 days (`720h`), such as `23h`"),
    (
        "kling.create_settle",
        "a duration above `kling.request_timeout`, at most a day, such as `90s`",
    ),
    ("limits.concurrency", "a whole number from 1 to 1000"),
    ("limits.identify_per_second", "a number above 0, at most 100000"),
    ("limits.create_per_second", "a number above 0, at most 100000"),
    ("limits.query_per_second", "a number above 0, at most 100000"),
    ("limits.units_per_day", "`null`, or a number from 0 to 1000000000 with at most six decimals"),
    ("poll.min_interval", "a duration from 1ms to a day, not above `poll.max_interval`"),
    ("poll.max_interval", "a duration from 1ms to a day, not below `poll.min_interval`"),
    ("retry.initial", "a duration from 1ms to a day, not above `retry.max`"),
    ("retry.max", "a duration from 1ms to a day, not below `retry.initial`"),
    ("retry.give_up_after", "a duration of at most a year (`8760h`), such as `24h`"),
    ("pause.probe_interval", "a duration from 1ms to a day, such as `1m`"),
    ("download.concurrency", "a whole number from 1 to 64"),
    ("download.max_bytes", "a size such as `500MB` or `2GiB`, 1 byte at least"),
    ("retention.history", "`null`, or a duration from a day to a hundred years, such as `90d`"),
    (
        "metrics.listen",
        "`null`, or an IP address with a port, such as `127.0.0.1:9464`, or `[::1]:9464` in quotes",
    ),
    ("log.format", "`auto`, `text`, `json` or `journald`"),
];

/// By how much the defaults differ.
const MARGIN: Duration = Duration::from_secs(30);
const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What is allowed for a key of [`ALLOWED`].
pub(super) fn allowed(key: &str) -> Option<&'static str> {
    ALLOWED.iter().find(|(known, _)| *known == key).map(|(_, allowed)| *allowed)
}

/// The keys whose values are out of range, each with what is wrong. The first key that the words quote, if any, is the
/// other one of two that do not fit together.
pub(super) fn faults(config: &Config) -> Vec<(&'static str, Cow<'static, str>)> {
    let Config { watch, kling, limits, poll, retry, pause, download, retention, .. } = config;
    let rate = |rate: f64| rate > 0.0 && rate <= 100_000.0;
    let within = |value: Duration, least: Duration, most: Duration| (least..=most).contains(&value);
    let range = "is out of range";
    [
        (
            "output_dir",
            !config.output_dir.starts_with(&config.jobs_dir),
            "lies in `jobs_dir`, which is only ever read",
        ),
        ("watch.settle", within(watch.settle, Duration::ZERO, HOUR), range),
        ("watch.rescan_interval", within(watch.rescan_interval, 10 * MS, DAY), range),
        ("kling.base_url", is_private(&kling.base_url), "would send credentials in the clear"),
        ("kling.connect_timeout", within(kling.connect_timeout, MS, HOUR), range),
        ("kling.request_timeout", within(kling.request_timeout, MS, HOUR), range),
        ("kling.session_ttl", within(kling.session_ttl, MS, 30 * DAY), range),
        ("kling.create_settle", within(kling.create_settle, Duration::ZERO, DAY), range),
        ("limits.concurrency", (1..=1000).contains(&limits.concurrency), range),
        ("limits.identify_per_second", rate(limits.identify_per_second), range),
        ("limits.create_per_second", rate(limits.create_per_second), range),
        ("limits.query_per_second", rate(limits.query_per_second), range),
        ("poll.min_interval", within(poll.min_interval, MS, DAY), range),
        ("poll.max_interval", within(poll.max_interval, MS, DAY), range),
        (
            "poll.min_interval",
            poll.min_interval <= poll.max_interval,
            "is above `poll.max_interval`",
        ),
        ("retry.initial", within(retry.initial, MS, DAY), range),
        ("retry.max", within(retry.max, MS, DAY), range),
        ("retry.initial", retry.initial <= retry.max, "is above `retry.max`"),
        ("retry.give_up_after", within(retry.give_up_after, Duration::ZERO, 365 * DAY), range),
        ("pause.probe_interval", within(pause.probe_interval, MS, DAY), range),
        ("download.concurrency", (1..=64).contains(&download.concurrency), range),
        ("download.max_bytes", download.max_bytes >= 1, range),
        (
            "retention.history",
            retention.history.is_none_or(|history| within(history, DAY, 36_500 * DAY)),
            range,
        ),
    ]
    .into_iter()
    .filter(|(_, good, _)| !good)
    .map(|(key, _, what)| (key, Cow::Borrowed(what)))
    .chain(settles_too_soon(kling).map(|what| ("kling.create_settle", Cow::Owned(what))))
    .collect()
}

/// While the client may still wait for an answer, the request may still arrive.
fn settles_too_soon(kling: &KlingConfig) -> Option<String> {
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

/// A duration as the file spells it.
fn spelled(duration: Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(&duration)
}

/// Whether nobody on the way can read what is sent: https, or http that stays on this machine.
fn is_private(url: &url::Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || loopback
}
