//! Opens files that users name, without waiting for pipes.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, open, openat2},
    io::Errno,
};

/// Opens a regular file at a path whose links are resolved, as [`open_regular`] does. A part of the path that has
/// become a link since is an error.
pub fn open_resolved(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(file) => regular(file.into()),
        // Linux before 5.6, or a sandbox that does not know this call.
        Err(Errno::NOSYS | Errno::PERM) => open_regular(path),
        Err(Errno::LOOP) => Err(io::Error::other("it was replaced by a link")),
        Err(error) => Err(error.into()),
    }
}

/// Opens a regular file at a path under the folder at `root`, if no part of that path is a link. This is cheaper than
/// [resolving](open_resolved) the path first. None: the file cannot be opened in this way.
pub fn open_beneath(root: &Path, path: &str) -> Option<(File, Metadata)> {
    let folder = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let links = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let file = openat2(folder.ok()?, path, flags, Mode::empty(), links).ok()?;
    regular(file.into()).ok()
}

/// Opens a regular file to read. Opens without waiting and checks the type afterwards: a FIFO would block, and a check
/// before would leave a gap.
pub fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    regular(file)
}

fn regular(file: File) -> io::Result<(File, Metadata)> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok((file, metadata))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_path_under_a_folder_has_no_link_and_does_not_leave_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/x"), "mine").unwrap();
        fs::write(folder.path().join("y"), "secret").unwrap();
        symlink("a", root.join("inside")).unwrap();
        symlink(folder.path().join("y"), root.join("outside")).unwrap();
        symlink(&root, folder.path().join("linked")).unwrap();
        assert!(open_beneath(&root, "a/x").is_some());
        // The folder itself may be a link.
        assert!(open_beneath(&folder.path().join("linked"), "a/x").is_some());
        for path in ["inside/x", "outside", "../y", "a/../../y", "a", "none"] {
            assert!(open_beneath(&root, path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_path_that_became_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("outside")).unwrap();
        fs::write(root.join("outside/x"), "secret").unwrap();
        fs::write(root.join("x"), "mine").unwrap();
        assert!(open_resolved(&root.join("x")).is_ok());
        fs::remove_file(root.join("x")).unwrap();
        symlink(root.join("outside/x"), root.join("x")).unwrap();
        symlink(root.join("outside"), root.join("inside")).unwrap();
        for path in ["x", "inside/x"] {
            assert!(open_regular(&root.join(path)).is_ok());
            let error = open_resolved(&root.join(path)).unwrap_err();
            assert!(error.to_string().contains("replaced by a link"), "{error}");
        }
        let missing = open_resolved(&root.join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
