//! The command line: one file per command, with its arguments and its function.
//!
//! Data goes to stdout, everything else to stderr. The store reads and writes; a command selects what to read and
//! formats it. Commands do not move jobs between states: only [`apply`](crate::job::apply()) does.

mod backup;
mod cancel;
mod check;
mod completions;
mod context;
mod demo;
mod dismiss;
mod doctor;
mod error;
mod fetch;
mod json;
mod list;
mod log;
mod man;
mod open;
mod pause;
mod resolve;
mod resume;
mod retry;
mod run;
mod schema;
mod show;
mod signals;
mod simulate;
mod status;
mod suggestions;
pub mod text;
mod unit;
mod update;

use std::{
    ffi::OsString,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::PathBuf,
};

use clap::{CommandFactory as _, Parser, Subcommand, ValueHint};

use context::CommandContext;
pub use error::{CommandError, ErrorText, ExitCode};

use crate::config::Config;

/// Dubs video in bulk with the Kling lip-sync API: drop manifests in a folder, collect results
///
/// lipsyncd watches a folder of manifests. For each job, Kling makes a face in the video speak the audio, and
/// lipsyncd puts the finished video into the output folder. It never pays twice for one job, never loses a paid
/// result, and always says why a job waits.
#[derive(Debug, Parser)]
#[command(
    name = "lipsyncd",
    version,
    term_width = 80,
    after_help = "Examples:\n  \
        lipsyncd status                progress, problems, and the next command\n  \
        lipsyncd list --state failed   failed jobs and their errors\n  \
        lipsyncd show promo/en         everything about one job\n\n\
        Exit codes:\n  \
        0  done\n  \
        1  some job or manifest failed\n  \
        2  wrong usage or configuration\n  \
        3  cannot run: another daemon runs, no permission, or no usable database"
)]
pub struct Cli {
    /// Configuration file [default: $LIPSYNCD_CONFIG, ./lipsyncd.yaml, /etc/lipsyncd/lipsyncd.yaml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// The command.
    #[command(subcommand)]
    pub command: Commands,
}

/// All commands. Each is documented at its arguments, because a doc comment here would replace the long help.
#[expect(missing_docs, reason = "described at the arguments")]
#[derive(Debug, Subcommand)]
pub enum Commands {
    Run(run::Args),
    Check(check::Args),
    Status(status::Args),
    List(list::Args),
    Show(show::Args),
    Retry(retry::Args),
    Fetch(fetch::Args),
    Dismiss(dismiss::Args),
    Resolve(resolve::Args),
    Cancel(cancel::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Backup(backup::Args),
    Doctor(doctor::Args),
    Demo(demo::Args),
    Simulate(simulate::Args),
    Completions(completions::Args),
    Schema(schema::Args),
    Man(man::Args),
}

/// Runs the command in `arguments` (the program's name first) and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // If stderr is closed, there is no other place for the message.
            let _closed = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
        }
    };
    let stdout = io::stdout();
    let on_terminal = stdout.is_terminal();
    let mut out = BufWriter::new(stdout);
    let mut err = io::stderr();
    let result = dispatch(&cli, &mut out, &mut err, on_terminal)
        .and_then(|code| out.flush().map(|()| code).map_err(CommandError::from));
    match result {
        Ok(code) => code,
        Err(error) => {
            // Output from before the failure is shown first. Both streams may be closed.
            let _closed = out.flush();
            let _closed = if log::stderr_is_journal() {
                error.report_to_journal(&mut err)
            } else {
                error.report(&mut err)
            };
            error.exit
        }
    }
}

fn dispatch(
    cli: &Cli,
    out: &mut dyn Write,
    err: &mut dyn Write,
    on_terminal: bool,
) -> Result<ExitCode, CommandError> {
    // These need no configuration, and must work when the configuration has errors.
    match &cli.command {
        Commands::Completions(arguments) => {
            return completions::run(arguments, &Cli::command(), out);
        }
        Commands::Schema(arguments) => return schema::run(arguments, out),
        Commands::Man(arguments) => return man::run(arguments, Cli::command(), out),
        Commands::Demo(arguments) => return demo::run(arguments, out, err, on_terminal),
        Commands::Simulate(arguments) => return simulate::run(arguments, out, err),
        Commands::Doctor(arguments) => {
            return doctor::run(arguments, cli.config.as_deref(), out, on_terminal);
        }
        _ => {}
    }
    if let Commands::Run(arguments) = &cli.command {
        // Signals are handled before anything else, also before the configuration is read.
        let process = run::DaemonProcess::start()?;
        let (config, start) = load_config(cli)?;
        let context = &mut CommandContext { config: &config, start: &start, out, err, on_terminal };
        return run::run(arguments, process, cli.config.as_deref(), context);
    }
    let (config, start) = load_config(cli)?;
    let context = &mut CommandContext { config: &config, start: &start, out, err, on_terminal };
    match &cli.command {
        Commands::Status(arguments) => status::run(arguments, context),
        Commands::List(arguments) => list::run(arguments, context),
        Commands::Show(arguments) => show::run(arguments, context),
        Commands::Retry(arguments) => retry::run(arguments, context),
        Commands::Resolve(arguments) => resolve::run(arguments, context),
        Commands::Cancel(arguments) => cancel::run(arguments, context),
        Commands::Fetch(arguments) => fetch::run(arguments, context),
        Commands::Dismiss(arguments) => dismiss::run(arguments, context),
        Commands::Pause(arguments) => pause::run(arguments, context),
        Commands::Resume(arguments) => resume::run(arguments, context),
        Commands::Check(arguments) => check::run(arguments, context),
        Commands::Backup(arguments) => backup::run(arguments, context),
        Commands::Run(_)
        | Commands::Completions(_)
        | Commands::Schema(_)
        | Commands::Man(_)
        | Commands::Demo(_)
        | Commands::Doctor(_)
        | Commands::Simulate(_) => unreachable!("handled above"),
    }
}

/// Loads the configuration, starts the log, and returns the command that starts the daemon.
fn load_config(cli: &Cli) -> Result<(Config, String), CommandError> {
    let (config, file) = open::config(cli.config.as_deref())?;
    log::init(config.log.format);
    Ok((config, unit::start_command(file.as_deref())))
}
