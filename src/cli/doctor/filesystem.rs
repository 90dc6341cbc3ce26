//! Network file systems: a database must not be on one, and changes that others make there cause no events.

use std::path::Path;

use rustix::fs::statfs;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NetworkFilesystem {
    pub(super) name: &'static str,
    /// FUSE has local file systems, too.
    pub(super) may_be_local: bool,
}

/// The magic numbers of statfs(2).
const NETWORK: [(u64, &str); 9] = [
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

/// Returns the network file system of `path`; none for a local disk, or where that is not known.
pub(super) fn network_filesystem(path: &Path) -> Option<NetworkFilesystem> {
    // The number is signed on some machines, and has 32 bits everywhere.
    #[expect(clippy::cast_sign_loss, reason = "cut to its 32 bits")]
    let magic = statfs(path).ok()?.f_type as u64 & 0xFFFF_FFFF;
    by_magic(magic)
}

fn by_magic(magic: u64) -> Option<NetworkFilesystem> {
    let (_, name) = NETWORK.into_iter().find(|(known, _)| *known == magic)?;
    Some(NetworkFilesystem { name, may_be_local: name == "FUSE" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_filesystems_differ_from_disks() {
        assert_eq!(by_magic(0x6969).unwrap().name, "NFS");
        assert!(by_magic(0x6573_5546).unwrap().may_be_local);
        // ext4, XFS, btrfs, tmpfs.
        assert!(
            [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994]
                .map(by_magic)
                .iter()
                .all(Option::is_none)
        );
        assert_eq!(network_filesystem(Path::new("/proc")), None);
    }
}
