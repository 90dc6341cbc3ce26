//! Limits of the system: watches of folders, and open files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Resource, getrlimit};

use super::{database::Known, finding::Finding, patience, who::Who};
use crate::config::Config;

/// What a daemon needs beside its slots and downloads.
const FILES_BESIDE: u64 = 100;
/// More folders than this are not counted.
const FOLDERS_MAX: u64 = 2_000_000;

pub(super) fn check(
    config: &Config,
    known: Option<&Known>,
    who: &Who,
    findings: &mut Vec<Finding>,
) {
    findings.extend(watches(config, who));
    findings.push(files(config, known, who));
}

/// Each folder under `jobs_dir` and the media folders takes a watch of this user's.
fn watches(config: &Config, who: &Who) -> Option<Finding> {
    const NAME: &str = "inotify";
    let limit: u64 =
        fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?.trim().parse().ok()?;
    let roots: BTreeSet<PathBuf> =
        [&config.jobs_dir].into_iter().chain(&config.media.dirs).cloned().collect();
    let folders = patience::within(patience::FILES, move || {
        roots.iter().map(|root| folders(root)).fold(0, u64::saturating_add)
    })?;
    // Others of this user watch, too.
    if folders.saturating_mul(5) < limit.saturating_mul(4) {
        return Some(Finding::ok(NAME, format!("folders to watch: {folders}, allowed: {limit}")));
    }
    let wanted = folders.saturating_mul(4).max(524_288);
    let mend = format!(
        "echo fs.inotify.max_user_watches={wanted} | {} && {}\n{}",
        who.root("tee /etc/sysctl.d/60-lipsyncd.conf"),
        who.root("sysctl --system"),
        who.restart()
    );
    let message = format!(
        "{folders} folders to watch, and {limit} are allowed for all of this user's programs: changes \
         are then seen only each watch.rescan_interval"
    );
    Some(Finding::warning(NAME, message, mend))
}

/// The folder and all beneath it, without following links.
fn folders(root: &Path) -> u64 {
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

fn files(config: &Config, known: Option<&Known>, who: &Who) -> Finding {
    const NAME: &str = "open files";
    let needed = u64::from(config.limits.concurrency)
        .saturating_mul(2)
        .saturating_add(u64::from(config.download.concurrency).saturating_mul(4))
        .saturating_add(FILES_BESIDE);
    let daemons = known.and_then(|known| known.daemon.as_ref()).and_then(|it| of_process(it.pid));
    let (limit, whose) = match daemons {
        Some(limit) => (limit, "the daemon"),
        None => (getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), "this shell"),
    };
    if limit >= needed {
        return Finding::ok(NAME, format!("{whose} may have {}, {needed} will do", told(limit)));
    }
    let mend = match who.unit() {
        Some(unit) => format!(
            "{}\nprintf '[Service]\\nLimitNOFILE=65536\\n' | {}\n{} && {}",
            who.root(&format!("mkdir -p /etc/systemd/system/{unit}.service.d")),
            who.root(&format!("tee /etc/systemd/system/{unit}.service.d/files.conf")),
            who.root("systemctl daemon-reload"),
            who.restart()
        ),
        None => format!("ulimit -n {}, then start the daemon from that shell", needed.max(4096)),
    };
    let message = format!("{whose} may have {limit}, and {needed} are needed");
    Finding::warning(NAME, message, mend)
}

/// The soft limit of a process that runs.
fn of_process(pid: u32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

fn told(limit: u64) -> String {
    if limit == u64::MAX { "as many as it likes".to_owned() } else { limit.to_string() }
}
