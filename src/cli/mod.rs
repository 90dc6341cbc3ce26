//! The command line: one file per command, with its arguments and its function.
//!
//! Data goes to stdout, everything else to stderr. The store reads and writes; a command selects what to read and
//! formats it. Commands do not move jobs between states: only [`apply`](crate::job::apply()) does.

mod backup;
mod cancel;
mod check;
mod clock;
mod completions;
mod confirm;
mod context;
mod demo;
mod dismiss;
mod doctor;
mod error;
mod failures;
mod fetch;
mod import;
mod init;
mod json;
mod list;
mod log;
mod man;
mod manifests;
mod notify;
mod open;
mod packs;
mod pause;
mod price;
mod resolve;
mod resume;
mod retry;
mod run;
mod schema;
mod select;
mod show;
mod signals;
mod simulate;
mod spend;
mod status;
mod suggestions;
mod table;
mod text;
mod unit;
mod unknown;
mod update;
mod wait;

use std::{
    ffi::OsString,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::PathBuf,
};

use clap::{CommandFactory as _, Parser, Subcommand, ValueHint};

use context::CommandContext;
pub use error::ExitCode;
use error::{CommandError, Result};
use text::{counted, safe, shell_word, time};
use update::note_absent_daemon;

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
struct Cli {
    /// Configuration file [default: $LIPSYNCD_CONFIG, ./lipsyncd.yaml, /etc/lipsyncd/lipsyncd.yaml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Commands,
}

/// All commands. Each is documented at its arguments, because a doc comment here would replace the long help.
#[derive(Debug, Subcommand)]
enum Commands {
    Init(init::Args),
    Run(run::Args),
    Check(check::Args),
    Status(status::Args),
    List(list::Args),
    Manifests(manifests::Args),
    Failures(failures::Args),
    Show(show::Args),
    Wait(wait::Args),
    Retry(retry::Args),
    Fetch(fetch::Args),
    Dismiss(dismiss::Args),
    Resolve(resolve::Args),
    Cancel(cancel::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Spend(spend::Args),
    Backup(backup::Args),
    Notify(notify::Args),
    Doctor(doctor::Args),
    Demo(demo::Args),
    Simulate(simulate::Args),
    Import(import::Args),
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

fn dispatch(cli: &Cli, out: &mut dyn Write, err: &mut dyn Write, on_terminal: bool) -> Result {
    let explicit = cli.config.as_deref();
    let run: Box<dyn FnOnce(&mut CommandContext<'_>) -> Result + '_> = match &cli.command {
        // These need no configuration, and must work when the configuration has errors.
        Commands::Completions(arguments) => {
            return completions::run(arguments, &Cli::command(), out);
        }
        Commands::Init(arguments) => return init::run(arguments, out),
        Commands::Import(arguments) => return import::run(arguments, out, err),
        Commands::Schema(arguments) => return schema::run(arguments, out),
        Commands::Man(arguments) => return man::run(arguments, Cli::command(), out),
        Commands::Demo(arguments) => return demo::run(arguments, out, err, on_terminal),
        Commands::Simulate(arguments) => return simulate::run(arguments, out, err),
        Commands::Doctor(arguments) => return doctor::run(arguments, explicit, out, on_terminal),
        Commands::Run(arguments) => {
            // Signals are handled before anything else, also before the configuration is read.
            let process = run::DaemonProcess::start()?;
            Box::new(move |context| run::run(arguments, process, explicit, context))
        }
        Commands::Status(arguments) => Box::new(|context| status::run(arguments, context)),
        Commands::List(arguments) => Box::new(|context| list::run(arguments, context)),
        Commands::Manifests(arguments) => Box::new(|context| manifests::run(arguments, context)),
        Commands::Failures(arguments) => Box::new(|context| failures::run(arguments, context)),
        Commands::Wait(arguments) => Box::new(|context| wait::run(arguments, context)),
        Commands::Show(arguments) => Box::new(|context| show::run(arguments, context)),
        Commands::Retry(arguments) => Box::new(|context| retry::run(arguments, context)),
        Commands::Resolve(arguments) => Box::new(|context| resolve::run(arguments, context)),
        Commands::Cancel(arguments) => Box::new(|context| cancel::run(arguments, context)),
        Commands::Fetch(arguments) => Box::new(|context| fetch::run(arguments, context)),
        Commands::Dismiss(arguments) => Box::new(|context| dismiss::run(arguments, context)),
        Commands::Pause(arguments) => Box::new(|context| pause::run(arguments, context)),
        Commands::Resume(arguments) => Box::new(|context| resume::run(arguments, context)),
        Commands::Check(arguments) => Box::new(|context| check::run(arguments, context)),
        Commands::Notify(arguments) => Box::new(|context| notify::run(arguments, context)),
        Commands::Spend(arguments) => Box::new(|context| spend::run(arguments, context)),
        Commands::Backup(arguments) => Box::new(|context| backup::run(arguments, context)),
    };
    let (config, file) = open::config(explicit)?;
    log::init(config.log.format);
    let start = unit::start_command(file.as_deref());
    run(&mut CommandContext { config: &config, start: &start, out, err, on_terminal })
}
