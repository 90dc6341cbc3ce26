//! The table of the configuration's keys: what each may be, in words, as a JSON Schema and as a check.
//!
//! Defaults and meanings are in `lipsyncd.example.yaml`, see `example`. Types are serde's, see `kinds`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{notify, settings::Config};
use crate::manifest::DURATION_PATTERN;

pub(super) struct ConfigKey {
    /// The complete key: `watch.settle`.
    pub(super) name: &'static str,
    pub(super) allowed: &'static str,
    pub(super) schema: fn() -> Value,
    pub(super) is_in_range: fn(&Config) -> bool,
}

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) const KEYS: [ConfigKey; 49] = [
    any("jobs_dir", "a path of a folder", path),
    any("output_dir", "a path of a folder", path),
    any("state_db", "a path of a file", path),
    duration("watch.settle", "a duration of at most an hour, such as `1s`", |config| {
        (Duration::ZERO..=HOUR).contains(&config.watch.settle)
    }),
    duration("watch.media_settle", "a duration of at most an hour, such as `5s`", |config| {
        (Duration::ZERO..=HOUR).contains(&config.watch.media_settle)
    }),
    any("watch.on_change", "`flag` or `run`", || json!({"enum": ["flag", "run"]})),
    duration("watch.rescan_interval", "a duration from 10ms to a day, such as `30s`", |config| {
        (10 * MS..=DAY).contains(&config.watch.rescan_interval)
    }),
    any(
        "watch.ignore",
        "a list of patterns of names or paths, such as `[drafts, '*-old.yaml']`",
        || json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
    ),
    any(
        "media.dirs",
        "a list of paths of folders, such as `[/srv/media]`",
        || json!({"type": "array", "items": path()}),
    ),
    any(
        "media.public_base_url",
        "`null`, or an http(s) URL without `?`, `#`, user and password",
        || json!({"type": ["string", "null"], "pattern": URL}),
    ),
    any(
        "media.serve.listen",
        "`null`, or an IP address with a port, such as `127.0.0.1:8480`",
        || json!({"type": ["string", "null"]}),
    ),
    any(
        "media.serve.public_url",
        "`null`, or an https URL without `?`, `#`, user and password; http only to this machine (127.0.0.1, ::1, localhost)",
        || json!({"type": ["string", "null"], "pattern": URL}),
    ),
    any(
        "upload.s3.endpoint",
        "`null`, or an https URL without the bucket; http only to this machine (127.0.0.1, ::1, localhost)",
        || json!({"type": ["string", "null"], "pattern": URL}),
    ),
    any(
        "upload.s3.bucket",
        "`null`, or the name of a bucket: 3 to 63 lower-case letters, digits, `-`, `.` and `_`",
        || json!({"type": ["string", "null"], "pattern": BUCKET}),
    ),
    any(
        "upload.s3.region",
        "`auto`, or the name of a region, such as `eu-west-1`",
        || json!({"type": "string", "pattern": REGION}),
    ),
    any("upload.s3.path_style", "`true` or `false`", || json!({"type": "boolean"})),
    any(
        "upload.s3.prefix",
        "letters, digits and `-._/`, at most 200, without `/` at the beginning, `//`, and parts that are `.` or `..`",
        || json!({"type": "string", "pattern": PREFIX, "maxLength": 200}),
    ),
    duration(
        "upload.link_ttl",
        "a duration from `kling.session_ttl` to 7 days (`168h`), such as `24h`",
        |config| (MS..=7 * DAY).contains(&config.upload.link_ttl),
    ),
    ranged(
        "upload.concurrency",
        "a whole number from 1 to 16",
        || json!({"type": "integer", "minimum": 1, "maximum": 16}),
        |config| (1..=16).contains(&config.upload.concurrency),
    ),
    any(
        "kling.base_url",
        "an https URL without `?`, `#`, user and password; http only to this machine (127.0.0.1, ::1, localhost)",
        || json!({"type": "string", "pattern": URL}),
    ),
    duration("kling.connect_timeout", "a duration from 1ms to an hour, such as `10s`", |config| {
        (MS..=HOUR).contains(&config.kling.connect_timeout)
    }),
    duration(
        "kling.request_timeout",
        "a duration from 1ms to an hour, below `kling.create_settle`, such as `60s`",
        |config| (MS..=HOUR).contains(&config.kling.request_timeout),
    ),
    duration(
        "kling.session_ttl",
        "a duration from 1ms to 30 days (`720h`), such as `23h`",
        |config| (MS..=30 * DAY).contains(&config.kling.session_ttl),
    ),
    duration(
        "kling.create_settle",
        "a duration above `kling.request_timeout`, at most a day, such as `90s`",
        |config| config.kling.create_settle <= DAY,
    ),
    ranged(
        "limits.concurrency",
        "a whole number from 1 to 1000",
        || json!({"type": "integer", "minimum": 1, "maximum": 1000}),
        |config| (1..=1000).contains(&config.limits.concurrency),
    ),
    rate("limits.identify_per_second", |config| is_rate(config.limits.identify_per_second)),
    rate("limits.create_per_second", |config| is_rate(config.limits.create_per_second)),
    rate("limits.query_per_second", |config| is_rate(config.limits.query_per_second)),
    amount("limits.units_per_day"),
    amount("limits.money_per_day"),
    amount("prices.identify"),
    amount("prices.per_5s"),
    duration(
        "poll.min_interval",
        "a duration from 1ms to a day, not above `poll.max_interval`",
        |config| (MS..=DAY).contains(&config.poll.min_interval),
    ),
    duration(
        "poll.max_interval",
        "a duration from 1ms to a day, not below `poll.min_interval`",
        |config| (MS..=DAY).contains(&config.poll.max_interval),
    ),
    duration("retry.initial", "a duration from 1ms to a day, not above `retry.max`", |config| {
        (MS..=DAY).contains(&config.retry.initial)
    }),
    duration("retry.max", "a duration from 1ms to a day, not below `retry.initial`", |config| {
        (MS..=DAY).contains(&config.retry.max)
    }),
    duration(
        "retry.give_up_after",
        "a duration of at most a year (`8760h`), such as `24h`",
        |config| config.retry.give_up_after <= 365 * DAY,
    ),
    duration("pause.probe_interval", "a duration from 1ms to a day, such as `1m`", |config| {
        (MS..=DAY).contains(&config.pause.probe_interval)
    }),
    ranged(
        "download.concurrency",
        "a whole number from 1 to 64",
        || json!({"type": "integer", "minimum": 1, "maximum": 64}),
        |config| (1..=64).contains(&config.download.concurrency),
    ),
    ranged(
        "download.max_bytes",
        "a size such as `500MB` or `2GiB`, at least 1 byte",
        || json!({"type": ["string", "integer"], "minimum": 1}),
        |config| config.download.max_bytes >= 1,
    ),
    any(
        "download.allow_hosts",
        "a list of host names or addresses, without port, such as `[files.example.com, \"*.cdn.example.com\"]`",
        || json!({"type": "array", "items": {"type": "string", "pattern": HOST}}),
    ),
    ranged(
        "retention.history",
        "`null`, or a duration from a day to a hundred years, such as `90d`",
        || json!({"type": ["string", "null"], "pattern": DURATION_PATTERN}),
        |config| config.retention.history.is_none_or(|kept| (DAY..=36_500 * DAY).contains(&kept)),
    ),
    any(
        "notify",
        "a list of `{webhook: URL, format: json|ntfy, events: […]}` (https, or http to this machine or a private IP address) \
         and `{command: [PROGRAM, ARGUMENT, …], events: […]}`; events are manifest.finished, manifest.error, jobs.failed, \
         job.unresolved, job.succeeded, queue.paused, queue.resumed and budget.reached",
        notify::schema,
    ),
    any(
        "web.listen",
        "`null`, or an IP address with a port, such as `127.0.0.1:8470`, or `[::1]:8470` in quotes",
        || json!({"type": ["string", "null"]}),
    ),
    any(
        "web.hosts",
        "a list of host names or addresses, without port, such as `[dubs.example.com]`",
        || json!({"type": "array", "items": {"type": "string", "pattern": OWN_HOST}}),
    ),
    any("web.read_only", "`true` or `false`", || json!({"type": "boolean"})),
    any(
        "web.password_file",
        "`null`, or a path of a file",
        || json!({"type": ["string", "null"], "minLength": 1}),
    ),
    any(
        "metrics.listen",
        "`null`, or an IP address with a port, such as `127.0.0.1:9464`, or `[::1]:9464` in quotes",
        || json!({"type": ["string", "null"]}),
    ),
    any(
        "log.format",
        "`auto`, `text`, `json` or `journald`",
        || json!({"enum": ["auto", "text", "json", "journald"]}),
    ),
];

