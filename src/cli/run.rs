//! `lipsyncd run`: the daemon.

use std::{
    env,
    error::Error,
    fs, io, iter,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::runtime::{self, Runtime};
use tracing::warn;

use super::{CommandContext, CommandError, ExitCode, Result, counted, signals};
use crate::{
    config::{BucketKeys, Config, Credentials, NotifySecret, WebPassword},
    daemon::{self, Controls, DaemonError, Inputs, ReadInputs},
    memory,
    pipeline::{End, Until},
    store::Reader,
};

/// Run the daemon: watch the folder, send jobs, fetch results
///
/// Watches `jobs_dir` and takes every job to its end, within the account's slots and rate limits, until SIGTERM
/// or SIGINT. These end the daemon within 10 seconds; a second one ends it at once. However it ends, the next
/// start continues where it was, and nothing is paid twice. SIGHUP makes it read the configuration and the
/// credentials again; if they have errors, it logs them and continues with the earlier ones.
///
/// Credentials come from the environment: KLING_ACCESS_KEY and KLING_SECRET_KEY, or KLING_API_KEY. Or from
/// files of the same names in lower case in $CREDENTIALS_DIRECTORY. The keys of a bucket for local videos,
/// S3_ACCESS_KEY and S3_SECRET_KEY, and NOTIFY_SECRET, which signs webhooks, come from the same places.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd run                          run the daemon\n  \
    lipsyncd run --once                   do all jobs in the folder, then end\n  \
    RUST_LOG=lipsyncd=warn lipsyncd run   log only problems")]
pub(super) struct Args {
    /// Do all jobs in the folder, then end
    ///
    /// Exit code 0: all jobs succeeded. 1: a job failed or still waits, or a manifest has errors. Does not wait
    /// for missing media, for the end of a pause, for the daily budget, or for an output folder that is not writable.
    #[arg(long)]
    once: bool,
}

/// The most threads for blocking work. More would only compete for the disk.
const BLOCKING_THREADS_MAX: usize = 32;

pub(super) struct DaemonProcess {
    runtime: Runtime,
    controls: Controls,
}

impl DaemonProcess {
    /// Starts to handle signals. Until then SIGHUP would end the process, so this comes before anything that takes
    /// time, also before the configuration is read.
    pub(super) fn start() -> Result<Self> {
        let cannot =
            |error| CommandError::new(ExitCode::CannotRun, format!("cannot start: {error}"));
        let controls = Controls::default();
        // Before any other thread starts.
        memory::return_large_blocks();
        signals::listen(controls.clone()).map_err(cannot)?;
        // One thread: blocking work has its own threads, and the rest mostly waits. More threads would spend more
        // time on waking each other than they save.
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .build()
            .map_err(cannot)?;
        Ok(Self { runtime, controls })
    }

    fn run(self, inputs: Inputs, reload: ReadInputs, until: Until) -> Result<End> {
        let Self { runtime, controls } = self;
        let ended = runtime.block_on(daemon::run(inputs, reload, until, controls));
        // Unfinished reads and writes of files end with the process. The next start repeats them.
        runtime.shutdown_background();
        Ok(ended?)
    }
}

pub(super) fn run(
    arguments: &Args,
    process: DaemonProcess,
    config_file: Option<&Path>,
    context: &CommandContext<'_>,
) -> Result {
    let credentials = credentials().map_err(|error| CommandError::new(ExitCode::Usage, error))?;
    let until = if arguments.once { Until::Idle } else { Until::Stopped };
    let usage = |error| CommandError::new(ExitCode::Usage, error);
    let bucket_keys = bucket_keys(context.config).map_err(usage)?;
    let notify_secret = notify_secret().map_err(usage)?;
    let web_password = web_password(context.config).map_err(usage)?;
    let config = context.config.clone();
    let inputs = Inputs { config, credentials, bucket_keys, notify_secret, web_password };
    let end = process.run(inputs, read_inputs(config_file.map(Path::to_owned)), until)?;
    if arguments.once && end != End::Stopped {
        return require_all_succeeded(context, end);
    }
    Ok(ExitCode::Done)
}

/// Returns the function that reads configuration and credentials again, in the same way as at the start.
fn read_inputs(config_file: Option<PathBuf>) -> ReadInputs {
    Arc::new(move || {
        let loaded = Config::find_and_load(config_file.as_deref(), &|name| env::var_os(name));
        let (config, path) = loaded.map_err(|error| with_sources(&error))?;
        // An editor may empty the file before it writes it. Its defaults would mean the real API.
        if let Some(path) = path.filter(|path| is_blank(path)) {
            return Err(format!("{} is empty; it may be in the middle of a save", path.display()));
        }
        let (bucket_keys, notify_secret) = (bucket_keys(&config)?, notify_secret()?);
        let web_password = web_password(&config)?;
        Ok(Inputs { config, credentials: credentials()?, bucket_keys, notify_secret, web_password })
    })
}

fn is_blank(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim().is_empty())
}

