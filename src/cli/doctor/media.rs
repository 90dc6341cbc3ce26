//! Whether local videos are to be had at `media.public_base_url`, as the API will fetch them.

use std::{
    collections::VecDeque,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    Client, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, RANGE},
};
use url::{Host, Url};

use super::{database::Known, finding::Finding, patience};
use crate::{
    cli::{open, text::shell_word},
    config::Config,
    daemon,
    job::Source,
    media::{Located, public_url},
};

const NAME: &str = "media.public_base_url";
const TIME: Duration = Duration::from_secs(10);
/// So many of the latest jobs are looked through for a video that is there.
const JOBS_MAX: usize = 20;
/// So many files of the folders are looked at for one.
const FILES_MAX: usize = 5_000;

pub(super) fn check(config: &Config, known: Option<&Known>, findings: &mut Vec<Finding>) {
    let Some(base) = &config.media.public_base_url else {
        findings.push(Finding::ok(NAME, "not set: videos are given by URL or id"));
        return;
    };
    if is_private(base) && !is_private(&config.kling.base_url) {
        let message = format!("{base} is an address that the API cannot reach from outside");
        findings.push(Finding::error(
            NAME,
            message,
            "name the address under which the internet sees these folders",
        ));
        return;
    }
    let sample = known.and_then(|known| of_a_job(config, known)).or_else(|| of_the_folders(config));
    let (url, length) = match &sample {
        Some(located) => {
            (public_url(base.as_str(), &located.public_path), Some(located.stamp.bytes()))
        }
        None => (base.to_string(), None),
    };
    findings.push(match ask(&url) {
        Ok(answer) => judge(&url, length, &answer),
        Err(why) => {
            Finding::error(NAME, format!("{url}: {why}"), format!("curl -sSI {}", shell_word(&url)))
        }
    });
}

/// What a server said.
struct Answer {
    status: StatusCode,
    /// Of the whole file.
    length: Option<u64>,
}

fn judge(url: &str, length: Option<u64>, answer: &Answer) -> Finding {
    let mend = format!("curl -sSI {}", shell_word(url));
    let status = answer.status.as_u16();
    match length {
        None => Finding::ok(
            NAME,
            format!("{url} answers (HTTP {status}); no local video was there to try"),
        ),
        Some(_) if !answer.status.is_success() => Finding::error(
            NAME,
            format!("{url} is a video here, but the answer is HTTP {status}"),
            format!("have your web server serve jobs_dir and each of media.dirs there; {mend}"),
        ),
        Some(length) if answer.length == Some(length) => {
            Finding::ok(NAME, format!("{url} answers with its {length} bytes"))
        }
        Some(length) => {
            let told = answer
                .length
                .map_or("of unknown length".to_owned(), |told| format!("of {told} bytes"));
            Finding::error(
                NAME,
                format!("{url} has {length} bytes here, but the answer is {told}"),
                format!("have your web server serve this very file, with its length; {mend}"),
            )
        }
    }
}

/// Asks for the first byte; what comes of more is not read.
fn ask(url: &str) -> Result<Answer, String> {
    let client = client().map_err(|error| told(&error))?;
    let asked = open::block_on(async {
        Ok(client.get(url).header(RANGE, "bytes=0-0").send().await.map(|response| Answer {
            status: response.status(),
            length: length(response.status(), response.headers()),
        }))
    });
    match asked {
        Ok(answer) => answer.map_err(|error| told(&error)),
        Err(_) => Err("cannot be asked".to_owned()),
    }
}

fn client() -> Result<Client, reqwest::Error> {
    // The API's client may have installed it already; it is the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        Client::builder()
            .user_agent(concat!("lipsyncd/", env!("CARGO_PKG_VERSION")))
            .timeout(TIME)
            .connect_timeout(TIME)
    };
    // A machine without root certificates can still ask a server of its own.
    builder().build().or_else(|_| builder().tls_certs_only(std::iter::empty()).build())
}

fn length(status: StatusCode, headers: &HeaderMap) -> Option<u64> {
    let text = |name| {
        headers.get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok())
    };
    match status {
        StatusCode::PARTIAL_CONTENT => text(CONTENT_RANGE)?.rsplit('/').next()?.parse().ok(),
        _ => text(CONTENT_LENGTH)?.parse().ok(),
    }
}

/// The innermost reason: the outer ones only say that a request failed.
fn told(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// A local video of one of the latest jobs, that is still there.
fn of_a_job(config: &Config, known: &Known) -> Option<Located> {
    let locator = daemon::locator(config);
    let keys = known.reader.jobs_with_local_videos(JOBS_MAX).ok()?;
    let jobs = keys.iter().filter_map(|key| known.reader.detail(key).ok().flatten());
    let named: Vec<(PathBuf, String)> = jobs
        .filter_map(|detail| match &detail.state.job.spec.video {
            Source::File(name) => {
                Some((config.jobs_dir.join(detail.state.job.manifest_dir()), name.clone()))
            }
            _ => None,
        })
        .collect();
    patience::within(TIME, move || {
        named.iter().find_map(|(folder, name)| locator.locate(folder, name).ok())
    })
    .flatten()
}

/// Any video that lies in the folders.
fn of_the_folders(config: &Config) -> Option<Located> {
    let locator = daemon::locator(config);
    let mut folders: VecDeque<PathBuf> =
        config.media.dirs.iter().chain([&config.jobs_dir]).cloned().collect();
    patience::within(TIME, move || {
        let mut seen = 0;
        while let Some(folder) = folders.pop_front() {
            for entry in fs::read_dir(&folder).ok().into_iter().flatten().flatten() {
                seen += 1;
                let (path, kind) = (entry.path(), entry.file_type().ok());
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or(".");
                if seen > FILES_MAX || name.starts_with('.') {
                    continue;
                }
                if kind.is_some_and(|kind| kind.is_dir()) {
                    folders.push_back(path);
                } else if is_video(&path)
                    && let Ok(located) = locator.locate(&folder, name)
                {
                    return Some(located);
                }
            }
        }
        None
    })
    .flatten()
}

fn is_video(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["mp4", "mov"].contains(&ending.to_ascii_lowercase().as_str()))
}

/// Whether only this machine, or the network around it, can reach it.
fn is_private(url: &Url) -> bool {
    let private = |address: IpAddr| match address {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".local"),
        Some(Host::Ipv4(ip)) => private(ip.into()),
        Some(Host::Ipv6(ip)) => private(ip.into()),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_only_we_reach_are_known() {
        let private = |url: &str| is_private(&Url::parse(url).unwrap());
        assert!(private("http://127.0.0.1:8080/m/") && private("http://192.168.1.4/"));
        assert!(private("http://localhost/") && private("http://[fd00::1]/"));
        assert!(!private("https://media.example.com/") && !private("https://203.0.113.9/"));
    }
}
