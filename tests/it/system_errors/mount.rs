//! Small file systems for a test, where mounting is allowed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::skipped;

/// A mounted tmpfs, unmounted when it is dropped.
pub struct Mount {
    at: PathBuf,
}

impl Mount {
    /// Creates `at` and mounts a tmpfs of this size there. None, with a message, where that is not allowed.
    pub fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|mount| mount.status.success());
        if !mounted {
            skipped("mounts a tmpfs");
        }
        mounted.then(|| Self { at: at.to_owned() })
    }

    /// Changes the mount options.
    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(
            Command::new("mount").args(["-o", &options]).arg(&self.at).status().unwrap().success()
        );
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        let mut bytes = &[0_u8; 4096][..];
        while !bytes.is_empty() {
            if std::io::Write::write_all(&mut filler, bytes).is_err() {
                bytes = &bytes[..bytes.len() / 2];
            }
        }
    }

    /// Frees the space again.
    pub fn clear(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
