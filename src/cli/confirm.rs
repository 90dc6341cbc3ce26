//! The question before a command changes jobs.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::{CommandContext, CommandError, ExitCode, Result, text::safe};

/// How a command confirms what it does to many jobs.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct ConfirmArgs {
    /// Do not ask for confirmation
    #[arg(long)]
    pub(super) yes: bool,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Asks whether to do what `text` describes; `name`: the verb, such as `retry`. With `dry_run`, only says what would be done.
pub(super) fn confirm(
    name: &str,
    text: &str,
    dry_run: bool,
    context: &mut CommandContext<'_>,
) -> Result<bool> {
    let text = safe(text);
    if dry_run {
        writeln!(context.out, "Would {name} {text}. Nothing was changed.")?;
        return Ok(false);
    }
    if !io::stdin().is_terminal() {
        let error = format!("confirmation needed to {name} {text}");
        return Err(CommandError::new(ExitCode::Usage, error)
            .hint("add --yes to confirm, or --dry-run to only see what it would do"));
    }
    context.out.flush()?;
    let (first, others) = name.split_at(1);
    let first = first.to_ascii_uppercase();
    write!(context.err, "{first}{others} {text}. Continue? [y/N] ")?;
    context.err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !is_yes {
        writeln!(context.err, "Nothing was changed.")?;
    }
    Ok(is_yes)
}
