//! `lipsyncd pause`: stop paid calls.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open,
    text::{counted, time},
};
use crate::store::{OpenCreates, Pause, PauseKind, Store, lock_holder};

/// Stop paid calls until `lipsyncd resume`
///
/// No task is created and no video is identified until `lipsyncd resume`, also after a restart of the
/// daemon. Tasks that Kling accepted are followed to their end, and their results are fetched.
///
/// The command returns when the create requests that the daemon has sent already are answered: nothing is
/// created after that. It waits for `kling.request_timeout` and 5 s at most. If a create request has no
/// clear answer by then, Kling may accept that one although the queue is paused; the command says how
/// many there are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd pause && lipsyncd status\n\n\
    Exit codes: 0 paused, and no create request is in flight; 1 paused, and some have no answer in time")]
pub struct Args {}

/// The daemon writes an answer, or that none came, so long after `kling.request_timeout` at the latest.
const GRACE: Duration = Duration::from_secs(5);
/// How often the database is read while answers are awaited.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) fn run(_: &Args, context: &mut CommandContext<'_>) -> Result<ExitCode, CommandError> {
    let store = open::store(context.config)?;
    open::block_on(async {
        let known = store.pause().await?.filter(|known| known.kind == PauseKind::Person);
        if known.is_none() {
            let pause = Pause {
                kind: PauseKind::Person,
                reason: "paused by `lipsyncd pause`; `lipsyncd resume` ends it".to_owned(),
                code: None,
                since_ms: open::now_ms(),
                next_probe_at_ms: None,
            };
            store.set_pause(Some(pause)).await?;
        }
        // No create request is written after that commit: those that are in flight were written before it.
        let open = answered(&store, context).await?;
        match known {
            Some(known) => {
                writeln!(context.out, "Paused already, since {}.", time(known.since_ms))?;
            }
            None => writeln!(
                context.out,
                "Paused: nothing is paid for until `lipsyncd resume`. Tasks that Kling accepted are \
                 followed to their end."
            )?,
        }
        context.out.flush()?;
        if open.in_all > 0 {
            writeln!(context.err, "warning: {}", unknown(open))?;
        }
        Ok(match open.in_flight {
            0 => ExitCode::Done,
            _ => ExitCode::Failed,
        })
    })
}

/// Waits until the create requests in flight are answered, while a daemon runs that can write the answers. Returns those
/// that have an unknown outcome then.
async fn answered(
    store: &Store,
    context: &mut CommandContext<'_>,
) -> Result<OpenCreates, CommandError> {
    let began = Instant::now();
    let patience = context.config.kling.request_timeout.saturating_add(GRACE);
    let mut is_told = false;
    loop {
        let open = store.open_creates().await?;
        if lock_holder(&context.config.state_db).is_none() {
            // No process sends anything: the next start looks them up.
            return Ok(OpenCreates { in_flight: 0, ..open });
        }
        if open.in_flight == 0 || began.elapsed() >= patience {
            return Ok(open);
        }
        if !is_told {
            let requests = counted(open.in_flight, "create request");
            writeln!(
                context.err,
                "The queue is paused. Waiting for the answer to {requests} in flight …"
            )?;
            context.err.flush()?;
            is_told = true;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What a create request without a clear answer means.
fn unknown(open: OpenCreates) -> String {
    let have = if open.in_all == 1 { "has" } else { "have" };
    let in_flight = match open.in_flight {
        0 => String::new(),
        count => format!(" ({count} in flight, without an answer in time)"),
    };
    format!(
        "{} {have} an unknown outcome{in_flight}: Kling may have accepted it, or may still do so, and that \
         is paid. lipsyncd looks each up, and sends none of them again while the queue is paused; \
         `lipsyncd list --state creating` lists them",
        counted(open.in_all, "create request")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_create_requests_are_counted() {
        let said = unknown(OpenCreates { in_flight: 0, in_all: 1 });
        assert!(said.starts_with("1 create request has an unknown outcome: "), "{said}");
        let said = unknown(OpenCreates { in_flight: 2, in_all: 3 });
        let begin =
            "3 create requests have an unknown outcome (2 in flight, without an answer in time): ";
        assert!(said.starts_with(begin), "{said}");
    }
}
