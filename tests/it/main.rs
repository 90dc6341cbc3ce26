//! The one test binary: scenarios through real parts, each in a file of its own.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "nothing here is public, or has to go on; figures are for people"
)]

mod architecture;
mod commands;
mod crash;
mod doctor;
mod folder;
mod identity;
mod import_circles;
mod log;
mod metrics;
mod pipeline;
mod reading;
mod restore;
mod service;
mod simulation;
#[cfg(target_os = "linux")]
mod storage;
mod support;
mod trouble;
mod uncertain;
