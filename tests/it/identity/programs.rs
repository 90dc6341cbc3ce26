//! The programs with which people copy, move and synchronise folders.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::counts::is_full;

/// Memory of this machine as a file system.
const MEMORY: &str = "/dev/shm";

/// Runs a program to its end; it must succeed.
pub fn run(program: &str, arguments: &[&Path]) {
    let mut command = Command::new(program);
    finish(command.args(arguments));
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Copies as `cp -a` does.
pub fn copy(from: &Path, to: &Path) {
    run("cp", &[Path::new("-a"), from, to]);
}

/// Removes as `rm -r` does.
pub fn remove(path: &Path) {
    run("rm", &[Path::new("-r"), path]);
}

/// Synchronises a folder as `rclone sync` with its defaults does.
pub fn rclone_sync(from: &Path, to: &Path) {
    let mut command = Command::new("rclone");
    // Without a configuration of the user who runs the tests.
    finish(command.env("RCLONE_CONFIG", "/dev/null").arg("sync").arg(from).arg(to));
}

/// Synchronises the content of a folder as `rsync -a` with this way of deleting does.
pub fn rsync(deleting: &str, from: &Path, to: &Path) {
    let mut content = from.as_os_str().to_owned();
    content.push("/");
    finish(Command::new("rsync").args(["-a", deleting]).arg(content).arg(to));
}

/// Returns whether `program` is missing, and prints that the test is skipped. With the full counts it must be there.
#[expect(clippy::print_stderr, reason = "the person who runs the tests must know")]
pub fn is_missing(program: &str) -> bool {
    let is_missing = Command::new(program).arg("--version").output().is_err();
    if is_missing {
        assert!(!is_full(), "{program} is not on PATH: run .ci/install");
        eprintln!("skipped: {program} is not on PATH; .ci/install installs it");
    }
    is_missing
}

/// A folder on another file system than `from`, where this machine has one.
pub fn other_file_system(from: &Path) -> TempDir {
    let memory = PathBuf::from(MEMORY);
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    match device(&memory) {
        Some(other) if Some(other) != device(from) => tempfile::tempdir_in(memory).unwrap(),
        _ => tempfile::tempdir().unwrap(),
    }
}
