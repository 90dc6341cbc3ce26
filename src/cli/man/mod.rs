//! `lipsyncd man`: the man pages, for whoever packages lipsyncd.
//!
//! A page a command is made from its definition; those of the configuration and of manifests from
//! what their modules know. The command is not listed by `--help`: who uses lipsyncd has no need of it.

mod command;
mod config;
mod manifest;
mod page;
mod program;
#[cfg(test)]
mod tests;

use std::{fs, io, io::Write, path::PathBuf};

use clap::{CommandFactory as _, ValueHint};

use super::{Cli, CommandError, ExitCode};

/// Write the man pages into a folder
///
/// One for lipsyncd, one for each of its commands, one for the configuration and one for manifests; made
/// from what the program itself knows, the same each time. The folder is made if it is not there. Prints
/// the path of each page.
#[derive(Debug, clap::Args)]
#[command(hide = true, after_help = "Example:\n  lipsyncd man target/man")]
pub struct Args {
    /// Where to put them
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

pub(super) fn run(arguments: &Args, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    let cannot = |error: io::Error| {
        let what = format!("cannot write man pages to `{}`: {error}", arguments.dir.display());
        CommandError::new(ExitCode::CannotRun, what)
    };
    fs::create_dir_all(&arguments.dir).map_err(cannot)?;
    for (name, text) in pages()? {
        let path = arguments.dir.join(name);
        fs::write(&path, text).map_err(cannot)?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(ExitCode::Done)
}

/// Every page: the name of its file, and its text.
fn pages() -> io::Result<Vec<(String, String)>> {
    let mut cli = Cli::command().disable_help_subcommand(true).subcommand_help_heading("COMMANDS");
    // Gives each command its whole name, and the options that all share.
    cli.build();
    let mut pages = vec![("lipsyncd.1".to_owned(), command::page(&cli)?)];
    for subcommand in cli.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("lipsyncd-{}.1", subcommand.get_name());
        pages.push((name, command::page(subcommand)?));
    }
    pages.push(("lipsyncd.yaml.5".to_owned(), config::page()));
    pages.push(("lipsyncd-manifest.5".to_owned(), manifest::page()));
    Ok(pages)
}
