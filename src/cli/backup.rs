//! `lipsyncd backup`: copies the state database to one file.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::spawn_blocking;

use super::{CommandContext, CommandError, ExitCode, Result, open, signals, text};
use crate::{
    config::Config,
    store::{BackupError, back_up},
};

/// Copy the state database to a file while the daemon runs
///
/// The copy shows one moment. It is complete and checked before it gets its name. An existing file is never
/// overwritten, and an error leaves no file behind. The command only needs to read the database and to write
/// the new file. Only the file's owner can read it.
///
/// To restore it: stop the daemon; delete lipsyncd.db, lipsyncd.db-wal and lipsyncd.db-shm; put the copy in
/// place of lipsyncd.db; make the daemon's user its owner; start the daemon. lipsyncd finds tasks that were
/// paid since then in the account and in the output folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd backup /var/backups/lipsyncd-$(date +%F).db\n  \
    sqlite3 -readonly lipsyncd-2026-03-01.db 'SELECT key FROM job_overview'\n\n\
    Exit codes:\n  0  done\n  2  the file exists, or is not allowed there\n  \
    3  cannot read the database or write the file")]
pub(super) struct Args {
    /// The new file; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The endings of files that SQLite and lipsyncd keep beside a database.
const RESERVED_ENDINGS: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let config = context.config;
    require_allowed(&arguments.file, config)?;
    open::require(&config.state_db)?;
    let at_ms = open::now_ms();
    let (database, file) = (config.state_db.clone(), arguments.file.clone());
    let made = open::block_on(async move {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let working =
            spawn_blocking(move || back_up(&database, &file, &|| stopped.load(Ordering::Relaxed)));
        tokio::pin!(working);
        let made = tokio::select! {
            made = &mut working => made,
            stopped = signals::stopped() => {
                stopped?;
                stop.store(true, Ordering::Relaxed);
                working.await
            }
        };
        made.map_err(std::io::Error::from)?.map_err(CommandError::from)
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

fn require_allowed(file: &Path, config: &Config) -> Result<()> {
    let refuse = |why: String| Err(CommandError::new(ExitCode::Usage, why));
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
    let path = folder.unwrap_or(Path::new(".")).canonicalize().map(|folder| folder.join(name));
    let path = match path {
        Ok(path) => path,
        Err(error) => {
            return Err(CommandError::new(ExitCode::CannotRun, format!("backup {shown}: {error}"))
                .hint("the folder must exist, and you need permission to write to it"));
        }
    };
    let database = resolved(&config.state_db);
    if path == database {
        return refuse(format!("{shown} is the state database itself"));
    }
    let beside = |ending: &str| {
        let mut reserved = OsString::from(&database);
        reserved.push(ending);
        path == Path::new(&reserved)
    };
    if RESERVED_ENDINGS.into_iter().any(beside) {
        return refuse(format!("{shown} is reserved for a file of the state database"));
    }
    if path.starts_with(resolved(&config.jobs_dir)) {
        return refuse(format!("{shown} is in jobs_dir, and lipsyncd never writes there"));
    }
    Ok(())
}

fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

impl From<BackupError> for CommandError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Database(error) => error.into(),
            BackupError::Exists(_) => Self::new(ExitCode::Usage, error.to_string())
                .hint("name another file, or move the existing one away"),
            BackupError::Unwritable { .. } | BackupError::Copy { .. } => {
                Self::new(ExitCode::CannotRun, error.to_string()).hint("no file was left behind")
            }
            BackupError::Damaged { .. } | BackupError::Stopped => {
                Self::new(ExitCode::CannotRun, error.to_string())
            }
        }
    }
}
