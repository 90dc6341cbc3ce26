//! `lipsyncd notify`: messages that could not be sent, and a test of the targets.

use std::env;

use super::{
    CommandContext, CommandError, ExitCode, Result, counted, note_absent_daemon, open, safe, time,
};
use crate::{config::NotifySecret, daemon, store::Notification};

const LISTED_MAX: i64 = 50;

/// List messages that could not be sent, and test where they go
///
/// The configuration's `notify` lists webhooks and commands, and the events that each of them gets. Without an
/// option, this command lists messages that could not be sent, with the number of tries. The daemon tries each of them
/// for 24 hours; after that, it waits for --retry or --discard.
///
/// --test sends one test message to each target now. Webhooks are signed with NOTIFY_SECRET from the environment;
/// a secret that only systemd passes to the daemon is not in a shell's environment.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd notify --test    send a test message to each target\n  \
    lipsyncd notify --retry   send all listed messages again, now\n\n\
    Exit codes: 0 done, 1 a test message did not arrive")]
pub(super) struct Args {
    /// Send a test message to each target, and print each result
    #[arg(long, conflicts_with_all = ["retry", "discard"])]
    test: bool,
    /// Send all listed messages again, now, and for another 24 hours
    #[arg(long, conflicts_with = "discard")]
    retry: bool,
    /// Delete all listed messages, also those that would be tried again
    #[arg(long)]
    discard: bool,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    if arguments.test {
        return test(context);
    }
    if arguments.retry || arguments.discard {
        let store = open::store(context.config)?;
        let is_retry = arguments.retry;
        let messages = open::block_on(async {
            Ok(match is_retry {
                true => store.retry_notifications().await?,
                false => store.discard_notifications().await?,
            })
        })?;
        let messages = counted(i64::try_from(messages).unwrap_or(i64::MAX), "message");
        let what = if is_retry { "to be sent again" } else { "deleted" };
        writeln!(context.out, "{messages} {what}.")?;
        if is_retry {
            note_absent_daemon(context)?;
        }
        return Ok(ExitCode::Done);
    }
    let unsent = open::reader(context.config)?.unsent_notifications(LISTED_MAX)?;
    if unsent.is_empty() {
        writeln!(context.out, "No message failed.")?;
    }
    for message in &unsent {
        list(context, message)?;
    }
    Ok(ExitCode::Done)
}

fn list(context: &mut CommandContext<'_>, message: &Notification) -> Result<()> {
    let place = usize::try_from(message.target - 1).unwrap_or(usize::MAX);
    let target = context.config.notify.get(place).map_or_else(String::new, |target| target.name());
    let about = message.job.as_deref().or(message.manifest.as_deref()).unwrap_or_default();
    let problem = message.problem.as_deref().unwrap_or_default();
    let tries = match message.tries {
        1 => "1 try".to_owned(),
        several => format!("{several} tries"),
    };
    writeln!(
        context.out,
        "{}  {}  {}  {}  ({tries}): {}",
        time(message.at_ms),
        safe(&target),
        message.event,
        safe(about),
        safe(problem)
    )?;
    Ok(())
}

fn test(context: &mut CommandContext<'_>) -> Result {
    let secret = NotifySecret::find(&|name| env::var_os(name))
        .map_err(|error| CommandError::new(ExitCode::Usage, error.to_string()))?;
    let targets = daemon::notify_targets(context.config, secret.as_ref());
    if targets.is_empty() {
        writeln!(context.out, "The configuration has no `notify` targets.")?;
        return Ok(ExitCode::Done);
    }
    let mut exit = ExitCode::Done;
    for target in &targets {
        let sent = open::block_on(async { Ok(target.send_test(open::now_ms()).await) })?;
        let result = match sent {
            Ok(answer) => format!("sent ({answer})"),
            Err(error) => {
                exit = ExitCode::Failed;
                format!("failed: {error}")
            }
        };
        writeln!(context.out, "{}: {}", safe(target.name()), safe(&result))?;
    }
    Ok(exit)
}
