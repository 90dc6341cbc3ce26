//! The configuration: found, without errors, and readable by the daemon.

use std::{env, path::Path};

use super::{CheckResult, DoctorContext, LookupProof, Users, error, ok, quoted, warning};
use crate::config::{Config, ConfigError};

/// Loads the configuration; the context for all checks, and the finding.
pub(super) fn load(explicit: Option<&Path>) -> (DoctorContext, CheckResult) {
    let loaded = Config::find_and_load(explicit, &|name| env::var_os(name));
    let (config, users, finding) = match &loaded {
        Ok((config, file)) => {
            let users = Users::new(Some(&config.state_db), file.as_deref());
            let finding = match file {
                Some(file) => unreadable_for_daemon(file, &users)
                    .unwrap_or_else(|| ok(file.display().to_string())),
                None => warning(
                    "no lipsyncd.yaml here and none in /etc/lipsyncd: the defaults are used, with folders in the \
                     working directory",
                    "name the daemon's configuration: lipsyncd --config FILE doctor",
                ),
            };
            (config.clone(), users, finding)
        }
        Err(failed) => {
            let file = match failed {
                ConfigError::Unreadable { path, .. } | ConfigError::Invalid { path, .. } => {
                    Some(path.as_path())
                }
                ConfigError::NoDirectory(_) => None,
            };
            let users = Users::new(None, file);
            (Config::default(), users, invalid(failed))
        }
    };
    let context = DoctorContext {
        config,
        config_is_valid: loaded.is_ok(),
        users,
        credentials: None,
        account: None,
        database: None,
        lookups: LookupProof::Unknown,
    };
    (context, finding)
}

fn invalid(failed: &ConfigError) -> CheckResult {
    match failed {
        ConfigError::Unreadable { path, source } => {
            error(format!("{failed}: {source}"), format!("ls -l {}", quoted(path)))
        }
        ConfigError::Invalid { path, .. } => {
            let check = format!("lipsyncd --config {} check", quoted(path));
            // A finding is one line.
            let errors = failed.to_string().replace('\n', "; ");
            error(errors, format!("{check} (shows each error with its line)"))
        }
        ConfigError::NoDirectory(source) => error(format!("{failed}: {source}"), "cd /"),
    }
}

/// Reports what lipsyncd corrected in the configuration.
pub(super) fn check_notes(context: &mut DoctorContext) -> Vec<CheckResult> {
    let fix = "write the corrected value into the configuration";
    context.config.notes.iter().map(|note| warning(note, fix)).collect()
}

/// An error where root can read the file and the daemon's user cannot.
fn unreadable_for_daemon(file: &Path, users: &Users) -> Option<CheckResult> {
    if !users.is_root() || users.is_daemon() {
        return None;
    }
    let (shown, user) = (file.display(), users.daemon.shown());
    let mut folders: Vec<&Path> = file.ancestors().skip(1).collect();
    folders.reverse();
    let denied = |test: &str, path: &Path| users.daemon_may(test, path) == Some(false);
    if let Some(closed) = folders.into_iter().find(|folder| denied("-x", folder)) {
        let message = format!("{shown}: {user} may not enter {}", closed.display());
        return Some(error(message, format!("chmod o+x {}", quoted(closed))));
    }
    denied("-r", file).then(|| {
        let file = quoted(file);
        let fix = format!("chgrp {} {file} && chmod g+r {file}", users.group());
        error(format!("{shown}: the daemon's user {user} may not read it"), fix)
    })
}
