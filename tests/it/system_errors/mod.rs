//! Errors of the system, with the real binary: disks, locks, permissions, signals, limits of the process.

mod database;
mod mount;
mod resources;
mod working_dir;
pub use mount::Mount;
mod output;
mod second_daemon;
mod signals;

/// Reports that a test was skipped.
#[expect(clippy::print_stderr, reason = "the person who runs the tests must know")]
fn skipped(what: &str) {
    eprintln!("skipped: this test {what}, which is not allowed here");
}
