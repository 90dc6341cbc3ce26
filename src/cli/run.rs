//! `lipsyncd run`: the daemon.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    thread,
};

use tokio::{
    runtime::{self, Runtime},
    signal::unix::{SignalKind, signal},
};
use tracing::info;

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
};
use crate::{
    config::{Config, Credentials},
    daemon::{self, Controls, DaemonError, Inputs, ReadInputs},
    pipeline::{End, Until},
    store::Reader,
};

/// Work: watch the folder, send jobs, fetch results
///
/// Watches `jobs_dir` and takes every job in it to its end, within the account's slots and pace, until
/// SIGTERM or SIGINT. Those end it within 10 seconds; a second one at once. Whenever and however it
/// ends, the next start goes on where it was: nothing is paid twice. SIGHUP has it read configuration
/// and credentials again; if there is anything wrong with them, it says so and goes on as before.
///
/// Credentials come from the environment: KLING_ACCESS_KEY and KLING_SECRET_KEY, or KLING_API_TOKEN;
/// or from files of the same names in lower case in $CREDENTIALS_DIRECTORY.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd run                      the daemon\n  \
    lipsyncd run --once               work off what is in the folder, then end\n  \
    RUST_LOG=lipsyncd=warn lipsyncd run   say only what goes wrong")]
pub struct Args {
    /// Work off all that is in the folder, then end
    ///
    /// Exit code 0: all succeeded; 1: some job failed or was left waiting, or some manifest was
    /// refused. Media that are not there are not waited for, nor a line that is paused, nor an
    /// output folder that takes nothing.
    #[arg(long)]
    once: bool,
}

/// So many threads at most wait for the disk at once: more would only stand in each other's way.
const BLOCKING_MAX: usize = 32;

/// What a daemon is run on. Signals are heard from its first moment on, on a thread of their own:
/// whatever the daemon is stuck in, a second one ends it.
pub(super) struct Ground {
    runtime: Runtime,
    told: Controls,
}

impl Ground {
    /// Begins to hear signals. Until then SIGHUP would end the process: nothing that takes time comes
    /// before it, not even the configuration.
    pub(super) fn lay() -> Result<Self, CommandError> {
        let cannot =
            |error| CommandError::new(ExitCode::CannotRun, format!("cannot start: {error}"));
        let told = Controls::default();
        listen(told.clone()).map_err(cannot)?;
        // One thread: what blocks has threads of its own, and the rest is mostly waiting. Several would
        // spend more on waking each other than they win.
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_MAX)
            .build()
            .map_err(cannot)?;
        Ok(Self { runtime, told })
    }

    /// Runs the daemon until it ends.
    fn work(self, given: Inputs, reread: ReadInputs, until: Until) -> Result<End, CommandError> {
        let Self { runtime, told } = self;
        let ended = runtime.block_on(daemon::run(given, reread, until, told));
        // What still reads or writes files is dropped with the process; it goes on at the next start.
        runtime.shutdown_background();
        Ok(ended?)
    }
}

pub(super) fn run(
    arguments: &Args,
    ground: Ground,
    named: Option<&Path>,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let credentials = credentials().map_err(|error| CommandError::new(ExitCode::Usage, error))?;
    let until = if arguments.once { Until::Idle } else { Until::Stopped };
    let given = Inputs { config: context.config.clone(), credentials };
    let end = ground.work(given, rereads(named.map(Path::to_owned)), until)?;
    if arguments.once && end != End::Stopped {
        return remaining(context, end);
    }
    Ok(ExitCode::Done)
}

/// Reads the configuration (by its name, if it was named) and the credentials as at the start.
fn rereads(named: Option<PathBuf>) -> ReadInputs {
    Arc::new(move || {
        let found = Config::find_and_load(named.as_deref(), &|name| env::var_os(name));
        let (config, found_at) = found.map_err(|error| told_whole(&error))?;
        // It would be taken for the wish to have the defaults, and the real API is one of them.
        if let Some(path) = found_at.filter(|path| is_blank(path)) {
            return Err(format!("{} is empty: it may be being written", path.display()));
        }
        Ok(Inputs { config, credentials: credentials()? })
    })
}

