//! The proxy between this machine and the API.

use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use super::{CheckResult, DoctorContext, Users, error, ok};
use crate::{
    cli::{open, text::safe},
    kling::Proxy,
};

const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Names the proxy in use, and what it answers if it lets nothing through.
pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let base_url = &context.config.kling.base_url;
    let Some(proxy) = Proxy::of(base_url) else { return Vec::new() };
    if !proxy.is_supported() {
        let message =
            format!("{proxy} is set in the environment: lipsyncd cannot use SOCKS proxies");
        return vec![error(message, "set HTTPS_PROXY to an HTTP proxy, or unset ALL_PROXY")];
    }
    let host = base_url.host_str().unwrap_or_default();
    if context.account.is_some() {
        return vec![ok(format!("{proxy} lets requests to {host} through"))];
    }
    let asked = open::block_on(async {
        Ok(timeout(TIME_LIMIT, proxy.answer_to_connect(base_url)).await.ok().flatten())
    });
    vec![finding(&proxy, asked.ok().flatten().as_deref(), base_url, &context.users)]
}

fn finding(proxy: &Proxy, answer: Option<&str>, base_url: &Url, users: &Users) -> CheckResult {
    let host = base_url.host_str().unwrap_or_default();
    let port = base_url.port_or_known_default().unwrap_or(443);
    let direct = match users.unit() {
        Some(_) => format!("set NO_PROXY={host} for the service, as docs/configuration.md shows"),
        None => format!("export NO_PROXY={host}"),
    };
    match answer {
        Some(answer) if answer.starts_with('2') => {
            ok(format!("{proxy} opens connections to {host}:{port}"))
        }
        Some(answer) => {
            let fix = match answer.starts_with("407") {
                true => "put user and password into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"
                    .to_owned(),
                false => {
                    format!("allow {host}:{port} in the proxy\n{direct} (goes around the proxy)")
                }
            };
            let answer = safe(answer);
            let message = format!("{proxy} refused CONNECT {host}:{port} with HTTP {answer}");
            error(message, fix)
        }
        None => {
            let message = format!("{proxy}, through which {host} is called, does not answer");
            error(message, format!("curl -sv {proxy}\n{direct} (goes around the proxy)"))
        }
    }
}
