//! `lipsyncd completions`: scripts that complete the commands in a shell.

use std::io::Write;

use clap::Command;
use clap_complete::Shell;

use super::{ExitCode, Result};
/// Print shell completions
///
/// Prints a script to stdout. Save it where your shell loads completions from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd completions bash > /etc/bash_completion.d/lipsyncd\n  \
    lipsyncd completions zsh > ~/.zfunc/_lipsyncd")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Args, cli: &Command, out: &mut dyn Write) -> Result {
    // The generator panics on a closed pipe, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut visible(cli), "lipsyncd", &mut script);
    out.write_all(&script)?;
    Ok(ExitCode::Done)
}

fn visible(cli: &Command) -> Command {
    let about = cli.get_about().cloned().unwrap_or_default();
    Command::new("lipsyncd")
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .args(cli.get_arguments())
        .subcommands(cli.get_subcommands().filter(|command| !command.is_hide_set()))
}
