//! The program. [`lipsyncd::cli`] handles arguments, logging and exit codes.

use std::process::ExitCode;

fn main() -> ExitCode {
    lipsyncd::cli::run(std::env::args_os()).into()
}
