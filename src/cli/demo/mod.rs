//! `lipsyncd demo`: a small batch of real clips against the built-in simulator. Everything is real but the API.

mod folder;
mod progress;

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::ValueHint;
use tokio::{runtime, time::interval};
use tokio_util::sync::CancellationToken;

use super::{CommandContext, CommandError, ExitCode, Result, list, log, shell_word};
use crate::{
    config::{Config, Credentials, LogFormat},
    daemon::{self, Controls, Inputs},
    job::State,
    pipeline::{End, Until},
    sim::{SimConfig, SimServer},
    store::{JobOverview, Reader, Select},
};

use folder::Folder;
use progress::Progress;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The jobs of the manifests.
const JOBS: usize = 7;
/// The batch is smaller than a page.
const JOBS_MAX: usize = 100;

/// Run seven sample jobs against the built-in simulator
///
/// Writes two short videos, six audio files and two manifests to a new folder, starts the simulated API
/// and the daemon, and prints each job's state until all jobs have ended. One job fails on purpose and
/// shows the reason. Takes about ten seconds; needs no account, no network and no configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd demo\n  \
    lipsyncd demo --web\n  \
    lipsyncd demo --dir ./demo")]
pub(super) struct Args {
    /// Folder for all files of the demo; must be new or empty [default: a new folder in the system's
    /// folder for temporary files]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
    /// Open the web page, too, and keep it open until Ctrl-C
    #[arg(long)]
    web: bool,
}

/// What every part of the demo needs.
#[derive(Clone, Copy)]
struct Demo<'a> {
    folder: &'a Folder,
    /// Where the page is; none: no page was asked for.
    page: Option<SocketAddr>,
    on_terminal: bool,
}

pub(super) fn run(
    arguments: &Args,
    out: &mut dyn Write,
    err: &mut dyn Write,
    on_terminal: bool,
) -> Result {
    log::init_with(LogFormat::Text, log::QUIET_FILTER);
    let folder = Folder::unpack(arguments.dir.as_deref())?;
    writeln!(out, "Running {JOBS} jobs for 2 videos in {}\n", folder.root.display())?;
    out.flush()?;
    let cannot = |error| CommandError::new(ExitCode::CannotRun, format!("cannot start: {error}"));
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    let page = arguments.web.then(free_address).transpose().map_err(cannot)?;
    let demo = Demo { folder: &folder, page, on_terminal };
    if let Some(page) = page {
        writeln!(out, "Web page: http://{page}/ (until Ctrl-C)\n")?;
        out.flush()?;
    }
    let exit = runtime.block_on(async {
        let server = simulator(&folder).await.map_err(cannot)?;
        let config = folder.configure(server.base_url(), page)?;
        let exit = work(demo, &config, out, err).await;
        server.shutdown().await;
        exit
    })?;
    runtime.shutdown_background();
    Ok(exit)
}

/// Returns an address of this machine that no program uses.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

async fn simulator(folder: &Folder) -> io::Result<SimServer> {
    let config = SimConfig {
        concurrency: 3,
        task_ms: (1_500, 3_000),
        create_latency_ms: 80,
        identify_latency_ms: 150,
        media_dir: Some(folder.root.join("media")),
        ..SimConfig::default()
    };
    SimServer::start(config, ([127, 0, 0, 1], 0).into()).await
}

/// Runs the daemon until all jobs have ended, with a page until Ctrl-C, and prints the states of the jobs.
async fn work(demo: Demo<'_>, config: &Config, out: &mut dyn Write, err: &mut dyn Write) -> Result {
    let defaults = SimConfig::default();
    let credentials = Credentials::Keys {
        access_key: defaults.access_key.into(),
        secret_key: defaults.secret_key.into(),
    };
    let stop = CancellationToken::new();
    let inputs = Inputs {
        config: config.clone(),
        credentials,
        bucket_keys: None,
        notify_secret: None,
        web_password: None,
    };
    let (same, controls) = (inputs.clone(), Controls { stop: stop.clone(), ..Controls::default() });
    let until = if demo.page.is_some() { Until::Stopped } else { Until::Idle };
    let daemon = daemon::run(inputs, Arc::new(move || Ok(same.clone())), until, controls);
    tokio::pin!(daemon);
    let mut progress = Some(Progress::new(demo.on_terminal));
    let mut exit = ExitCode::Failed;
    let mut look = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            biased;
            ended = &mut daemon => {
                let ended = ended?;
                let Some(mut progress) = progress else { return Ok(exit) };
                progress.show(&jobs(&config.state_db)?, out)?;
                progress.leave();
                if ended == End::Stopped {
                    writeln!(err, "stopped; the unfinished files are in {}", demo.folder.root.display())?;
                    return Ok(ExitCode::Failed);
                }
                return conclude(demo, config, out, err);
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                stop.cancel();
            }
            _ = look.tick() => {
                let Some(shown) = &mut progress else { continue };
                let all = jobs(&config.state_db).unwrap_or_default();
                shown.show(&all, out)?;
                // Only with a page does the daemon run on.
                if let Some(page) = demo.page
                    && all.len() == JOBS
                    && all.iter().all(|job| job.state.is_finished())
                    && let Some(progress) = progress.take()
                {
                    progress.leave();
                    exit = conclude(demo, config, out, err)?;
                    writeln!(out, "\nThe web page stays open at http://{page}/ until Ctrl-C.")?;
                    out.flush()?;
                }
            }
        }
    }
}

/// Reads the jobs; fails while the daemon is still creating its database.
fn jobs(database: &Path) -> Result<Vec<JobOverview>> {
    Ok(Reader::open(database)?.first_jobs(&Select::all(), JOBS_MAX)?)
}

fn conclude(demo: Demo<'_>, config: &Config, out: &mut dyn Write, err: &mut dyn Write) -> Result {
    let Demo { folder, on_terminal, .. } = demo;
    writeln!(out)?;
    list::run(
        &list::Args::default(),
        &mut CommandContext { config, start: "lipsyncd run", out, err, on_terminal },
    )?;
    let all = jobs(&config.state_db)?;
    let succeeded = all.iter().filter(|job| job.state == State::Succeeded).count();
    let settings = folder.configuration();
    let settings = settings.to_string_lossy();
    let settings = shell_word(&settings);
    writeln!(
        out,
        "\n{succeeded} of {} jobs succeeded. anna/it fails on purpose: its audio is too short.",
        all.len()
    )?;
    writeln!(out, "The results are in {}\n", config.output_dir.display())?;
    // A new build is not in PATH, so the commands name the program as it was started.
    let program = std::env::args().next().unwrap_or_else(|| "lipsyncd".to_owned());
    let program = shell_word(&program);
    writeln!(out, "Next commands:")?;
    for (command, shows) in [
        ("show anna/it", "Why anna/it failed"),
        ("show anna/en", "The history of a job that succeeded"),
        ("status", "What the jobs would have cost"),
    ] {
        // Two lines, so that they fit 80 columns.
        writeln!(out, "  # {shows}\n  {program} --config {settings} \\\n    {command}")?;
    }
    out.flush()?;
    let is_expected = succeeded + 1 == all.len();
    Ok(if is_expected { ExitCode::Done } else { ExitCode::Failed })
}
