//! Downloads a video by a signed link, as Kling does. Only from this machine: the simulator sends nothing elsewhere.

use std::{io::Write as _, path::Path};

use reqwest::{Client, redirect};
use tokio::runtime::Handle;
use url::Url;

use super::{media_facts::SimVideoFacts, url_target::is_loopback};

/// The parameter that makes a URL a signed link (S3, version 4).
const SIGNATURE: &str = "X-Amz-Signature";

/// Returns the facts about the video behind a signed link to a server of this machine, or why it cannot be downloaded;
/// none for any other URL. Blocks.
pub(super) fn read(
    url: &Url,
    video: fn(&Path) -> Option<SimVideoFacts>,
) -> Option<Result<SimVideoFacts, String>> {
    let mut parts = url.path_segments().into_iter().flatten().rev().skip(3);
    // Of a bucket, or of `media.serve`: `/m/<expiry>/<mac>/<name>`.
    let is_signed =
        url.query_pairs().any(|(name, _)| name == SIGNATURE) || parts.next() == Some("m");
    if !is_signed || !is_loopback(url) {
        return None;
    }
    // Without a runtime there is no network either.
    let runtime = Handle::try_current().ok()?;
    Some(runtime.block_on(download(url)).and_then(|bytes| {
        // The ending decides how a file is read.
        let ending =
            url.path().rsplit_once('.').map_or(".mp4".to_owned(), |(_, end)| format!(".{end}"));
        let file = tempfile::Builder::new().suffix(&ending).tempfile();
        let mut file = file.map_err(|error| error.to_string())?;
        file.write_all(&bytes).map_err(|error| error.to_string())?;
        video(file.path()).ok_or_else(|| "it is not a video".to_owned())
    }))
}

async fn download(url: &Url) -> Result<Vec<u8>, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_certs_only(std::iter::empty())
        .build()
        .map_err(|error| error.to_string())?;
    let response = client.get(url.clone()).send().await.map_err(|_| "no answer".to_owned())?;
    if !response.status().is_success() {
        return Err(format!("HTTP {}", response.status().as_u16()));
    }
    let bytes = response.bytes().await.map_err(|_| "the answer is not complete".to_owned())?;
    Ok(bytes.to_vec())
}
