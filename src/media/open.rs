//! Opens files that others name, without waiting on what is no file.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat2},
    io::Errno,
};

/// Opens a regular file at a path whose links are resolved, as [`open_regular`] does. If a part of it is a link
/// by now, it is another file than was looked for, and not opened.
///
/// # Errors
/// As [`open_regular`].
pub fn open_resolved(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(file) => regular(file.into()),
        // Linux before 5.6, or a sandbox that knows nothing newer.
        Err(Errno::NOSYS | Errno::PERM) => open_regular(path),
        Err(Errno::LOOP) => Err(io::Error::other("it was replaced by a link meanwhile")),
        Err(error) => Err(error.into()),
    }
}

/// Opens a regular file to read. A FIFO would keep a plain open waiting for a writer, and looking
/// before opening leaves a gap: so it is opened without waiting, and then looked at.
///
/// # Errors
/// What the system says, or that it is no regular file.
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
    fn a_link_that_came_in_the_way_is_not_followed() {
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
