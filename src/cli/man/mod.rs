//! `lipsyncd man`: the man pages, for packagers. `--help` does not list the command: users do not need it.
//!
//! The pages of commands are clap_mangen's. Those of files are beside this file; the lists of keys are added to them.

#[cfg(test)]
mod tests;

use std::{fs, io, io::Write, path::PathBuf};

use clap::{Command, ValueHint};
use clap_mangen::Man;

use super::{CommandError, ExitCode, Result};
use crate::{config::settings, manifest::keys};

/// Write the man pages into a folder
///
/// One page for lipsyncd, one for each of its commands, one for the configuration and one for manifests. The
/// same program always writes the same pages. Creates the folder if it does not exist. Prints the path of
/// each page.
#[derive(Debug, clap::Args)]
#[command(hide = true, after_help = "Example:\n  lipsyncd man target/man")]
pub(super) struct Args {
    /// The folder for the pages
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

/// What lipsyncd(1) says after its commands: states, environment, signals, files.
const AFTER_COMMANDS: &str = include_str!("lipsyncd.1");
const MANIFEST: &str = include_str!("lipsyncd-manifest.5");
const CONFIG: &str = include_str!("lipsyncd.yaml.5");
/// The line of a page that the list of keys replaces.
const KEYS: &str = ".\\\" KEYS\n";

pub(super) fn run(arguments: &Args, cli: Command, out: &mut dyn Write) -> Result {
    let cannot = |error: io::Error| {
        let what = format!("cannot write man pages to `{}`: {error}", arguments.dir.display());
        CommandError::new(ExitCode::CannotRun, what)
    };
    fs::create_dir_all(&arguments.dir).map_err(cannot)?;
    for (name, text) in pages(cli)? {
        let path = arguments.dir.join(name);
        fs::write(&path, text).map_err(cannot)?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(ExitCode::Done)
}

fn pages(cli: Command) -> io::Result<Vec<(String, String)>> {
    let mut cli = cli.disable_help_subcommand(true);
    // Gives each command its complete name, and the options that all share.
    cli.build();
    let manifest_keys = keys().iter().map(|key| item(key.name, &[key.meaning, &key.rule()]));
    let config_keys = settings().into_iter().map(|setting| {
        let rule = format!("Allowed: {}. Default: `{}`.", setting.allowed, setting.default);
        item(setting.key, &[&format!("{}.", setting.meaning), &rule])
    });
    let (_, mut program) = command_page(&cli)?;
    program += AFTER_COMMANDS;
    let mut pages = vec![
        ("lipsyncd.1".to_owned(), program),
        (
            "lipsyncd-manifest.5".to_owned(),
            MANIFEST.replace(KEYS, &manifest_keys.collect::<String>()),
        ),
        ("lipsyncd.yaml.5".to_owned(), CONFIG.replace(KEYS, &config_keys.collect::<String>())),
    ];
    for subcommand in cli.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.push(command_page(subcommand)?);
    }
    Ok(pages)
}

fn command_page(command: &Command) -> io::Result<(String, String)> {
    let man = Man::new(command.clone());
    let mut roff = Vec::new();
    man.render(&mut roff)?;
    // The text after the options of each command is its examples.
    let text = String::from_utf8_lossy(&roff).replace(".SH EXTRA\n", ".SH EXAMPLES\n");
    Ok((man.get_filename(), plain(&text)))
}

/// Keeps roff from replacing characters that a reader types.
fn plain(roff: &str) -> String {
    roff.replace('`', "\\(ga").replace('~', "\\(ti").replace('^', "\\(ha")
}

fn item(key: &str, sentences: &[&str]) -> String {
    let escaped = |text: &str| plain(&text.replace('\\', "\\e").replace('-', "\\-"));
    let text = sentences.join("\n");
    let parts = text.split('`').enumerate().map(|(at, part)| match at % 2 {
        1 => format!("\\fB{}\\fR", escaped(part)),
        _ => escaped(part),
    });
    format!(".TP\n\\fB{}\\fR\n{}\n", escaped(key), parts.collect::<String>())
}
