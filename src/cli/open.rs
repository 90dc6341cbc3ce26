//! What commands begin with: the configuration, and the state database for reading or for changing.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tokio::runtime;

use super::error::{CommandError, ExitCode};
use crate::{
    cli::text::shell_word,
    config::Config,
    store::{Reader, Store},
};

/// Finds and reads the configuration, and tells its file, if it is one; `explicit` is `--config`.
///
/// # Errors
/// A file that is named but not there, or has faults: exit code 2.
pub(super) fn config(explicit: Option<&Path>) -> Result<(Config, Option<PathBuf>), CommandError> {
    Config::find_and_load(explicit, &|name| env::var_os(name))
        .map_err(|error| CommandError::rendered(ExitCode::Usage, error.render(false)))
}

/// Opens the state database for reading.
///
/// # Errors
/// When it is not there or cannot be read: exit code 3.
pub(super) fn reader(config: &Config) -> Result<Reader, CommandError> {
    require(&config.state_db)?;
    Ok(Reader::open(&config.state_db)?)
}

/// Opens the state database for changing something. It is not made here: a database that is not
/// there has no jobs, and the wrong configuration must not leave an empty one behind.
///
/// # Errors
/// When it is not there or cannot be written: exit code 3.
pub(super) fn store(config: &Config) -> Result<Store, CommandError> {
    require(&config.state_db)?;
    Ok(Store::open(&config.state_db)?)
}

pub(super) fn require(database: &Path) -> Result<(), CommandError> {
    let (shown, user) = (database.display(), env::var("USER").ok());
    match database.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommandError::new(
            ExitCode::CannotRun,
            format!("no state database at {shown}: has `lipsyncd run` been started with this configuration?"),
        )
        .hint("name the daemon's configuration by --config FILE or $LIPSYNCD_CONFIG")),
        Err(error) => {
            Err(CommandError::new(ExitCode::CannotRun, format!("state database {shown}: {error}"))
                .hint(join(&fs::read_to_string("/etc/group").unwrap_or_default(), user.as_deref())))
        }
    }
}

/// How a user gets to read the database: by the package's group, if `groups` (the text of `/etc/group`) has
/// it.
fn join(groups: &str, user: Option<&str>) -> String {
    if !groups.lines().any(|line| line.starts_with("lipsyncd:")) {
        return "run this as a user who may read it".to_owned();
    }
    let user = user.filter(|user| !user.is_empty()).map_or("NAME".into(), shell_word);
    format!("`sudo adduser {user} lipsyncd` lets a user read it; log in anew after that")
}

/// Runs a command's asynchronous part to its end, on this thread.
///
/// # Errors
/// What `work` answers, or the system's refusal of a runtime.
pub(super) fn block_on<T>(
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        CommandError::new(ExitCode::CannotRun, format!("cannot start: {error}"))
    })?;
    runtime.block_on(work)
}

/// The command that shows a job, as one types it.
#[must_use]
pub(super) fn command(verb: &str, key: &str) -> String {
    format!("lipsyncd {verb} {}", shell_word(key))
}

/// The wall clock, Unix ms.
#[must_use]
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_read_is_told_which_group_to_join() {
        let packaged = "root:x:0:\nlipsyncd:x:990:anna\n";
        assert_eq!(
            join(packaged, Some("ben")),
            "`sudo adduser ben lipsyncd` lets a user read it; log in anew after that"
        );
        assert!(join(packaged, None).contains("adduser NAME lipsyncd"));
        assert_eq!(join("root:x:0:\n", Some("ben")), "run this as a user who may read it");
    }
}
