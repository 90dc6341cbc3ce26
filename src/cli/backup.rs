//! `lipsyncd backup`: a copy of the state database in one file.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::spawn_blocking,
};

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open, text,
};
use crate::{
    config::Config,
    store::{BackupError, back_up},
};

/// Copy the state database to a file, while the daemon works on
///
/// The copy is of one moment, whole and checked before it has its name. A file that is there is never
/// written over, and when something fails, nothing is left. It needs no right but to read the database, and
/// to write where the copy goes. Only its owner may read it.
///
/// To put it back: stop the daemon, remove lipsyncd.db, lipsyncd.db-wal and lipsyncd.db-shm, put the copy
/// where lipsyncd.db was, give it to the daemon's user, start the daemon. What was paid for since is found
/// again in the account, and in the output folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd backup /var/backups/lipsyncd-$(date +%F).db\n  \
    sqlite3 -readonly /var/backups/lipsyncd-2026-03-01.db 'SELECT count(*) FROM job_overview'\n\n\
    Exit codes: 0 done, 2 the file is there or may not be there, 3 it cannot be read or written")]
pub struct Args {
    /// Where to: a file that does not exist yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What SQLite keeps beside a database, and lipsyncd too.
const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

pub(super) fn run(
    arguments: &Args,
    context: &mut CommandContext<'_>,
) -> Result<ExitCode, CommandError> {
    let config = context.config;
    may_be_written(&arguments.file, config)?;
    open::require(&config.state_db)?;
    let at_ms = open::now_ms();
    let (database, file) = (config.state_db.clone(), arguments.file.clone());
    let made = open::block_on(async move {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let working =
            spawn_blocking(move || back_up(&database, &file, &|| stopped.load(Ordering::Relaxed)));
        tokio::pin!(working);
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        loop {
            tokio::select! {
                made = &mut working => {
                    return made.map_err(std::io::Error::from)?.map_err(CommandError::from);
                }
                _ = terminate.recv() => stop.store(true, Ordering::Relaxed),
                _ = interrupt.recv() => stop.store(true, Ordering::Relaxed),
            }
        }
    })?;
    writeln!(
        context.out,
        "Backed up {} ({}) to {}, as of {}.",
        text::counted(made.jobs, "job"),
        text::bytes(made.bytes),
        text::safe(&made.file.display().to_string()),
        text::time(at_ms)
    )?;
    Ok(ExitCode::Done)
}

/// Refuses places at which a backup would do harm.
fn may_be_written(file: &Path, config: &Config) -> Result<(), CommandError> {
    let refuse = |what: String| Err(CommandError::new(ExitCode::Usage, what));
    let shown = file.display();
    if file == Path::new("-") {
        return refuse("a backup goes to a file, not to stdout".to_owned());
    }
    if file.is_dir() {
        return refuse(format!("{shown} is a folder: name a file in it"));
    }
    let Some(name) = file.file_name() else {
        return refuse(format!("{shown} names no file"));
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let place = folder.unwrap_or(Path::new(".")).canonicalize().map(|folder| folder.join(name));
    let place = match place {
        Ok(place) => place,
        Err(error) => {
            return Err(CommandError::new(ExitCode::CannotRun, format!("backup {shown}: {error}"))
                .hint("the folder must be there, and yours to write to"));
        }
    };
    let database = real(&config.state_db);
    if place == database {
        return refuse(format!("{shown} is the state database itself"));
    }
    let beside = |ending: &str| {
        let mut path = OsString::from(&database);
        path.push(ending);
        place == Path::new(&path)
    };
    if BESIDE.into_iter().any(beside) {
        return refuse(format!("{shown} is a name that belongs to the state database"));
    }
    if place.starts_with(real(&config.jobs_dir)) {
        return refuse(format!("{shown} lies in jobs_dir, which is only ever read"));
    }
    Ok(())
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

impl From<BackupError> for CommandError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Database(error) => error.into(),
            BackupError::Exists(_) => Self::new(ExitCode::Usage, error.to_string())
                .hint("name another file, or move that one away"),
            BackupError::Unwritable { .. } | BackupError::Copy { .. } => {
                Self::new(ExitCode::CannotRun, error.to_string()).hint("nothing of it was left")
            }
            BackupError::Damaged { .. } | BackupError::Stopped => {
                Self::new(ExitCode::CannotRun, error.to_string())
            }
        }
    }
}
