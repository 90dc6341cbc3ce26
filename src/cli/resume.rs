//! `lipsyncd resume`: allows paid calls again.

use super::{CommandContext, ExitCode, Result, note_absent_daemon, open, safe};
use crate::store::PauseKind;

/// Allow paid calls again
///
/// Ends the pause of `lipsyncd pause`. Also ends a pause that the API caused (it refused the credentials, or
/// the account cannot pay): the daemon then tries at once instead of at its next probe. If the API still
/// refuses, the queue is paused again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd resume && lipsyncd status --watch")]
pub(super) struct Args {}

pub(super) fn run(_: &Args, context: &mut CommandContext<'_>) -> Result {
    let store = open::store(context.config)?;
    let ended = open::block_on(async { Ok(store.resume().await?) })?;
    match ended {
        None => writeln!(context.out, "The queue was not paused.")?,
        Some(pause) if pause.kind == PauseKind::Person => {
            writeln!(context.out, "Queue resumed: paid calls are allowed again.")?;
        }
        Some(pause) => writeln!(
            context.out,
            "Queue resumed: the API is tried again now. It was paused because: {}",
            safe(&pause.reason)
        )?,
    }
    note_absent_daemon(context)?;
    Ok(ExitCode::Done)
}
