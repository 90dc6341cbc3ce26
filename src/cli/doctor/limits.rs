//! Limits of the system: inotify watches and open files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Resource, getrlimit};

use super::{CheckResult, DoctorContext, ok, timeout, warning};
use crate::video_server::CONNECTIONS_MAX;

const OTHER_FILES: u64 = 100;
const FOLDERS_MAX: u64 = 2_000_000;

/// Each folder under `jobs_dir` and the media folders needs one watch.
pub(super) fn check_inotify(context: &mut DoctorContext) -> Vec<CheckResult> {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
    let Some(limit) = limit.ok().and_then(|limit| limit.trim().parse::<u64>().ok()) else {
        return Vec::new();
    };
    let roots: BTreeSet<PathBuf> =
        [&context.config.jobs_dir].into_iter().chain(&context.config.media.dirs).cloned().collect();
    let folders = timeout::within(timeout::FILES, move || {
        roots.iter().map(|root| count_folders(root)).fold(0, u64::saturating_add)
    });
    let Some(folders) = folders else { return Vec::new() };
    // Other programs of the user need watches, too.
    if folders.saturating_mul(5) < limit.saturating_mul(4) {
        return vec![ok(format!("folders to watch: {folders}, allowed: {limit}"))];
    }
    let users = &context.users;
    let fix = format!(
        "echo fs.inotify.max_user_watches={} | {} && {}\n{}",
        folders.saturating_mul(4).max(524_288),
        users.root("tee /etc/sysctl.d/60-lipsyncd.conf"),
        users.root("sysctl --system"),
        users.restart()
    );
    let message = format!(
        "{folders} folders to watch, and {limit} are allowed for all programs of this user: without a watch, \
         changes are seen only every watch.rescan_interval"
    );
    vec![warning(message, fix)]
}

/// Counts the folder and all folders in it, without following links.
fn count_folders(root: &Path) -> u64 {
    let (mut count, mut left) = (0, vec![root.to_owned()]);
    while let Some(folder) = left.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        count += 1;
        if count >= FOLDERS_MAX {
            break;
        }
        let entries = entries.flatten();
        let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        left.extend(inner.map(|entry| entry.path()));
    }
    count
}

pub(super) fn check_open_files(context: &mut DoctorContext) -> Vec<CheckResult> {
    let (config, users) = (&context.config, &context.users);
    let needed = u64::from(config.limits.concurrency)
        .saturating_mul(2)
        .saturating_add(u64::from(config.download.concurrency).saturating_mul(4))
        .saturating_add(u64::from(config.upload.concurrency).saturating_mul(2))
        .saturating_add(config.media.serve.listen.map_or(0, |_| 2 * CONNECTIONS_MAX as u64))
        .saturating_add(OTHER_FILES);
    let daemon = context.database.as_ref().and_then(|database| database.daemon.as_ref());
    let (limit, whose) = match daemon.and_then(|daemon| limit_of(daemon.pid)) {
        Some(limit) => (limit, "the daemon"),
        None => (getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), "this shell"),
    };
    let shown = if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() };
    if limit >= needed {
        return vec![ok(format!("allowed for {whose}: {shown}, needed: {needed}"))];
    }
    let fix = match users.unit() {
        Some(unit) => users.add_drop_in(&unit, "files.conf", &["LimitNOFILE=65536".to_owned()]),
        None => format!("ulimit -n {}, then start the daemon from that shell", needed.max(4096)),
    };
    vec![warning(format!("allowed for {whose}: {shown}, but {needed} are needed"), fix)]
}

fn limit_of(pid: u32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}
