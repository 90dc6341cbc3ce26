//! `lipsyncd completions`: what a shell needs to complete our commands.

use std::io::Write;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::{
    Cli,
    error::{CommandError, ExitCode},
};

/// Print the completions of a shell
///
/// Prints a script for the shell to stdout; save it where the shell looks for completions.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd completions bash > /etc/bash_completion.d/lipsyncd\n  \
    lipsyncd completions zsh > ~/.zfunc/_lipsyncd")]
pub struct Args {
    /// For which shell
    shell: Shell,
}

pub(super) fn run(arguments: &Args, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    // The generator takes a closed pipe for a bug, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut listed(&Cli::command()), "lipsyncd", &mut script);
    out.write_all(&script)?;
    Ok(ExitCode::Done)
}

/// The command line without what `--help` does not list either.
fn listed(cli: &Command) -> Command {
    let about = cli.get_about().cloned().unwrap_or_default();
    Command::new("lipsyncd")
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .args(cli.get_arguments())
        .subcommands(cli.get_subcommands().filter(|command| !command.is_hide_set()))
}
