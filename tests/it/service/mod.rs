//! What a service manager sees of the real binary: `tests/systemd.sh` asks the same of a real systemd.

#![expect(clippy::unwrap_used, reason = "the helpers here are parts of tests")]

mod manager;
mod notify;
mod reload;
mod units;
