//! Whether the internet reaches the videos that lipsyncd itself serves: downloads a probe through `media.serve.public_url`.

use std::time::Duration;

use reqwest::{Client, redirect};

use super::{CheckResult, DoctorContext, error, ok, warning};
use crate::{
    cli::open,
    daemon,
    manifest::is_private_address,
    redact::root_cause,
    video_server::{PROBE, PROBE_OBJECT},
};

const TIME_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let config = &context.config;
    let serve = &config.media.serve;
    let (Some(url), Some(listen)) = (&serve.public_url, serve.listen) else { return Vec::new() };
    if config.upload.s3.bucket.is_some() {
        return vec![ok("not used: local videos are uploaded (upload.s3)")];
    }
    if is_private_address(url) && !is_private_address(&config.kling.base_url) {
        let message = format!("{url} is a private address: Kling cannot download videos from it");
        let fix = "set the address at which the internet reaches the tunnel or the reverse proxy";
        return vec![error(message, fix)];
    }
    // Without credentials, there is no link; the check of the credentials says so.
    let links = context.credentials.as_ref().and_then(|it| daemon::video_links(config, it));
    let Some(links) = links else { return Vec::new() };
    let is_running = context.database.as_ref().is_some_and(|database| database.daemon.is_some());
    if !is_running {
        let message = "the daemon does not run, so that nothing is served and nothing was tried";
        return vec![warning(message, "start the daemon, and run doctor again")];
    }
    let link = links.link(PROBE_OBJECT, open::now_ms());
    let fix = format!("make the tunnel or the reverse proxy pass its requests to http://{listen}");
    vec![match open::block_on(async { Ok(download(&link).await) }) {
        Ok(Ok((200, body))) if body == PROBE => ok(format!("{url}: a probe came from lipsyncd")),
        Ok(Ok((status, _))) => {
            error(format!("{url} answers HTTP {status}, and not with lipsyncd's probe"), fix)
        }
        Ok(Err(why)) => error(format!("{url}: {why}"), fix),
        Err(_) => error(format!("{url}: the request cannot be sent"), fix),
    }]
}

/// No error contains the link, because it is signed.
async fn download(link: &str) -> Result<(u16, Vec<u8>), String> {
    // The API's client may have installed it already; it is the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        Client::builder()
            .user_agent(concat!("lipsyncd/", env!("CARGO_PKG_VERSION")))
            .timeout(TIME_LIMIT)
            // A link is for lipsyncd alone.
            .redirect(redirect::Policy::none())
    };
    // A machine without root certificates can still ask a server of its own.
    let client = builder().build().or_else(|_| builder().tls_certs_only([]).build());
    let client = client.map_err(|failed| root_cause(&failed))?;
    let mut response = client.get(link).send().await.map_err(|failed| root_cause(&failed))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    // Another program may send any amount.
    while body.len() <= PROBE.len()
        && let Some(chunk) = response.chunk().await.map_err(|failed| root_cause(&failed))?
    {
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}
