//! `lipsyncd pause`: stop paid calls.

use super::{CommandError, Context, ExitCode, open, text::time};
use crate::store::{Pause, PauseKind};

/// Stop paid calls until `lipsyncd resume`
///
/// No new task is started and no video is identified until `lipsyncd resume`, also after a restart
/// of the daemon. Tasks that were accepted are followed to their end, and what they made is fetched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd pause && lipsyncd status")]
pub struct Args {}

pub(super) fn run(_: &Args, context: &mut Context<'_>) -> Result<ExitCode, CommandError> {
    let store = open::store(context.config)?;
    let known = open::block_on(async {
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
        Ok(known)
    })?;
    match known {
        Some(known) => writeln!(context.out, "Paused already, since {}.", time(known.since_ms))?,
        None => writeln!(
            context.out,
            "Paused: nothing is paid for until `lipsyncd resume`. What was sent is followed to its \
             end."
        )?,
    }
    Ok(ExitCode::Done)
}
