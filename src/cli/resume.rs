//! `lipsyncd resume`: let paid calls go on.

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open,
    text::safe,
};
use crate::store::{PauseKind, lock_holder};

/// Let paid calls go on
///
/// Ends the pause of `lipsyncd pause`. Also ends a pause that the API's answers made (credentials
/// that are refused, an account that cannot pay): the daemon then tries at once instead of at its
/// next probe, and pauses again if the API still refuses.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd resume && lipsyncd status --watch")]
pub struct Args {}

pub(super) fn run(_: &Args, context: &mut CommandContext<'_>) -> Result<ExitCode, CommandError> {
    let store = open::store(context.config)?;
    let known = open::block_on(async {
        let known = store.pause().await?;
        if known.is_some() {
            store.set_pause(None).await?;
        }
        Ok(known)
    })?;
    match known {
        None => writeln!(context.out, "Was not paused.")?,
        Some(known) if known.kind == PauseKind::Person => {
            writeln!(context.out, "Resumed: paid calls go on.")?;
        }
        Some(known) => writeln!(
            context.out,
            "Resumed: the API is tried again at once. It had been paused for: {}",
            safe(&known.reason)
        )?,
    }
    if lock_holder(&context.config.state_db).is_none() {
        writeln!(context.err, "note: the daemon does not run; `{}` starts it", context.start)?;
    }
    Ok(ExitCode::Done)
}
