//! Whether local videos can be fetched from `media.public_base_url`, as the API will fetch them.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE},
};

use super::{CheckResult, DoctorContext, OpenDatabase, error, ok, timeout};
use crate::{
    cli::{open, shell_word},
    config::Config,
    daemon,
    job::Source,
    manifest::is_private_address,
    media::{Located, public_url},
    redact::root_cause,
};

const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The most jobs, the latest first, and then the most files that are searched for a video to try.
const JOBS_MAX: usize = 20;
const FILES_MAX: usize = 5_000;

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let config = &context.config;
    let has_bucket = config.upload.s3.bucket.is_some();
    let is_served = config.media.serve.listen.is_some();
    let base = match &config.media.public_base_url {
        Some(_) if has_bucket => {
            return vec![ok("not used: local videos are uploaded (upload.s3)")];
        }
        Some(_) if is_served => {
            return vec![ok("not used: lipsyncd serves local videos (media.serve)")];
        }
        None if has_bucket || is_served => return Vec::new(),
        None => return vec![ok("not set: local videos need it, or upload.s3, or media.serve")],
        Some(base) => base,
    };
    if is_private_address(base) && !is_private_address(&config.kling.base_url) {
        let message = format!("{base} is a private address: the API cannot reach it");
        return vec![error(message, "set the address at which the internet reaches these folders")];
    }
    let of_a_job = context.database.as_ref().and_then(|database| video_of_a_job(config, database));
    let video = of_a_job.or_else(|| video_in_folders(config));
    let (url, length) = match &video {
        Some(located) => {
            (public_url(base.as_str(), &located.public_path), Some(located.stamp.bytes()))
        }
        None => (base.to_string(), None),
    };
    let curl = format!("curl -sSI {}", shell_word(&url));
    let response = match get(&url) {
        Ok(response) => response,
        Err(why) => return vec![error(format!("{url}: {why}"), curl)],
    };
    let status = response.status();
    let sent = length_of(&response);
    vec![match length {
        None => {
            ok(format!("{url} answers (HTTP {}); there is no local video to try", status.as_u16()))
        }
        Some(_) if !status.is_success() => error(
            format!("{url} should be a local video, but the answer is HTTP {}", status.as_u16()),
            format!("make your web server serve jobs_dir and each of media.dirs there; {curl}"),
        ),
        Some(length) if sent == Some(length) => {
            ok(format!("{url} answers with its {length} bytes"))
        }
        Some(length) => {
            let sent = sent.map_or("an unknown length".into(), |sent| format!("{sent} bytes"));
            error(
                format!("{url} has {length} bytes here, but the answer has {sent}"),
                format!("make your web server serve this file, with its length; {curl}"),
            )
        }
    }]
}

/// Asks for the first byte, and does not read the body.
fn get(url: &str) -> Result<Response, String> {
    // The API's client may have installed it already; it is the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        Client::builder()
            .user_agent(concat!("lipsyncd/", env!("CARGO_PKG_VERSION")))
            .timeout(TIME_LIMIT)
    };
    // A machine without root certificates can still ask a server of its own.
    let client = builder().build().or_else(|_| builder().tls_certs_only([]).build());
    let client = client.map_err(|failed| root_cause(&failed))?;
    let sent =
        open::block_on(async { Ok(client.get(url).header(RANGE, "bytes=0-0").send().await) });
    sent.map_err(|_| "the request cannot be sent".to_owned())?.map_err(|failed| root_cause(&failed))
}

fn length_of(response: &Response) -> Option<u64> {
    let header = |name| response.headers().get(name)?.to_str().ok();
    match response.status() {
        StatusCode::PARTIAL_CONTENT => header(CONTENT_RANGE)?.rsplit('/').next()?.parse().ok(),
        _ => header(CONTENT_LENGTH)?.parse().ok(),
    }
}

fn video_of_a_job(config: &Config, database: &OpenDatabase) -> Option<Located> {
    let locator = daemon::locator(config);
    let keys = database.reader.jobs_with_local_videos(JOBS_MAX).ok()?;
    let jobs = keys.iter().filter_map(|key| database.reader.detail(key).ok().flatten());
    let named: Vec<(PathBuf, String)> = jobs
        .filter_map(|detail| match &detail.state.job.spec.video {
            Source::File(name) => {
                Some((config.jobs_dir.join(detail.state.job.manifest_dir()), name.clone()))
            }
            _ => None,
        })
        .collect();
    timeout::within(TIME_LIMIT, move || {
        named.iter().find_map(|(folder, name)| locator.locate(folder, name).ok())
    })
    .flatten()
}

fn video_in_folders(config: &Config) -> Option<Located> {
    let locator = daemon::locator(config);
    let mut folders: VecDeque<PathBuf> =
        config.media.dirs.iter().chain([&config.jobs_dir]).cloned().collect();
    timeout::within(TIME_LIMIT, move || {
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
