//! The folders of manifests, media and results: there, readable or writable, and apart from each other.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{finding::Finding, mounts::remote, patience, who::Who};
use crate::{
    cli::text::shell_word,
    config::Config,
    inbox::{self, FolderListing, ScanEntry},
};

/// So many things that cannot be read are named.
const NAMED_MAX: usize = 3;
/// What tries the output folder: what a full disk does not take.
const TRIED_BYTES: usize = 4 << 10;

pub(super) fn check(config: &Config, who: &Who, findings: &mut Vec<Finding>) {
    findings.push(jobs_dir(config, who));
    for folder in &config.media.dirs {
        findings.push(media_dir(folder, who));
    }
    findings.push(output_dir(config, who));
    findings.extend(apart(config));
}

fn jobs_dir(config: &Config, who: &Who) -> Finding {
    const NAME: &str = "jobs_dir";
    let folder = config.jobs_dir.clone();
    let looked = patience::within(patience::FILES, move || {
        let listing = inbox::scan(&folder)?;
        let closed = closed(&folder, &listing);
        Ok((listing, closed, remote(&folder)))
    });
    let shown = config.jobs_dir.display();
    let (listing, closed, remote) = match looked {
        None => return hangs(NAME, &config.jobs_dir),
        Some(Err(error)) => return unreadable(NAME, &config.jobs_dir, &error, who),
        Some(Ok(looked)) => looked,
    };
    if !closed.is_empty() {
        let mut named = closed.iter().take(NAMED_MAX).map(|path| path.display().to_string());
        let first = named.next().unwrap_or_default();
        let more = match closed.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let message = format!("{shown}: {} may not read {first}{more}", who.me.shown());
        return denied(NAME, message, allow(&config.jobs_dir, who), who);
    }
    let manifests = listing.manifests.len();
    let told = match remote {
        Some(remote) => format!(
            "; it is on {}, where changes made elsewhere are not told: they are seen each \
             watch.rescan_interval ({} s)",
            remote.name,
            config.watch.rescan_interval.as_secs_f64()
        ),
        None => String::new(),
    };
    Finding::ok(NAME, format!("{shown}, manifests: {manifests}{told}"))
}

/// What of the folder could not be read: folders, and manifests.
fn closed(root: &Path, listing: &FolderListing) -> Vec<PathBuf> {
    let folders = listing.unreadable.keys().map(|path| root.join(path));
    let files = listing.manifests.iter().filter_map(|(path, found)| {
        let path = root.join(path);
        (matches!(found, ScanEntry::File(_)) && !may(&path, Access::READ_OK)).then_some(path)
    });
    folders.chain(files).collect()
}

fn media_dir(folder: &Path, who: &Who) -> Finding {
    const NAME: &str = "media.dirs";
    let path = folder.to_owned();
    let looked = patience::within(patience::FILES, move || {
        fs::read_dir(&path).map(|_| may(&path, Access::EXEC_OK))
    });
    match looked {
        None => hangs(NAME, folder),
        Some(Err(error)) => unreadable(NAME, folder, &error, who),
        Some(Ok(false)) => unreadable(NAME, folder, &io::ErrorKind::PermissionDenied.into(), who),
        Some(Ok(true)) => Finding::ok(NAME, folder.display().to_string()),
    }
}

fn output_dir(config: &Config, who: &Who) -> Finding {
    const NAME: &str = "output_dir";
    let folder = &config.output_dir;
    let path = folder.clone();
    let tried = patience::within(patience::FILES, move || try_to_write(&path));
    let shown = folder.display();
    match tried {
        None => hangs(NAME, folder),
        Some(Ok(())) => Finding::ok(NAME, format!("{shown}, can be written")),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => absent(NAME, folder, who),
        Some(Err(error)) => {
            let word = shell_word(&folder.display().to_string()).into_owned();
            let mend = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    format!("df -h {word}")
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    format!(
                        "{} (and see why: dmesg | tail)\nor, where only the daemon finds it so: \
                         ReadWritePaths={word} in its unit",
                        who.root(&format!("mount -o remount,rw {word}"))
                    )
                }
                _ => way(folder, who)
                    .unwrap_or_else(|| who.root(&format!("chown {} {word}", who.owner()))),
            };
            let message = format!("{shown} cannot be written as {}: {error}", who.me.shown());
            match error.kind() {
                io::ErrorKind::PermissionDenied => denied(NAME, message, mend, who),
                _ => Finding::error(NAME, message, mend),
            }
        }
    }
}

