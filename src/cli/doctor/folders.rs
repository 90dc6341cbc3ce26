//! The folders of manifests, media and results: there, readable or writable, and none within another.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{
    CheckResult, DoctorContext, Users, error, filesystem::network_filesystem, ok, quoted, timeout,
    warning,
};
use crate::{
    inbox::{self, FolderListing, ScanEntry},
    store::lock_holder,
};

/// What is written to try the output folder; a full disk refuses it.
const TRIED_BYTES: usize = 4 << 10;

pub(super) fn check_jobs_dir(context: &mut DoctorContext) -> Vec<CheckResult> {
    let (folder, users) = (&context.config.jobs_dir, &context.users);
    let (root, ignore) = (folder.clone(), context.config.watch.ignore.clone());
    let scanned = timeout::within(timeout::FILES, move || {
        let mut listing = inbox::scan(&root, &ignore)?;
        listing.manifests.retain(|path, _| inbox::is_manifest(&root, path));
        Ok((unreadable_paths(&root, &listing), listing, network_filesystem(&root)))
    });
    let shown = folder.display();
    let (unreadable, listing, network) = match scanned {
        None => return vec![no_answer(folder)],
        Some(Err(failed)) => return vec![cannot_read(folder, &failed, users)],
        Some(Ok(scanned)) => scanned,
    };
    if let Some(first) = unreadable.first() {
        let more = match unreadable.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let message =
            format!("{shown}: {} may not read {}{more}", users.me.shown(), first.display());
        return vec![denied(message, allow_reading(folder, users), users)];
    }
    let events = network.map_or_else(String::new, |network| {
        format!(
            "; it is on {}, which reports no changes of other machines: they are seen every \
             watch.rescan_interval ({} s)",
            network.name,
            context.config.watch.rescan_interval.as_secs_f64()
        )
    });
    vec![ok(format!("{shown}, manifests: {}{events}", listing.manifests.len()))]
}

fn unreadable_paths(root: &Path, listing: &FolderListing) -> Vec<PathBuf> {
    let folders = listing.unreadable.keys().map(|path| root.join(path));
    let files = listing.manifests.iter().filter_map(|(path, found)| {
        let path = root.join(path);
        (matches!(found, ScanEntry::File(_)) && !may(&path, Access::READ_OK)).then_some(path)
    });
    folders.chain(files).collect()
}

pub(super) fn check_media_dirs(context: &mut DoctorContext) -> Vec<CheckResult> {
    let check = |folder: &PathBuf| {
        let path = folder.clone();
        let read = timeout::within(timeout::FILES, move || {
            fs::read_dir(&path).map(|_| may(&path, Access::EXEC_OK))
        });
        let denied = io::ErrorKind::PermissionDenied.into();
        match read {
            None => no_answer(folder),
            Some(Err(failed)) => cannot_read(folder, &failed, &context.users),
            Some(Ok(false)) => cannot_read(folder, &denied, &context.users),
            Some(Ok(true)) => ok(folder.display().to_string()),
        }
    };
    context.config.media.dirs.iter().map(check).collect()
}

/// Writes a file without a name to the folder: nothing of it stays, even after a crash.
pub(super) fn check_output_dir(context: &mut DoctorContext) -> Vec<CheckResult> {
    let (folder, users) = (&context.config.output_dir, &context.users);
    let path = folder.clone();
    let tried = timeout::within(timeout::FILES, move || {
        tempfile::tempfile_in(path)?.write_all(&[0; TRIED_BYTES])
    });
    let (shown, word, me) = (folder.display(), quoted(folder), users.me.shown());
    let failed = match tried {
        None => return vec![no_answer(folder)],
        Some(Ok(())) => return vec![ok(format!("{shown} is writable"))],
        Some(Err(failed)) => failed,
    };
    let message = format!("{shown} is not writable as {me}: {failed}");
    vec![match failed.kind() {
        io::ErrorKind::NotFound if lock_holder(&context.config.state_db).is_some() => {
            let message =
                format!("{shown} does not exist, and the daemon creates it only at its start");
            error(message, create(folder, users))
        }
        io::ErrorKind::NotADirectory => error(
            message,
            format!("ls -ld {word} (a file is where a folder must be: move the file away)"),
        ),
        io::ErrorKind::NotFound => {
            // The daemon creates the folder if it may.
            let above = folder.ancestors().skip(1).find(|above| above.exists());
            if above.is_some_and(|above| may(above, Access::WRITE_OK | Access::EXEC_OK)) {
                ok(format!("{shown} does not exist yet; the daemon creates it"))
            } else {
                let message = format!("{shown} does not exist, and {me} may not create it");
                denied(message, create(folder, users), users)
            }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            error(message, format!("df -h {word}"))
        }
        io::ErrorKind::ReadOnlyFilesystem => error(
            message,
            format!(
                "{} (the reason: dmesg | tail)\nor, if only the daemon cannot write it: ReadWritePaths={word} in \
                 its unit",
                users.root(&format!("mount -o remount,rw {word}"))
            ),
        ),
        kind => {
            let owner = || users.root(&format!("chown {} {word}", users.owner()));
            let fix = open_path_to(folder, users).unwrap_or_else(owner);
            match kind {
                io::ErrorKind::PermissionDenied => denied(message, fix, users),
                _ => error(message, fix),
            }
        }
    }]
}

