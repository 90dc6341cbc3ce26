//! The state database and its daemon: on a local disk, undamaged, of this version, with the right permissions.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use rustix::fs::Access;

use super::{
    CheckResult, DoctorContext, OpenDatabase, Users, error,
    filesystem::network_filesystem,
    folders::may,
    missing_database::{missing, restore, wal},
    ok, quoted, timeout, warning,
};
use crate::{
    cli::{open, text::bytes},
    job::State,
    store::{IntegrityCheck, LockHolder, QueueStatus, Reader, StoreError, VERSION, lock_holder},
};

const HEALTH_LIMIT: Duration = Duration::from_secs(20);
/// A longer log means that a reader keeps SQLite from writing it back.
const LOG_BYTES_MAX: u64 = 512 << 20;

/// Checks the file, its permissions, its content and its daemon, and keeps it open for later checks.
pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let users = &context.users;
    let path = &context.config.state_db;
    let shown = path.display();
    let opened = {
        let path = path.clone();
        timeout::within(timeout::FILES, move || (fs::metadata(&path), lock_holder(&path)))
    };
    let Some((file, daemon)) = opened else {
        let message = format!("{shown} does not answer: it must be on a local disk");
        return vec![error(message, format!("findmnt -T {}", quoted(path)))];
    };
    let mut findings: Vec<CheckResult> = filesystem(path).into_iter().collect();
    let size = match file {
        Ok(file) => bytes(file.len()),
        Err(failed) => {
            findings.push(match failed.kind() {
                io::ErrorKind::NotFound => missing(&context.config, users),
                _ => warning(format!("{shown}: {failed}"), users.doctor()),
            });
            return findings;
        }
    };
    findings.push(permissions(path, users).named("permissions"));
    let read = Reader::open(path).and_then(|reader| {
        let queue_status = reader.queue_status(open::now_ms())?;
        Ok((reader.integrity(HEALTH_LIMIT)?, reader, queue_status))
    });
    let (health, reader, queue_status) = match read {
        Ok(read) => read,
        Err(failed) => {
            findings.push(unreadable(&failed, path, users));
            findings.push(running(path, daemon.as_ref(), None, users).named("daemon"));
            return findings;
        }
    };
    let facts = format!("{shown}, version {VERSION}, {size}");
    findings.push(match health {
        IntegrityCheck::Damaged(what) => {
            error(format!("{shown} is damaged: {what}"), restore(path, users))
        }
        IntegrityCheck::Unfinished => {
            let seconds = HEALTH_LIMIT.as_secs();
            ok(format!("{facts}; no damage in the part that was read within {seconds} s"))
        }
        IntegrityCheck::Intact => {
            long_log(path, users).unwrap_or_else(|| ok(format!("{facts}, no damage")))
        }
    });
    findings.push(running(path, daemon.as_ref(), Some(&queue_status), users).named("daemon"));
    context.database = Some(OpenDatabase { reader, queue_status, daemon });
    findings
}

/// WAL mode needs memory that all readers share, which a network file system does not have.
fn filesystem(path: &Path) -> Option<CheckResult> {
    let network = network_filesystem(path.parent()?)?;
    let message = format!("{} is on {}: it must be on a local disk", path.display(), network.name);
    let fix = "stop the daemon, move the database (with its -wal) to a local disk, and set state_db in the \
               configuration to it";
    Some(match network.may_be_local {
        true => warning(format!("{message}, and it is not known whether this disk is local"), fix),
        false => error(message, fix),
    })
}

fn permissions(path: &Path, users: &Users) -> CheckResult {
    let folder = path.parent().unwrap_or(path);
    let mode = |path: &Path| fs::metadata(path).map(|file| file.permissions().mode() & 0o7777).ok();
    let (shown, me) = (path.display(), users.me.shown());
    if !may(path, Access::READ_OK) {
        return warning(format!("{me} may not read {shown}"), users.doctor());
    }
    // In a sticky folder such as /tmp only the owner can replace the file.
    let open_file = mode(path).filter(|mode| mode & 0o002 != 0);
    let open_folder = mode(folder).filter(|mode| mode & 0o1002 == 0o002);
    let open = open_file.map(|mode| (path, mode, "change it"));
    if let Some((path, mode, what)) =
        open.or(open_folder.map(|mode| (folder, mode, "replace the database")))
    {
        let message = format!("{} has mode {mode:04o}: everybody may {what}", path.display());
        return warning(message, users.root(&format!("chmod o-w {}", quoted(path))));
    }
    let writable = may(path, Access::WRITE_OK) && may(folder, Access::WRITE_OK | Access::EXEC_OK);
    if !writable && users.is_daemon() {
        let fix = format!(
            "{} && {}",
            users.root(&format!("chmod u+rw {}", quoted(path))),
            users.root(&format!("chmod u+rwx {}", quoted(folder)))
        );
        return error(format!("{me} may not write {shown}, or its folder"), fix);
    }
    let readers = match mode(path).unwrap_or_default() & 0o044 {
        0 => "only its owner may read it",
        0o040 => "its group may read it",
        _ => "everybody may read it",
    };
    let access = if writable { "write" } else { "read" };
    ok(format!("{me} can {access} the database; {readers}"))
}

fn unreadable(failed: &StoreError, path: &Path, users: &Users) -> CheckResult {
    let message = failed.to_string();
    match failed {
        StoreError::Older { .. } => {
            warning(message, format!("back it up, then: {}", users.start()))
        }
        StoreError::Newer { .. } => {
            let install = users.root("apt-get install ./lipsyncd_NEWER.deb");
            let fix = format!(
                "{install} (the newer package that used this database)\nor restore the backup from before \
                 that package: see \"Go back\" in docs/upgrade.md"
            );
            error(message, fix)
        }
        StoreError::Foreign { .. } => {
            error(message, "set state_db in the configuration to another file")
        }
        StoreError::Damaged { .. } => error(message, restore(path, users)),
        _ if failed.is_denied() && !users.is_daemon() => warning(message, users.doctor()),
        _ => error(message, format!("ls -l {}*", quoted(path))),
    }
}

fn long_log(path: &Path, users: &Users) -> Option<CheckResult> {
    let length = fs::metadata(wal(path)).ok()?.len();
    (length > LOG_BYTES_MAX).then(|| {
        let message = format!(
            "{} has no damage, but its -wal file has {}: a program that keeps reading prevents its cleanup",
            path.display(),
            bytes(length)
        );
        warning(message, users_of(path, users))
    })
}

/// Shows who has the database open.
fn users_of(path: &Path, users: &Users) -> String {
    users.root(&format!("fuser -v {0} {0}-wal", quoted(path)))
}

fn running(
    path: &Path,
    daemon: Option<&LockHolder>,
    queue_status: Option<&QueueStatus>,
    users: &Users,
) -> CheckResult {
    match daemon {
        Some(LockHolder { pid, problem: Some(problem) }) => error(
            format!("runs (PID {pid}), but cannot write its database: {problem}"),
            format!(
                "{} (shows who else has it open; also check disk above). The daemon tries again automatically",
                users_of(path, users)
            ),
        ),
        Some(LockHolder { pid, problem: None }) => ok(format!("runs (PID {pid})")),
        None => {
            let unfinished = State::ALL.into_iter().filter(|state| !state.is_finished());
            let unfinished: Vec<State> = unfinished.collect();
            match queue_status.map_or(0, |queue_status| queue_status.count(&unfinished)) {
                0 => ok("does not run"),
                jobs => warning(format!("does not run; unfinished jobs: {jobs}"), users.start()),
            }
        }
    }
}
