//! The state database and its daemon: there, whole, of this version, with the right owners, on a local disk.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::Access;

use super::{finding::Finding, folders::may, mounts::remote, patience, results, who::Who};
use crate::{
    cli::{
        open,
        text::{bytes, counted, shell_word},
    },
    config::Config,
    job::State,
    store::{IntegrityCheck, LockHolder, QueueStatus, Reader, StoreError, VERSION, lock_holder},
};

const NAME: &str = "database";
const DAEMON: &str = "daemon";
const PERMISSIONS: &str = "permissions";

/// How long a database is read through.
const READ_THROUGH: Duration = Duration::from_secs(20);
/// A log this long is not cut back because somebody has been reading all the while.
const LOG_BYTES_MAX: u64 = 512 << 20;

/// What is known of a database that could be read.
pub(super) struct Known {
    pub(super) reader: Reader,
    pub(super) standing: QueueStatus,
    pub(super) daemon: Option<LockHolder>,
}

/// None where it cannot be read.
pub(super) fn check(config: &Config, who: &Who, findings: &mut Vec<Finding>) -> Option<Known> {
    let path = &config.state_db;
    let shown = path.display();
    let looked = {
        let path = path.clone();
        patience::within(patience::FILES, move || (fs::metadata(&path), lock_holder(&path)))
    };
    let Some((file, daemon)) = looked else {
        let message = format!("{shown} gives no answer: it must lie on a local disk");
        findings.push(Finding::error(NAME, message, format!("findmnt -T {}", word(path))));
        return None;
    };
    findings.extend(place(path));
    match &file {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.push(absent(config, who));
            return None;
        }
        Err(error) => {
            let message = format!("{shown}: {error}");
            findings.push(Finding::warning(NAME, message, who.doctor()));
            return None;
        }
        Ok(_) => {}
    }
    findings.push(permissions(path, who));
    let read = Reader::open(path).and_then(|reader| {
        let standing = reader.queue_status(open::now_ms())?;
        Ok((reader.health(READ_THROUGH)?, reader, standing))
    });
    let (health, reader, standing) = match read {
        Ok(read) => read,
        Err(error) => {
            findings.push(unreadable(&error, path, who));
            findings.push(running(path, daemon.as_ref(), None, who));
            return None;
        }
    };
    let size = bytes(file.map(|file| file.len()).unwrap_or_default());
    findings.push(match health {
        IntegrityCheck::Damaged(what) => {
            Finding::error(NAME, format!("{shown} is damaged: {what}"), put_back(path, who))
        }
        IntegrityCheck::Unfinished => Finding::ok(
            NAME,
            format!(
                "{shown}, version {VERSION}, {size}; whole as far as it was read within {} s",
                READ_THROUGH.as_secs()
            ),
        ),
        IntegrityCheck::Intact => log(path, who).unwrap_or_else(|| {
            Finding::ok(NAME, format!("{shown}, version {VERSION}, {size}, whole"))
        }),
    });
    findings.push(running(path, daemon.as_ref(), Some(&standing), who));
    Some(Known { reader, standing, daemon })
}

/// WAL needs memory that all who read share: a network share has none.
fn place(path: &Path) -> Option<Finding> {
    let folder = path.parent()?;
    let remote = remote(folder)?;
    let message = format!("{} is on {}: it must lie on a local disk", path.display(), remote.name);
    let mend = "stop the daemon, move the database (with its -wal) to a local disk, and name that as \
                state_db in the configuration";
    Some(if remote.is_perhaps_local {
        Finding::warning(NAME, format!("{message}, and whether this is one cannot be told"), mend)
    } else {
        Finding::error(NAME, message, mend)
    })
}

/// Not made yet, or lost: then it must be put back before the daemon makes an empty one and pays again.
fn absent(config: &Config, who: &Who) -> Finding {
    let path = &config.state_db;
    let shown = path.display();
    if fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        let message = format!("{shown} is missing, and its -wal file is there: it was lost");
        return Finding::error(NAME, message, put_back(path, who));
    }
    let output_dir = config.output_dir.clone();
    let results = patience::within(patience::FILES, move || results::latest(&output_dir).len());
    let results = results.unwrap_or_default();
    if results > 0 {
        let count = counted(i64::try_from(results).unwrap_or(i64::MAX), "result");
        let (count, lie) = match results {
            1 => (count, "lies"),
            results::READ_MAX => (format!("{count} or more"), "lie"),
            _ => (count, "lie"),
        };
        let message = format!(
            "{count} {lie} in {}, but {shown} is not there: it was lost, or is elsewhere; put a backup \
             in its place before the daemon starts, or jobs may be paid again",
            config.output_dir.display()
        );
        return Finding::error(NAME, message, put_back(path, who));
    }
    let above = path.ancestors().skip(1).find(|above| above.is_dir());
    if above.is_none_or(|above| !may(above, Access::WRITE_OK | Access::EXEC_OK)) {
        let folder = path.parent().unwrap_or(path);
        let message = format!("{shown} is not there, and {} may not make it", who.me.shown());
        let (owner, group) = (who.owner(), who.group());
        let mend = format!("install -d -o {owner} -g {group} -m 0750 {}", word(folder));
        let mend = who.root(&mend);
        return Finding::error(NAME, message, mend);
    }
    Finding::ok(NAME, format!("{shown} is not there yet; the daemon's first start makes it"))
}