const HOST: &str = r"^(\*\.)?[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$";
const OWN_HOST: &str = r"^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$";
const BUCKET: &str = r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$";
const REGION: &str = "^[A-Za-z0-9-]+$";
const PREFIX: &str = r"^([A-Za-z0-9._-]+/?)*$";
const URL: &str = "^[Hh][Tt][Tt][Pp][Ss]?:";

/// Returns what is allowed for a key, or none for a section.
pub(super) fn allowed(name: &str) -> Option<&'static str> {
    KEYS.iter().find(|key| key.name == name).map(|key| key.allowed)
}

const fn ranged(
    name: &'static str,
    allowed: &'static str,
    schema: fn() -> Value,
    is_in_range: fn(&Config) -> bool,
) -> ConfigKey {
    ConfigKey { name, allowed, schema, is_in_range }
}

/// A key whose type alone is checked.
const fn any(name: &'static str, allowed: &'static str, schema: fn() -> Value) -> ConfigKey {
    ranged(name, allowed, schema, |_| true)
}

const fn duration(
    name: &'static str,
    allowed: &'static str,
    is_in_range: fn(&Config) -> bool,
) -> ConfigKey {
    ranged(name, allowed, || json!({"type": "string", "pattern": DURATION_PATTERN}), is_in_range)
}

/// Units or money.
const fn amount(name: &'static str) -> ConfigKey {
    let schema = || json!({"type": ["number", "null"], "minimum": 0, "maximum": 1_000_000_000});
    any(name, "`null`, or a number from 0 to 1000000000 with at most six decimals", schema)
}

const fn rate(name: &'static str, is_in_range: fn(&Config) -> bool) -> ConfigKey {
    let schema = || json!({"type": "number", "exclusiveMinimum": 0, "maximum": 100_000});
    ranged(name, "a number above 0, at most 100000", schema, is_in_range)
}

fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate <= 100_000.0
}

fn path() -> Value {
    json!({"type": "string", "minLength": 1})
}