pub(super) fn check_nesting(context: &mut DoctorContext) -> Vec<CheckResult> {
    let config = &context.config;
    let real = |path: &Path| {
        let path = path.to_owned();
        timeout::within(timeout::FILES, move || fs::canonicalize(path).ok()).flatten()
    };
    let (Some(jobs), Some(output)) = (real(&config.jobs_dir), real(&config.output_dir)) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let fix = "set separate folders in the configuration";
    let (jobs_shown, output_shown) = (jobs.display(), output.display());
    if output.starts_with(&jobs) {
        let message = format!(
            "output_dir ({output_shown}) is within jobs_dir ({jobs_shown}), which lipsyncd only reads"
        );
        findings.push(error(message, fix));
    } else if jobs.starts_with(&output) {
        let message = format!(
            "jobs_dir ({jobs_shown}) is within output_dir ({output_shown}): a result could be written among the \
             manifests"
        );
        findings.push(warning(message, fix));
    }
    let database = config.state_db.parent().and_then(real);
    if database.is_some_and(|folder| folder.starts_with(&jobs)) {
        let message = format!("state_db is within jobs_dir ({jobs_shown})");
        findings.push(warning(message, "set state_db to a path elsewhere in the configuration"));
    }
    if findings.is_empty() {
        findings.push(ok("no folder is within another"));
    }
    findings
}

/// Whether doctor's user may, by all rules of the system.
pub(super) fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

fn cannot_read(folder: &Path, failed: &io::Error, users: &Users) -> CheckResult {
    let message = format!("{}: {failed}", folder.display());
    match failed.kind() {
        io::ErrorKind::NotFound => error(message, create(folder, users)),
        io::ErrorKind::PermissionDenied => denied(message, allow_reading(folder, users), users),
        _ => error(message, format!("ls -ld {}", quoted(folder))),
    }
}

/// Something that doctor's user may not do. Whether the daemon may, only the daemon's user can try.
fn denied(message: String, fix: String, users: &Users) -> CheckResult {
    match users.is_daemon() {
        true => error(message, fix),
        false => warning(format!("{message}; whether the daemon may is not known"), users.doctor()),
    }
}

fn create(folder: &Path, users: &Users) -> String {
    let folder = quoted(folder);
    if users.is_daemon() && !users.is_root() && users.unit().is_none() {
        return format!("mkdir -p {folder}");
    }
    let (owner, group) = (users.owner(), users.group());
    users.root(&format!("install -d -o {owner} -g {group} -m 2770 {folder}"))
}

/// Allows it to the group: the people who add files stay their owners.
fn allow_reading(folder: &Path, users: &Users) -> String {
    open_path_to(folder, users).unwrap_or_else(|| {
        let folder = quoted(folder);
        let group = users.root(&format!("chgrp -R {} {folder}", users.group()));
        format!("{group} && {}", users.root(&format!("chmod -R g+rX {folder}")))
    })
}

/// Opens the first folder above that doctor's user may not enter; none where there is no such folder.
fn open_path_to(folder: &Path, users: &Users) -> Option<String> {
    let mut above: Vec<&Path> = folder.ancestors().skip(1).collect();
    above.reverse();
    let closed = above.into_iter().find(|above| !may(above, Access::EXEC_OK))?;
    let open = users.root(&format!("chmod o+x {}", quoted(closed)));
    Some(format!("{open} (others may then enter it, but not list it)"))
}

fn no_answer(folder: &Path) -> CheckResult {
    let message = format!(
        "{} gives no answer within {} s; is the server of a network share down?",
        folder.display(),
        timeout::FILES.as_secs()
    );
    error(message, format!("findmnt -T {}", quoted(folder)))
}