/// The file has no name, or loses it at once: nothing of it stays, even after a crash.
fn try_to_write(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder)?.write_all(&[0; TRIED_BYTES])
}

/// The daemon makes the folder if it may.
fn absent(name: &'static str, folder: &Path, who: &Who) -> Finding {
    let shown = folder.display();
    let above = folder.ancestors().skip(1).find(|above| above.exists());
    if above.is_some_and(|above| may(above, Access::WRITE_OK | Access::EXEC_OK)) {
        return Finding::ok(name, format!("{shown} is not there yet; the daemon makes it"));
    }
    let message = format!("{shown} is not there, and {} may not make it", who.me.shown());
    denied(name, message, make(folder, who), who)
}

/// None lies in another.
fn apart(config: &Config) -> Vec<Finding> {
    const NAME: &str = "folders";
    let real = |path: &Path| {
        let path = path.to_owned();
        patience::within(patience::FILES, move || fs::canonicalize(path).ok()).flatten()
    };
    let (Some(jobs), Some(output)) = (real(&config.jobs_dir), real(&config.output_dir)) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let mend = "name folders of which none lies in another, in the configuration";
    if output.starts_with(&jobs) {
        let message = format!(
            "output_dir ({}) lies in jobs_dir ({}), which is only ever read",
            output.display(),
            jobs.display()
        );
        wrong.push(Finding::error(NAME, message, mend));
    } else if jobs.starts_with(&output) {
        let message = format!(
            "jobs_dir ({}) lies in output_dir ({}): a result could be written among the manifests",
            jobs.display(),
            output.display()
        );
        wrong.push(Finding::warning(NAME, message, mend));
    }
    let database = config.state_db.parent().and_then(real);
    if database.is_some_and(|folder| folder.starts_with(&jobs)) {
        let message = format!("state_db lies in jobs_dir ({})", jobs.display());
        wrong.push(Finding::warning(NAME, message, "name another place for state_db"));
    }
    if wrong.is_empty() {
        wrong.push(Finding::ok(NAME, "none lies in another"));
    }
    wrong
}

/// Whether this user may, by all that the system goes by.
pub(super) fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

fn unreadable(name: &'static str, folder: &Path, error: &io::Error, who: &Who) -> Finding {
    let message = format!("{}: {error}", folder.display());
    let mend = match error.kind() {
        io::ErrorKind::NotFound => make(folder, who),
        io::ErrorKind::PermissionDenied => return denied(name, message, allow(folder, who), who),
        _ => format!("ls -ld {}", shell_word(&folder.display().to_string())),
    };
    Finding::error(name, message, mend)
}

/// Something that the system does not let this user do. What it lets the daemon do, its own user can tell.
fn denied(name: &'static str, message: String, mend: String, who: &Who) -> Finding {
    if who.is_daemon() {
        return Finding::error(name, message, mend);
    }
    Finding::warning(name, format!("{message}; whether the daemon may is not known"), who.doctor())
}

fn make(folder: &Path, who: &Who) -> String {
    let word = shell_word(&folder.display().to_string()).into_owned();
    if who.is_daemon() && !who.is_root() && who.unit().is_none() {
        return format!("mkdir -p {word}");
    }
    let (owner, group) = (who.owner(), who.group());
    who.root(&format!("install -d -o {owner} -g {group} -m 2770 {word}"))
}

/// By the group, so that whoever drops files stays their owner.
fn allow(folder: &Path, who: &Who) -> String {
    if let Some(way) = way(folder, who) {
        return way;
    }
    let word = shell_word(&folder.display().to_string()).into_owned();
    let group = who.group();
    format!(
        "{} && {}",
        who.root(&format!("chgrp -R {group} {word}")),
        who.root(&format!("chmod -R g+rX {word}"))
    )
}

/// Where a folder above is what is closed: how it is opened to pass through.
fn way(folder: &Path, who: &Who) -> Option<String> {
    let mut above: Vec<&Path> = folder.ancestors().skip(1).collect();
    above.reverse();
    let closed = above.into_iter().find(|above| !may(above, Access::EXEC_OK))?;
    let open = format!("chmod o+x {}", shell_word(&closed.display().to_string()));
    Some(format!("{} (others may then pass through it, not list it)", who.root(&open)))
}

fn hangs(name: &'static str, folder: &Path) -> Finding {
    let message = format!(
        "{} gives no answer within {} s: a share whose server is gone?",
        folder.display(),
        patience::FILES.as_secs()
    );
    Finding::error(
        name,
        message,
        format!("findmnt -T {}", shell_word(&folder.display().to_string())),
    )
}
