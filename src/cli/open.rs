//! Opens what commands need: the configuration, and the state database for reading or writing.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tokio::runtime;

use super::{CommandError, ExitCode, Result};
pub(super) use crate::actions::command_for as command;
use crate::{
    cli::text::shell_word,
    config::Config,
    store::{Reader, Store},
};

/// Finds and reads the configuration; returns its file, if there is one. `explicit` is `--config`.
pub(super) fn config(explicit: Option<&Path>) -> Result<(Config, Option<PathBuf>)> {
    Config::find_and_load(explicit, &|name| env::var_os(name))
        .map_err(|error| CommandError::rendered(ExitCode::Usage, error.render(false)))
}

pub(super) fn reader(config: &Config) -> Result<Reader> {
    require(&config.state_db)?;
    Ok(Reader::open(&config.state_db)?)
}

/// Opens the state database for writing. Creates no database, because a wrong configuration must not leave an
/// empty one behind.
pub(super) fn store(config: &Config) -> Result<Store> {
    require(&config.state_db)?;
    Ok(Store::open(&config.state_db)?)
}

pub(super) fn require(database: &Path) -> Result<()> {
    let (shown, user) = (database.display(), env::var("USER").ok());
    match database.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommandError::new(
            ExitCode::CannotRun,
            format!("no state database at {shown}; the first `lipsyncd run` creates it"),
        )
        .hint(
            "if the daemon uses another configuration, name it: --config FILE or $LIPSYNCD_CONFIG",
        )),
        Err(error) => {
            Err(CommandError::new(ExitCode::CannotRun, format!("state database {shown}: {error}"))
                .hint(join(&fs::read_to_string("/etc/group").unwrap_or_default(), user.as_deref())))
        }
    }
}

/// Returns how a user gets read access: by the package's group, if `groups` (the text of `/etc/group`) contains it.
fn join(groups: &str, user: Option<&str>) -> String {
    if !groups.lines().any(|line| line.starts_with("lipsyncd:")) {
        return "run this as a user with read permission".to_owned();
    }
    let user = user.filter(|user| !user.is_empty()).map_or("NAME".into(), shell_word);
    format!("`sudo adduser {user} lipsyncd` grants read access; log in again after it")
}

pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        CommandError::new(ExitCode::CannotRun, format!("cannot start: {error}"))
    })?;
    runtime.block_on(work)
}

pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_permission_learns_the_group_to_join() {
        let packaged = "root:x:0:\nlipsyncd:x:990:anna\n";
        assert_eq!(
            join(packaged, Some("ben")),
            "`sudo adduser ben lipsyncd` grants read access; log in again after it"
        );
        assert!(join(packaged, None).contains("adduser NAME lipsyncd"));
        assert_eq!(join("root:x:0:\n", Some("ben")), "run this as a user with read permission");
    }
}