fn is_blank(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim().is_empty())
}

fn credentials() -> Result<Credentials, String> {
    Credentials::find(&|name| env::var_os(name)).map_err(|error| told_whole(&error))
}

/// An error with its reasons, on one line.
fn told_whole(error: &dyn Error) -> String {
    match error.source() {
        Some(reason) => format!("{error}: {}", told_whole(reason)),
        None => error.to_string(),
    }
}

/// SIGTERM and SIGINT end the daemon, the second of them at once; SIGHUP has it read its settings again.
fn listen(told: Controls) -> io::Result<()> {
    let Controls { stop, reload } = told;
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    drop(entered);
    let hear = async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    reload.notify_one();
                    continue;
                }
            }
            if stop.is_cancelled() {
                process::exit(ExitCode::Done as i32);
            }
            info!("ending; once more ends it at once");
            stop.cancel();
        }
    };
    thread::Builder::new()
        .name("lipsyncd-signals".to_owned())
        .spawn(move || runtime.block_on(hear))?;
    Ok(())
}

/// Says what a run that came to its end leaves undone.
fn remaining(context: &mut CommandContext<'_>, end: End) -> Result<ExitCode, CommandError> {
    let left = Reader::open(&context.config.state_db)?.remaining()?;
    if left.is_nothing() && end == End::Idle {
        return Ok(ExitCode::Done);
    }
    let mut told = Vec::new();
    let mut tell = |count: i64, what: &str| {
        if count > 0 {
            told.push(format!("{count} {what}"));
        }
    };
    tell(left.failed, "failed");
    tell(left.waiting, "left waiting");
    tell(left.unresolved, "unresolved");
    tell(left.changed, "changed after they were sent");
    tell(left.refused_manifests, "manifests refused");
    writeln!(context.err, "not all succeeded: {}; `lipsyncd status` says more", told.join(", "))?;
    Ok(ExitCode::Failed)
}

impl From<DaemonError> for CommandError {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Lock(error) => error.into(),
            DaemonError::Store(error) => error.into(),
            DaemonError::Metrics(error) => Self::new(ExitCode::CannotRun, error.to_string()),
            DaemonError::Client(error) => Self::new(ExitCode::Usage, error.to_string()),
            DaemonError::Folder { ref path, ref source, .. } => {
                let path = path.display();
                let hint = match source.kind() {
                    // The unit's sandbox looks like that, too.
                    io::ErrorKind::ReadOnlyFilesystem => format!(
                        "mount it for writing; under systemd, have the unit write there: \
                         ReadWritePaths={path} by `systemctl edit`"
                    ),
                    io::ErrorKind::PermissionDenied => format!(
                        "let the user that runs this write there, or name another one: see `ls -ld {path}`"
                    ),
                    _ => format!("make it (mkdir -p {path}), or name another one"),
                };
                Self::new(ExitCode::CannotRun, error.to_string()).hint(hint)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_takes_nothing_is_told_with_what_mends_it() {
        let hint = |kind: io::ErrorKind| {
            let (what, path) = ("output_dir", PathBuf::from("/srv/dubs"));
            let told = CommandError::from(DaemonError::Folder {
                what,
                path,
                source: io::Error::from(kind),
            });
            assert_eq!(told.exit, ExitCode::CannotRun);
            told.hint.unwrap()
        };
        assert!(hint(io::ErrorKind::ReadOnlyFilesystem).contains("ReadWritePaths=/srv/dubs"));
        assert!(hint(io::ErrorKind::PermissionDenied).contains("`ls -ld /srv/dubs`"));
        assert!(hint(io::ErrorKind::NotADirectory).contains("mkdir -p /srv/dubs"));
    }
}
