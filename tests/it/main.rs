//! The only integration test binary: scenarios through real parts, each in a file of its own.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "nothing here is public or must not panic; figures are printed"
)]

mod architecture;
mod browser;
mod commands;
mod crash;
mod doctor;
mod editor;
mod folder;
mod identity;
mod import_circles;
mod log;
mod metrics;
mod notify;
mod pipeline;
mod reading;
mod restore;
mod service;
mod simulation;
#[cfg(target_os = "linux")]
mod storage;
mod support;
mod system_errors;
#[path = "../../src/testing/mod.rs"]
#[allow(dead_code, reason = "some fixtures are for unit tests only")]
mod testing;
mod truth;
mod uncertain;
mod uploads;
mod web;
mod words;

// `testing` names them by `crate::…`.
use lipsyncd::{job, manifest, store};
