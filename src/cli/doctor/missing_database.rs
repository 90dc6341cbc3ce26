//! A database that is not there: not made yet, or lost. A lost one must be restored before the daemon makes an empty
//! one and pays again.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use rustix::fs::Access;

use super::{CheckResult, Users, error, folders::may, ok, quoted, result_files, timeout};
use crate::{cli::counted, config::Config};

pub(super) fn missing(config: &Config, users: &Users) -> CheckResult {
    let path = &config.state_db;
    let shown = path.display();
    if fs::metadata(wal(path)).is_ok_and(|log| log.len() > 0) {
        let message = format!("{shown} is missing, but its -wal file exists: it was lost");
        return error(message, restore(path, users));
    }
    let output_dir = config.output_dir.clone();
    let results = timeout::within(timeout::FILES, move || result_files::latest(&output_dir).len());
    let results = results.unwrap_or_default();
    if results > 0 {
        let count = counted(results, "result");
        let or_more = if results == result_files::READ_MAX { " or more" } else { "" };
        let message = format!(
            "{count}{or_more} in {}, but {shown} does not exist: it was lost, or is elsewhere; restore a backup \
             before the daemon starts, or jobs may be paid again",
            config.output_dir.display()
        );
        return error(message, restore(path, users));
    }
    let above = path.ancestors().skip(1).find(|above| above.is_dir());
    if above.is_none_or(|above| !may(above, Access::WRITE_OK | Access::EXEC_OK)) {
        let folder = quoted(path.parent().unwrap_or(path));
        let message = format!("{shown} does not exist, and {} may not create it", users.me.shown());
        let (owner, group) = (users.owner(), users.group());
        let create = format!("install -d -o {owner} -g {group} -m 0750 {folder}");
        return error(message, users.root(&create));
    }
    ok(format!("{shown} does not exist yet; the daemon creates it at its first start"))
}

/// The steps of docs/backup-and-restore.md.
pub(super) fn restore(path: &Path, users: &Users) -> String {
    let database = quoted(path);
    let mut steps = vec![users.unit().map_or_else(
        || "stop the daemon".to_owned(),
        |unit| users.root(&format!("systemctl stop {unit}")),
    )];
    let files = ["", "-wal", "-shm"].map(|ending| beside(path, ending));
    let files: Vec<String> =
        files.iter().filter(|file| file.exists()).map(|file| quoted(file)).collect();
    if !files.is_empty() {
        let moved = users.root(&format!("mv {} {database}.damaged/", files.join(" ")));
        steps.push(users.root(&format!("mkdir {database}.damaged && {moved}")));
    }
    let (owner, group) = (users.owner(), users.group());
    steps.push(users.root(&format!("install -o {owner} -g {group} -m 0640 BACKUP {database}")));
    steps.push(users.start());
    steps.join("\n")
}

pub(super) fn wal(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(ending);
    path.into()
}
