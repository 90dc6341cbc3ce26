//! Values that YAML has no type for: durations, sizes, paths, URLs, decimals.
//!
//! Each is a `deserialize_with`. An error message is a fragment that follows the key.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, de::Error};
use url::Url;

use crate::manifest::IgnorePatterns;

/// `1s`, `500ms`, `1m 30s`, `24h`, `90d`: with a unit, not negative. A day has 24 hours.
pub(super) fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(input)?;
    let unitless = text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse::<Span>().ok().filter(|_| !unitless);
    parsed
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| D::Error::custom("is not a duration"))
}

pub(super) fn optional_duration<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    struct Length(#[serde(deserialize_with = "duration")] Duration);
    Ok(Option::<Length>::deserialize(input)?.map(|length| length.0))
}

/// `500MB`, `2GiB`, or a plain number of bytes.
pub(super) fn bytes<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    match Size::deserialize(input)? {
        Size::Bytes(bytes) => Ok(bytes),
        Size::Text(text) => parse_bytes(&text).ok_or_else(|| D::Error::custom("is not a size")),
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A path without the shell's `~`.
pub(super) fn path<'de, D: Deserializer<'de>>(input: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(input)?;
    if text.trim().is_empty() {
        Err(D::Error::custom("is empty"))
    } else if text == "~" || text.starts_with("~/") {
        Err(D::Error::custom("begins with `~`, which lipsyncd does not expand"))
    } else if text.chars().any(char::is_control) {
        Err(D::Error::custom("contains a control character"))
    } else {
        Ok(text.into())
    }
}

pub(super) fn optional_path<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    struct File(#[serde(deserialize_with = "path")] PathBuf);
    Ok(Option::<File>::deserialize(input)?.map(|file| file.0))
}

/// Names of this machine, in lower case: hosts without `*.`.
pub(super) fn own_hosts<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let hosts = hosts(input)?;
    match hosts.iter().find(|host| host.starts_with("*.")) {
        Some(wrong) => Err(D::Error::custom(format!("contains `{wrong}`: name each host"))),
        None => Ok(hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect()),
    }
}

/// Host names, `*.` before a name, or addresses: an IPv6 address in brackets, as in a URL.
pub(super) fn hosts<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(input)?;
    let is_host = |host: &str| {
        let name = host.strip_prefix("*.").unwrap_or(host);
        // As a URL writes the host.
        !name.contains('*')
            && Url::parse(&format!("http://{name}/")).is_ok_and(|url| {
                url.host_str().is_some_and(|parsed| parsed.eq_ignore_ascii_case(name))
            })
    };
    match hosts.iter().find(|host| !is_host(host)) {
        Some(wrong) => Err(D::Error::custom(format!("contains `{wrong}`, which is not a host"))),
        None => Ok(hosts),
    }
}

pub(super) fn paths<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    struct OnePath(#[serde(deserialize_with = "path")] PathBuf);
    let paths = Vec::<OnePath>::deserialize(input)?;
    Ok(paths.into_iter().map(|one| one.0).collect())
}

pub(super) fn patterns<'de, D: Deserializer<'de>>(input: D) -> Result<IgnorePatterns, D::Error> {
    IgnorePatterns::new(Vec::<String>::deserialize(input)?).map_err(D::Error::custom)
}

/// An http or https URL that paths can be joined to: no query, fragment, user or password.
pub(super) fn url<'de, D: Deserializer<'de>>(input: D) -> Result<Url, D::Error> {
    let text = String::deserialize(input)?;
    let mut url =
        Url::parse(&text).map_err(|error| D::Error::custom(format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(D::Error::custom("is not an http(s) URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom("contains a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(D::Error::custom("contains a `?` or `#`"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

pub(super) fn folder_url<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Url>, D::Error> {
    #[derive(Deserialize)]
    struct Address(#[serde(deserialize_with = "url")] Url);
    Ok(Option::<Address>::deserialize(input)?.map(|address| address.0))
}

/// An IP address with a port. A host name could become another machine's.
pub(super) fn listen<'de, D: Deserializer<'de>>(input: D) -> Result<Option<SocketAddr>, D::Error> {
    let Some(text) = Option::<String>::deserialize(input)? else {
        return Ok(None);
    };
    let listen = text.parse().map_err(|_| D::Error::custom("is not an IP address with a port"))?;
    Ok(Some(listen))
}

/// A decimal amount of units or money with at most six decimals, as millionths.
pub(super) fn micro<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    const AMOUNT_MAX: f64 = 1e9;
    let Some(amount) = Option::<f64>::deserialize(input)? else {
        return Ok(None);
    };
    let micro = (amount * 1e6).round();
    if !(0.0..=AMOUNT_MAX).contains(&amount) {
        Err(D::Error::custom("is out of range"))
    } else if (micro / 1e6 - amount).abs() > amount * 1e-15 {
        Err(D::Error::custom("has more than six decimals"))
    } else {
        // Below 1e15, which an f64 holds exactly.
        Ok(Some(micro as i64))
    }
}

/// The name of a bucket. `_` is no longer allowed at AWS, but older buckets have it.
pub(super) fn bucket<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let Some(name) = Option::<String>::deserialize(input)? else { return Ok(None) };
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_inner = |byte: u8| is_edge(byte) || matches!(byte, b'.' | b'_' | b'-');
    let edges = [name.bytes().next(), name.bytes().next_back()];
    let is_name = (3..=63).contains(&name.len())
        && name.bytes().all(is_inner)
        && edges.into_iter().flatten().all(is_edge);
    if is_name { Ok(Some(name)) } else { Err(D::Error::custom("is not the name of a bucket")) }
}

/// A region; none for `auto`.
pub(super) fn region<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let region = String::deserialize(input)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match region.as_str() {
        "auto" => Ok(None),
        name if !name.is_empty() && name.bytes().all(is_name) => Ok(Some(region)),
        _ => Err(D::Error::custom("is not the name of a region")),
    }
}

/// The beginning of object keys. `.` and `..` would be resolved in a URL.
pub(super) fn prefix<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let prefix = String::deserialize(input)?;
    let is_part = |part: &str| {
        let is_letter =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        !matches!(part, "" | "." | "..") && part.bytes().all(is_letter)
    };
    let parts = prefix.strip_suffix('/').unwrap_or(&prefix);
    let is_valid = prefix.is_empty() || prefix.len() <= 200 && parts.split('/').all(is_part);
    if is_valid { Ok(prefix) } else { Err(D::Error::custom("is not a prefix of object names")) }
}
