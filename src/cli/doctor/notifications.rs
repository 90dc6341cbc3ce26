//! Notifications: messages that could not be sent, webhooks without a signature, and commands that cannot run.

use std::{env, fs, os::unix::fs::PermissionsExt as _};

use super::{CheckResult, DoctorContext, error, ok, warning};
use crate::{
    cli::text::{counted, first_line, shell_word},
    config::{NotifyChannel, NotifySecret, WebhookFormat},
};

/// Checks the secret that signs webhooks, where one is needed, and the programs of commands.
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
    findings.extend(targets.iter().filter_map(|target| missing_program(&target.channel)));
    findings.extend(unsent(context));
    if findings.is_empty() {
        let count = i64::try_from(context.config.notify.len()).unwrap_or(i64::MAX);
        findings
            .push(ok(format!("{}; test with `lipsyncd notify --test`", counted(count, "target"))));
    }
    findings
}

/// Checks a program that is named by its path. A name is looked up in the daemon's `PATH`, which is unknown here.
fn missing_program(channel: &NotifyChannel) -> Option<CheckResult> {
    let NotifyChannel::Command(words) = channel else { return None };
    let program = words.first().filter(|program| program.contains('/'))?;
    match fs::metadata(program) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => None,
        Ok(_) => {
            let fix = format!("chmod +x {}", shell_word(program));
            Some(warning(format!("the command {program} is no executable file"), fix))
        }
        Err(error) => {
            let fix = "correct the path in `notify`, or install the program";
            Some(warning(format!("the command {program} cannot run: {error}"), fix))
        }
    }
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