fn permissions(path: &Path, who: &Who) -> Finding {
    let folder = path.parent().unwrap_or(path);
    let mode = |path: &Path| fs::metadata(path).map(|file| file.permissions().mode() & 0o7777).ok();
    let shown = path.display();
    let me = who.me.shown();
    if !may(path, Access::READ_OK) {
        let message = format!("{me} may not read {shown}");
        return Finding::warning(PERMISSIONS, message, who.doctor());
    }
    if let Some(open) = mode(path).filter(|mode| mode & 0o002 != 0) {
        let message = format!("{shown} has mode {open:04o}: everybody may change it");
        return Finding::warning(
            PERMISSIONS,
            message,
            who.root(&format!("chmod o-w {}", word(path))),
        );
    }
    if let Some(open) = mode(folder).filter(|mode| mode & 0o1002 == 0o002) {
        let message =
            format!("{} has mode {open:04o}: everybody may replace the database", folder.display());
        return Finding::warning(
            PERMISSIONS,
            message,
            who.root(&format!("chmod o-w {}", word(folder))),
        );
    }
    let writable = may(path, Access::WRITE_OK) && may(folder, Access::WRITE_OK | Access::EXEC_OK);
    if !writable && who.is_daemon() {
        let message = format!("{me} may not write {shown}, or its folder");
        let mend = format!(
            "{} && {}",
            who.root(&format!("chmod u+rw {}", word(path))),
            who.root(&format!("chmod u+rwx {}", word(folder)))
        );
        return Finding::error(PERMISSIONS, message, mend);
    }
    let readers = match mode(path).unwrap_or_default() & 0o044 {
        0 => "its owner alone may read it",
        0o040 => "its group may read it",
        _ => "everybody may read it",
    };
    let mine = if writable { "can be written" } else { "can be read" };
    Finding::ok(PERMISSIONS, format!("the database {mine} as {me}; {readers}"))
}

fn unreadable(error: &StoreError, path: &Path, who: &Who) -> Finding {
    let message = error.to_string();
    match error {
        StoreError::Older { .. } => {
            Finding::warning(NAME, message, format!("back it up, then: {}", who.start()))
        }
        StoreError::Newer { .. } => {
            let newer = who.root("apt-get install ./lipsyncd_NEWER.deb");
            let mend = format!(
                "{newer} (the package that it was worked on with)\nor put back the backup from before \
                 that one: see \"Go back\" in docs/upgrade.md"
            );
            Finding::error(NAME, message, mend)
        }
        StoreError::Foreign { .. } => {
            Finding::error(NAME, message, "name another file as state_db in the configuration")
        }
        StoreError::Damaged { .. } => Finding::error(NAME, message, put_back(path, who)),
        _ if error.is_denied() && !who.is_daemon() => Finding::warning(NAME, message, who.doctor()),
        _ => Finding::error(NAME, message, format!("ls -l {}*", word(path))),
    }
}

/// A log that grows because a reader keeps it from being written back.
fn log(path: &Path, who: &Who) -> Option<Finding> {
    let length = fs::metadata(beside(path, "-wal")).ok()?.len();
    let mend = who.root(&format!("fuser -v {0} {0}-wal", word(path)));
    (length > LOG_BYTES_MAX).then(|| {
        let message = format!(
            "{} is whole, but its log has {}: somebody has been reading it all the while",
            path.display(),
            bytes(length)
        );
        Finding::warning(NAME, message, mend)
    })
}

fn running(
    path: &Path,
    daemon: Option<&LockHolder>,
    standing: Option<&QueueStatus>,
    who: &Who,
) -> Finding {
    match daemon {
        Some(LockHolder { pid, problem: Some(trouble) }) => {
            let message = format!("runs (PID {pid}), but cannot write its database: {trouble}");
            let held = format!("fuser -v {0} {0}-wal", word(path));
            let mend = format!(
                "{} (who else has it open; see disk, too): the daemon tries again by itself",
                who.root(&held)
            );
            Finding::error(DAEMON, message, mend)
        }
        Some(LockHolder { pid, problem: None }) => Finding::ok(DAEMON, format!("runs (PID {pid})")),
        None => {
            let left = standing.map_or(0, |standing| {
                let open = State::ALL.into_iter().filter(|state| !state.is_finished());
                standing.count(&open.collect::<Vec<_>>())
            });
            if left == 0 {
                return Finding::ok(DAEMON, "does not run");
            }
            let message = format!("does not run; jobs that have not ended: {left}");
            Finding::warning(DAEMON, message, who.start())
        }
    }
}

/// As docs/backup-and-restore.md says.
fn put_back(path: &Path, who: &Who) -> String {
    let database = word(path);
    let stop = who.unit().map_or_else(
        || "end the daemon".to_owned(),
        |unit| who.root(&format!("systemctl stop {unit}")),
    );
    // What is not there cannot be moved.
    let files = ["", "-wal", "-shm"].map(|ending| beside(path, ending));
    let files: Vec<String> =
        files.iter().filter(|file| file.exists()).map(|file| word(file)).collect();
    let moved = format!("mv {} {database}.damaged/", files.join(" "));
    let aside = format!("mkdir {database}.damaged && {}", who.root(&moved));
    let (owner, group) = (who.owner(), who.group());
    let back = format!("install -o {owner} -g {group} -m 0640 BACKUP {database}");
    let aside = (!files.is_empty()).then(|| who.root(&aside));
    [Some(stop), aside, Some(who.root(&back)), Some(who.start())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(ending);
    path.into()
}

fn word(path: &Path) -> String {
    shell_word(&path.display().to_string()).into_owned()
}
