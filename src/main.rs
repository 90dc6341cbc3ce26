//! The program: arguments, logging and exit code are [`lipsyncd::cli`]'s.

use std::process::ExitCode;

fn main() -> ExitCode {
    lipsyncd::cli::run(std::env::args_os()).into()
}
