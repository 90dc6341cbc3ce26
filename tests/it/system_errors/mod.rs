//! Local trouble, with the real binary: disks, locks, signals, and what a process may run out of.

mod cwd;
mod database;
mod exhausted;
mod mount;
pub use mount::Mount;
mod output;
mod second;
mod signals;

/// Says that something was not tried.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
fn skipped(what: &str) {
    eprintln!("skipped: this test {what}, which is not allowed here");
}
