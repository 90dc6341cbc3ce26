//! Notifications: messages that could not be sent, and webhooks without a signature.

use std::env;

use super::{CheckResult, DoctorContext, error, ok, warning};
use crate::{
    cli::text::{counted, first_line},
    config::{NotifyChannel, NotifySecret, WebhookFormat},
};

/// Checks the secret that signs webhooks, where one is needed.
pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let targets = &context.config.notify;
    if targets.is_empty() {
        return Vec::new();
    }
    let is_signed = |channel: &NotifyChannel| {
        matches!(channel, NotifyChannel::Webhook { format: WebhookFormat::Json, .. })
    };
    let webhooks = targets.iter().filter(|target| is_signed(&target.channel)).count();
    let mut findings = Vec::new();
    // Only root may look into the folder of the package.
    let of_package = context.users.credentials_folder().map(|folder| folder.join("notify_secret"));
    match NotifySecret::find(&|name| env::var_os(name)) {
        Ok(None) if of_package.is_some_and(|file| file.exists()) => {}
        Err(wrong) => findings.push(error(wrong.to_string(), "correct NOTIFY_SECRET")),
        Ok(None) if webhooks > 0 => {
            let fix = "set NOTIFY_SECRET for the daemon, and verify signatures at the receiver; if only the daemon has \
                       it, nothing is wrong";
            findings.push(warning("webhooks are not signed here: NOTIFY_SECRET is not set", fix));
        }
        Ok(_) => {}
    }
    findings.extend(unsent(context));
    if findings.is_empty() {
        let count = i64::try_from(context.config.notify.len()).unwrap_or(i64::MAX);
        findings
            .push(ok(format!("{}; test with `lipsyncd notify --test`", counted(count, "target"))));
    }
    findings
}

fn unsent(context: &DoctorContext) -> Option<CheckResult> {
    let problems = &context.database.as_ref()?.queue_status.notifications;
    let problem = first_line(problems.problem.as_deref()?);
    let message = match problems.dead {
        0 => format!("{} not sent yet: {problem}", counted(problems.failing, "message")),
        dead => format!("{} not sent for 24 h: {problem}", counted(dead, "message")),
    };
    let users = &context.users;
    let (test, retry) = (users.lipsyncd("notify --test"), users.lipsyncd("notify --retry"));
    Some(match problems.dead {
        0 => warning(message, test),
        _ => warning(message, format!("{test}\n{retry}")),
    })
}
