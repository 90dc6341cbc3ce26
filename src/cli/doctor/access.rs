//! What the daemon's user may read, where root asks: root itself may read everything.
//!
//! By owners, groups and modes; where an access control list stands, or the user is not known here, it is
//! left open.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use super::{
    finding::Finding,
    who::{User, Who},
};
use crate::cli::text::shell_word;

const READ: u32 = 0o4;
const PASS: u32 = 0o1;

/// An error under `name` where root sees a file that the daemon's user may not read.
pub(super) fn check(name: &'static str, file: &Path, who: &Who) -> Option<Finding> {
    if !who.is_root() || who.is_daemon() {
        return None;
    }
    let mut above: Vec<&Path> = file.ancestors().skip(1).collect();
    above.reverse();
    let closed = above.into_iter().map(|folder| (folder, PASS)).chain([(file, READ)]);
    let (closed, wanted) = closed
        .into_iter()
        .find(|(path, wanted)| is_denied(path, *wanted, &who.daemon) == Some(true))?;
    let user = who.daemon.shown();
    let word = shell_word(&closed.display().to_string()).into_owned();
    if wanted == PASS {
        let message = format!("{}: {user} may not enter {}", file.display(), closed.display());
        return Some(Finding::error(name, message, format!("chmod o+x {word}")));
    }
    let message = format!("{}: the daemon's user {user} may not read it", file.display());
    let mend = format!("chgrp {} {word} && chmod g+r {word}", who.group());
    Some(Finding::error(name, message, mend))
}

/// None where it cannot be told.
fn is_denied(path: &Path, wanted: u32, user: &User) -> Option<bool> {
    let file = fs::metadata(path).ok()?;
    let mut value = [0; 256];
    let listed = rustix::fs::getxattr(path, "system.posix_acl_access", &mut value[..]);
    if user.uid == 0 || listed.is_ok() || matches!(listed, Err(rustix::io::Errno::RANGE)) {
        return None;
    }
    let mode = file.permissions().mode();
    let bits = if file.uid() == user.uid {
        mode >> 6
    } else if user.is_in(file.gid())? {
        mode >> 3
    } else {
        mode
    };
    Some(bits & wanted == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_the_group_and_the_others_each_go_by_their_own_bits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        let (uid, gid) = {
            let file = fs::metadata(&path).unwrap();
            (file.uid(), file.gid())
        };
        let user = |uid, gid| User { uid, name: None, gid: Some(gid) };
        let denied = |mode, user: &User| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            is_denied(&path, READ, user)
        };
        let (member, other) = (user(uid + 77_000, gid), user(uid + 77_000, gid + 77_000));
        for (mode, by_group, by_others) in
            [(0o640, false, true), (0o600, true, true), (0o604, true, false)]
        {
            assert_eq!(denied(mode, &member), Some(by_group), "{mode:o}");
            assert_eq!(denied(mode, &other), Some(by_others), "{mode:o}");
        }
        assert_eq!(denied(0o000, &user(uid + 77_000, gid)), Some(true));
        assert_eq!(denied(0o600, &User { gid: None, ..other }), None);
    }
}
