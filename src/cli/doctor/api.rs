//! The API and the clock, by one free query: a page of the account's tasks.

use std::time::Duration;

use tokio::time::timeout;

use super::{finding::Finding, who::Who};
use crate::{
    cli::open,
    config::{Config, Credentials},
    daemon,
    kling::{Api as _, ApiError, Client, ErrorClass, RemoteTask, Reply},
};

const API: &str = "api";
const CLOCK: &str = "clock";

/// The query and what it waits for.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many tasks are asked for: enough to tell whether the database knows them.
const TASKS: u32 = 100;
/// A token is good from 5 s before to 30 min after; from here on it is worth a word.
const SKEW_MS: i64 = 60_000;

/// What is known of the account afterwards.
pub(super) struct Account {
    pub(super) client: Client,
    /// The tasks it last made.
    pub(super) tasks: Vec<RemoteTask>,
}

/// Asks the API. None without credentials, and where it gave no answer to go by.
pub(super) fn check(
    config: &Config,
    credentials: Option<&Credentials>,
    who: &Who,
    findings: &mut Vec<Finding>,
) -> Option<Account> {
    let shown = config.kling.base_url.as_str().trim_end_matches('/').to_owned();
    let Some(credentials) = credentials else {
        let message = format!("{shown} was not asked: there are no credentials to ask with");
        let mend = match who.unit() {
            Some(_) if !who.is_root() && !Who::was_handed_credentials() => who.doctor(),
            _ => "mend the credentials first".to_owned(),
        };
        findings.push(Finding::warning(API, message, mend));
        return None;
    };
    let mut config = config.clone();
    config.kling.request_timeout = config.kling.request_timeout.min(PATIENCE / 2);
    config.kling.connect_timeout = config.kling.connect_timeout.min(PATIENCE / 2);
    let client = match daemon::connect(&config, credentials) {
        Ok(client) => client,
        Err(error) => {
            let mend = who.root("apt-get install ca-certificates");
            findings.push(Finding::error(API, error.to_string(), mend));
            return None;
        }
    };
    let asked = open::block_on(async {
        let reply = timeout(PATIENCE, client.tasks(1, TASKS)).await;
        Ok((reply.ok(), open::now_ms()))
    });
    let Ok((Some(reply), now_ms)) = asked else {
        let message = format!("{shown} gave no answer within {} s", PATIENCE.as_secs());
        findings.push(Finding::error(API, message, format!("curl -sv {shown}/")));
        return None;
    };
    let clock = clock(&reply, now_ms, who);
    let tasks = match reply.result {
        Ok(tasks) => {
            let took_ms = reply.answer.took_ms;
            findings.push(Finding::ok(API, format!("{shown} answers, in {took_ms} ms")));
            Some(tasks)
        }
        Err(error) => {
            findings.push(refused(&shown, &error, who));
            None
        }
    };
    findings.extend(clock);
    tasks.map(|tasks| Account { client, tasks })
}

fn clock(reply: &Reply<Vec<RemoteTask>>, now_ms: i64, who: &Who) -> Option<Finding> {
    let refused = matches!(
        &reply.result,
        Err(error) if matches!(error.class, ErrorClass::ClockAhead | ErrorClass::TokenExpired)
    );
    let off_ms = now_ms.saturating_sub(reply.answer.server_at_ms?);
    let seconds = off_ms.abs() / 1000;
    let direction = if off_ms < 0 { "behind" } else { "ahead of" };
    let message = match seconds {
        0..2 => "agrees with the API's".to_owned(),
        _ => format!("{seconds} s {direction} the API's"),
    };
    let mend = || format!("{} && timedatectl", who.root("timedatectl set-ntp true"));
    Some(if refused {
        let message = format!("{message}: the token is refused for its times");
        Finding::error(CLOCK, message, mend())
    } else if off_ms.abs() > SKEW_MS {
        Finding::warning(
            CLOCK,
            format!("{message}; tokens are signed by the API's meanwhile"),
            mend(),
        )
    } else {
        Finding::ok(CLOCK, message)
    })
}

fn refused(shown: &str, error: &ApiError, who: &Who) -> Finding {
    let message = error.to_string();
    let status = || who.lipsyncd("status");
    match error.class {
        ErrorClass::Credentials => {
            let place = who.credentials_folder().filter(|_| who.unit().is_some());
            let place = place.map_or_else(
                || "put the keys of your account into the environment".to_owned(),
                |folder| format!("put the keys of your account into {}", folder.display()),
            );
            Finding::error(API, message, format!("{place}\n{}", who.restart()))
        }
        ErrorClass::ClockAhead | ErrorClass::TokenExpired => {
            Finding::error(API, message, who.root("timedatectl set-ntp true"))
        }
        ErrorClass::OutOfCredit => Finding::error(
            API,
            message,
            format!("pay, or buy a resource pack: the line goes on by itself then\n{}", status()),
        ),
        ErrorClass::Forbidden => Finding::error(
            API,
            message,
            "have this API enabled for the account, in Kling's console",
        ),
        ErrorClass::IpNotAllowed => Finding::error(
            API,
            message,
            "add this machine's public address to the whitelist in Kling's console",
        ),
        ErrorClass::RateLimited | ErrorClass::Concurrency => Finding::warning(
            API,
            message,
            "ask again in a minute; if it stays, lower limits.query_per_second",
        ),
        ErrorClass::ServerProblem => Finding::warning(
            API,
            message,
            format!("{} (the daemon tries again by itself)", status()),
        ),
        _ => {
            Finding::error(API, message, format!("curl -sv {shown}/ (and look at kling.base_url)"))
        }
    }
}
