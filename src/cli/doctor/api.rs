//! The API and the clock, checked with one free query: a page of the account's tasks.

use std::time::Duration;

use tokio::time::timeout;

use super::{AccountAnswer, CheckResult, DoctorContext, Users, error, ok, warning};
use crate::{
    cli::open,
    daemon,
    kling::{Api as _, ApiError, ErrorClass, RemoteTask, Reply},
};

const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Enough tasks to see whether the database knows them.
const TASKS: u32 = 100;
/// A token is valid from 5 s before to 30 min after it was signed. A larger difference than this is reported.
const SKEW_MS: i64 = 60_000;
/// The API's hosts. Keys of one region are unknown at the host of another.
const REGIONS: [&str; 3] = [
    "https://api-singapore.klingai.com",
    "https://api-beijing.klingai.com",
    "https://api.klingai.com",
];

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let users = &context.users;
    let url = context.config.kling.base_url.as_str().trim_end_matches('/').to_owned();
    let Some(credentials) = &context.credentials else {
        let message = format!("{url} was not queried: there are no credentials");
        let fix = match users.unit() {
            Some(_) if !users.is_root() && !Users::has_systemd_credentials() => users.doctor(),
            _ => "fix the credentials first".to_owned(),
        };
        return vec![warning(message, fix)];
    };
    let mut config = context.config.clone();
    config.kling.request_timeout = config.kling.request_timeout.min(TIME_LIMIT / 2);
    config.kling.connect_timeout = config.kling.connect_timeout.min(TIME_LIMIT / 2);
    let client = match daemon::connect(&config, credentials) {
        Ok(client) => client,
        Err(failed) => {
            let fix = users.root("apt-get install ca-certificates");
            return vec![error(failed.to_string(), fix)];
        }
    };
    let reply = open::block_on(async { Ok(timeout(TIME_LIMIT, client.tasks(1, TASKS)).await) });
    let now_ms = open::now_ms();
    let Ok(Ok(reply)) = reply else {
        let message = format!("{url} gave no answer within {} s", TIME_LIMIT.as_secs());
        return vec![error(message, format!("curl -sv {url}/"))];
    };
    let clock = clock(&reply, now_ms, users).map(|finding| finding.named("clock"));
    let finding = match reply.result {
        Ok(tasks) => {
            context.account = Some(AccountAnswer { client, tasks });
            ok(format!("{url} answered in {} ms", reply.answer.took_ms))
        }
        Err(failed) => failure(&url, &failed, users),
    };
    [Some(finding), clock].into_iter().flatten().collect()
}

fn clock(reply: &Reply<Vec<RemoteTask>>, now_ms: i64, users: &Users) -> Option<CheckResult> {
    let off_ms = now_ms.saturating_sub(reply.answer.server_at_ms?);
    let direction = if off_ms < 0 { "behind" } else { "ahead of" };
    let message = match off_ms.abs() / 1000 {
        0..2 => "agrees with the API's clock".to_owned(),
        seconds => format!("{seconds} s {direction} the API's clock"),
    };
    let fix = || format!("{} && timedatectl", users.root("timedatectl set-ntp true"));
    Some(match &reply.result {
        Err(ApiError { class: ErrorClass::ClockAhead | ErrorClass::TokenExpired, .. }) => {
            error(format!("{message}: the API refused the token because of its times"), fix())
        }
        _ if off_ms.abs() > SKEW_MS => {
            warning(format!("{message}; tokens are signed with the API's time until then"), fix())
        }
        _ => ok(message),
    })
}

/// Says where the keys may be valid instead.
fn other_regions(url: &str) -> String {
    let others: Vec<&str> = REGIONS.into_iter().filter(|region| *region != url).collect();
    format!("or set kling.base_url to the host of the keys' region: {}", others.join(", "))
}

fn failure(url: &str, failed: &ApiError, users: &Users) -> CheckResult {
    let status = users.lipsyncd("status");
    let (finding, fix): (fn(String, String) -> CheckResult, _) = match failed.class {
        ErrorClass::Credentials => {
            let place = users
                .unit_credentials()
                .map_or("the environment".into(), |folder| folder.display().to_string());
            let fix = format!(
                "put the keys of your account into {place}\n{}\n{}",
                other_regions(url),
                users.restart()
            );
            (error, fix)
        }
        ErrorClass::ClockAhead | ErrorClass::TokenExpired => {
            (error, users.root("timedatectl set-ntp true"))
        }
        ErrorClass::OutOfCredit => (
            error,
            format!(
                "pay, or buy a resource pack; the queue is then resumed automatically\n{status}"
            ),
        ),
        ErrorClass::Forbidden => {
            (error, "have this API enabled for the account, in Kling's console".to_owned())
        }
        ErrorClass::IpNotAllowed => (
            error,
            "add this machine's public address to the whitelist in Kling's console".to_owned(),
        ),
        ErrorClass::RateLimited | ErrorClass::Concurrency => (
            warning,
            "run doctor again in a minute; if this stays, lower limits.query_per_second".to_owned(),
        ),
        ErrorClass::ServerProblem => {
            (warning, format!("{status} (the daemon tries again automatically)"))
        }
        _ => (error, format!("curl -sv {url}/ (and check kling.base_url)")),
    };
    finding(failed.to_string(), fix)
}
