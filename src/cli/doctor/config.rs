//! The configuration: found, and without faults.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::finding::Finding;
use crate::{
    cli::text::shell_word,
    config::{Config, ConfigError},
};

const NAME: &str = "configuration";

/// The settings and their file; none where they have faults, which is told.
pub(super) fn find(
    explicit: Option<&Path>,
    findings: &mut Vec<Finding>,
) -> Option<(Config, Option<PathBuf>)> {
    match Config::find_and_load(explicit, &|name| env::var_os(name)) {
        Ok((config, Some(file))) => {
            findings.push(Finding::ok(NAME, file.display().to_string()));
            Some((config, Some(file)))
        }
        Ok((config, None)) => {
            findings.push(Finding::warning(
                NAME,
                "there is no lipsyncd.yaml here and none in /etc/lipsyncd: the defaults hold, and \
                 folders are looked for in the working directory",
                "name the daemon's: lipsyncd --config FILE doctor",
            ));
            Some((config, None))
        }
        Err(error) => {
            findings.push(fault(&error));
            None
        }
    }
}

fn fault(error: &ConfigError) -> Finding {
    let edit = |path: &Path| {
        let path = path.display().to_string();
        format!("lipsyncd --config {} check (shows each fault in its line)", shell_word(&path))
    };
    match error {
        ConfigError::Unreadable { path, source } => Finding::error(
            NAME,
            format!("{error}: {source}"),
            format!("ls -l {}", shell_word(&path.display().to_string())),
        ),
        ConfigError::Invalid { path, .. } => Finding::error(NAME, error.to_string(), edit(path)),
        ConfigError::NoDirectory(source) => {
            Finding::error(NAME, format!("{error}: {source}"), "cd /")
        }
    }
}

/// Which file it is about, where it has faults.
pub(super) fn guess(explicit: Option<&Path>) -> Option<PathBuf> {
    let named = explicit.map(Path::to_owned);
    let named = named.or_else(|| env::var_os("LIPSYNCD_CONFIG").map(PathBuf::from));
    let here = env::current_dir().ok()?;
    let implicit = || {
        let candidates = [here.join("lipsyncd.yaml"), "/etc/lipsyncd/lipsyncd.yaml".into()];
        candidates.into_iter().find(|path| path.exists())
    };
    named.map(|path| here.join(path)).or_else(implicit)
}
