//! On what kind of file system something lies, as far as that matters.

use std::path::Path;

use rustix::fs::statfs;

/// A file system that is not of this machine's own disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remote {
    /// Its name.
    pub(super) name: &'static str,
    /// It may be local all the same.
    pub(super) is_perhaps_local: bool,
}

/// By their magic numbers, see statfs(2). Changes that another machine makes are not told of on these.
const REMOTE: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x517B, "SMB"),
    (0x5346_414F, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0102_1997, "9p"),
    (0x7461_636F, "OCFS2"),
    (0x6573_5546, "FUSE"),
];

/// What `path` lies on; none: a local disk, or nobody knows.
pub(super) fn remote(path: &Path) -> Option<Remote> {
    // The number is signed on some machines, and has 32 bits everywhere.
    #[expect(clippy::cast_sign_loss, reason = "cut to its 32 bits")]
    let magic = statfs(path).ok()?.f_type as u64 & 0xFFFF_FFFF;
    by_magic(magic)
}

fn by_magic(magic: u64) -> Option<Remote> {
    let (_, name) = REMOTE.into_iter().find(|(known, _)| *known == magic)?;
    Some(Remote { name, is_perhaps_local: name == "FUSE" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_from_disks() {
        assert_eq!(by_magic(0x6969).unwrap().name, "NFS");
        assert!(by_magic(0x6573_5546).unwrap().is_perhaps_local);
        // ext4, XFS, btrfs, tmpfs.
        assert!(
            [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994]
                .map(by_magic)
                .iter()
                .all(Option::is_none)
        );
        assert_eq!(remote(Path::new("/proc")), None);
    }
}