fn credentials() -> Result<Credentials, String> {
    let found =
        Credentials::find(&|name| env::var_os(name)).map_err(|error| with_sources(&error))?;
    for note in &found.notes {
        warn!("{note}");
    }
    Ok(found.credentials)
}

fn bucket_keys(config: &Config) -> Result<Option<BucketKeys>, String> {
    if config.upload.s3.bucket.is_none() {
        return Ok(None);
    }
    let found =
        BucketKeys::find(&|name| env::var_os(name)).map_err(|error| with_sources(&error))?;
    for note in &found.notes {
        warn!("{note}");
    }
    Ok(Some(found.keys))
}

fn notify_secret() -> Result<Option<NotifySecret>, String> {
    NotifySecret::find(&|name| env::var_os(name)).map_err(|error| with_sources(&error))
}

fn web_password(config: &Config) -> Result<Option<WebPassword>, String> {
    let file = config.web.password_file.as_deref();
    file.map(WebPassword::read).transpose().map_err(|error| error.to_string())
}

fn with_sources(error: &dyn Error) -> String {
    let sources = iter::successors(error.source(), |&source| source.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

fn require_all_succeeded(context: &CommandContext<'_>, end: End) -> Result {
    let left = Reader::open(&context.config.state_db)?.remaining()?;
    if left.is_empty() && end == End::Idle {
        return Ok(ExitCode::Done);
    }
    let manifests = counted(left.refused_manifests, "manifest");
    let counts = [
        (left.failed, format!("{} failed", left.failed)),
        (left.waiting, format!("{} still waiting", left.waiting)),
        (left.unresolved, format!("{} unresolved", left.unresolved)),
        (left.changed, format!("{} changed after being sent", left.changed)),
        (left.refused_manifests, format!("{manifests} with errors")),
        (left.watermarks, format!("{} without the watermarked copy", left.watermarks)),
        (i64::from(left.is_empty()), "the queue is held".to_owned()),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text);
    let error = format!("not everything succeeded: {}", counts.collect::<Vec<_>>().join(", "));
    Err(CommandError::new(ExitCode::Failed, error).hint("`lipsyncd status` shows details"))
}

impl From<DaemonError> for CommandError {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Lock(error) => error.into(),
            DaemonError::Store(error) => error.into(),
            DaemonError::Metrics(error) => Self::new(ExitCode::CannotRun, error.to_string()),
            DaemonError::Web(error) => Self::new(ExitCode::CannotRun, error.to_string()),
            DaemonError::Serve(error) => Self::new(ExitCode::CannotRun, error.to_string()),
            DaemonError::Client(error) => Self::new(ExitCode::Usage, error.to_string()),
            DaemonError::Bucket(error) => Self::new(ExitCode::Usage, error.to_string()),
            DaemonError::Folder { ref path, ref source, .. } => {
                let path = path.display();
                let hint = match source.kind() {
                    // The sandbox of the systemd unit also causes this.
                    io::ErrorKind::ReadOnlyFilesystem => format!(
                        "mount the folder for writing; under systemd, allow it with `systemctl edit`: \
                         ReadWritePaths={path}"
                    ),
                    io::ErrorKind::PermissionDenied => format!(
                        "give this user permission to write there, or set another folder; see `ls -ld {path}`"
                    ),
                    _ => format!("create the folder (mkdir -p {path}), or set another one"),
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
    fn an_unusable_folder_is_reported_with_a_fix() {
        let hint = |kind: io::ErrorKind| {
            let (what, path) = ("output_dir", PathBuf::from("/srv/dubs"));
            let error = CommandError::from(DaemonError::Folder {
                what,
                path,
                source: io::Error::from(kind),
            });
            assert_eq!(error.exit, ExitCode::CannotRun);
            error.hint.unwrap()
        };
        assert!(hint(io::ErrorKind::ReadOnlyFilesystem).contains("ReadWritePaths=/srv/dubs"));
        assert!(hint(io::ErrorKind::PermissionDenied).contains("`ls -ld /srv/dubs`"));
        assert!(hint(io::ErrorKind::NotADirectory).contains("mkdir -p /srv/dubs"));
    }
}
