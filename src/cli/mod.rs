//! The command line: one file a command, its arguments and its function together.
//!
//! Data goes to stdout, all else to stderr. Querying is the store's; here is what is asked of it and
//! how it is shown. What a command must not do is decide about jobs: that is
//! [`apply`](crate::job::apply())'s.

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
mod show;
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

use clap::{Parser, Subcommand, ValueHint};

use context::CommandContext;
pub use error::{CommandError, ErrorText, ExitCode};

use crate::config::Config;

/// Dubs video in bulk with the Kling lip-sync API: drop manifests in a folder, collect results
///
/// lipsyncd watches a folder of manifests, has Kling make each video's face speak the audio you
/// name, and puts the finished videos into an output folder. It never pays twice for one job, never
/// loses a result that was paid for, and always says why a job waits.
#[derive(Debug, Parser)]
#[command(
    name = "lipsyncd",
    version,
    after_help = "Examples:\n  \
        lipsyncd status                   how far everything is, and what to type next\n  \
        lipsyncd list --state failed      what went wrong\n  \
        lipsyncd show promo/en            one job whole\n\n\
        Exit codes: 0 done, 1 some job or manifest failed, 2 wrong usage or configuration,\n\
        3 cannot run (another daemon, no permission, no database, a damaged or another version's)"
)]
pub struct Cli {
    /// The configuration [default: $LIPSYNCD_CONFIG, ./lipsyncd.yaml, /etc/lipsyncd/lipsyncd.yaml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Commands,
}

/// What lipsyncd can be told to do. Each variant is described at its arguments: a description here
/// would take the place of the long help there.
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
    Man(man::Args),
}

/// Does what `arguments` (the program's name first) say and returns how the program ends.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // There is no third place to complain to when stderr is closed.
            let _closed = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
        }
    };
    let stdout = io::stdout();
    let on_terminal = stdout.is_terminal();
    let mut out = BufWriter::new(stdout);
    let mut err = io::stderr();
    let done = perform(&cli, &mut out, &mut err, on_terminal)
        .and_then(|code| out.flush().map(|()| code).map_err(CommandError::from));
    match done {
        Ok(code) => code,
        Err(error) => {
            // What was found out before the failure is shown first, and both may be closed.
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

fn perform(
    cli: &Cli,
    out: &mut dyn Write,
    err: &mut dyn Write,
    on_terminal: bool,
) -> Result<ExitCode, CommandError> {
    // These need no configuration, and must not fail for a faulty one.
    match &cli.command {
        Commands::Completions(arguments) => return completions::run(arguments, out),
        Commands::Man(arguments) => return man::run(arguments, out),
        Commands::Demo(arguments) => return demo::run(arguments, out, err, on_terminal),
        Commands::Simulate(arguments) => return simulate::run(arguments, out, err),
        Commands::Doctor(arguments) => {
            return doctor::run(arguments, cli.config.as_deref(), out, on_terminal);
        }
        _ => {}
    }
    if let Commands::Run(arguments) = &cli.command {
        // It hears signals before anything else.
        let ground = run::Ground::lay()?;
        let (config, start) = begin(cli)?;
        let context = &mut CommandContext { config: &config, start: &start, out, err, on_terminal };
        return run::run(arguments, ground, cli.config.as_deref(), context);
    }
    let (config, start) = begin(cli)?;
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
        | Commands::Man(_)
        | Commands::Demo(_)
        | Commands::Doctor(_)
        | Commands::Simulate(_) => unreachable!("done above"),
    }
}

/// The configuration and how its daemon is started; and the log as it says.
fn begin(cli: &Cli) -> Result<(Config, String), CommandError> {
    let (config, file) = open::config(cli.config.as_deref())?;
    log::init(config.log.format);
    Ok((config, unit::start(file.as_deref())))
}
