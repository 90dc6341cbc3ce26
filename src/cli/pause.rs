//! `lipsyncd pause`: stops paid calls.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{CommandContext, ExitCode, Result, counted, open, time};
use crate::store::{OpenCreates, Store, lock_holder};

/// Stop paid calls until `lipsyncd resume`
///
/// No task is created and no video is identified until `lipsyncd resume`, also after a restart of the
/// daemon. Tasks that Kling accepted are followed to their end, and their results are fetched.
///
/// The command waits until the create requests in flight are answered, at most `kling.request_timeout` and
/// 5 s. No task is created after it returns. If a create request has no clear answer by then, Kling may still
/// accept it although the queue is paused; the command prints how many such requests there are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd pause && lipsyncd status\n\n\
    Exit codes:\n  0  paused, and no create request is in flight\n  1  paused, and a create request has no answer in time")]
pub(super) struct Args {}

/// The daemon stores an answer, or that none came, at the latest this long after `kling.request_timeout`.
const GRACE: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(_: &Args, context: &mut CommandContext<'_>) -> Result {
    let store = open::store(context.config)?;
    open::block_on(async {
        let earlier = store.pause_by_person(open::now_ms()).await?;
        // After this commit the daemon writes no create request. All that are in flight were written before.
        let open = wait_for_answers(&store, context).await?;
        match earlier {
            Some(pause) => writeln!(
                context.out,
                "The queue was already paused, since {}. Nothing changed.",
                time(pause.since_ms)
            )?,
            None => writeln!(
                context.out,
                "Queue paused: no paid calls until `lipsyncd resume`.\n\
                 Tasks that Kling accepted are followed to their end."
            )?,
        }
        context.out.flush()?;
        if open.in_all > 0 {
            writeln!(context.err, "warning: {}", describe_open(open))?;
        }
        Ok(match open.in_flight {
            0 => ExitCode::Done,
            _ => ExitCode::Failed,
        })
    })
}

/// Waits until the create requests in flight are answered, as long as a daemon runs that can store the answers.
/// Returns the requests that still have an unknown outcome.
async fn wait_for_answers(store: &Store, context: &mut CommandContext<'_>) -> Result<OpenCreates> {
    let start = Instant::now();
    let timeout = context.config.kling.request_timeout.saturating_add(GRACE);
    let mut has_printed = false;
    loop {
        let open = store.open_creates().await?;
        if lock_holder(&context.config.state_db).is_none() {
            // No process sends anything. The next daemon checks these requests.
            return Ok(OpenCreates { in_flight: 0, ..open });
        }
        if open.in_flight == 0 || start.elapsed() >= timeout {
            return Ok(open);
        }
        if !has_printed {
            let requests = counted(open.in_flight, "create request");
            writeln!(
                context.err,
                "The queue is paused. Waiting for the answer to {requests} in flight …"
            )?;
            context.err.flush()?;
            has_printed = true;
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn describe_open(open: OpenCreates) -> String {
    let have = if open.in_all == 1 { "has" } else { "have" };
    let in_flight = match open.in_flight {
        0 => String::new(),
        count => format!(" ({count} in flight, no answer in time)"),
    };
    format!(
        "{} {have} an unknown outcome{in_flight}: Kling may accept it, now or later, and then it is paid. \
         lipsyncd checks each request, and sends none again while the queue is paused; \
         `lipsyncd list --state creating` shows the jobs",
        counted(open.in_all, "create request")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_create_requests_are_counted() {
        let text = describe_open(OpenCreates { in_flight: 0, in_all: 1 });
        assert!(text.starts_with("1 create request has an unknown outcome: "), "{text}");
        let text = describe_open(OpenCreates { in_flight: 2, in_all: 3 });
        let begin = "3 create requests have an unknown outcome (2 in flight, no answer in time): ";
        assert!(text.starts_with(begin), "{text}");
    }
}
