//! What a service manager sees of the real binary; `tests/systemd.sh` checks the same with a real systemd.

#![expect(clippy::unwrap_used, reason = "the helpers here are parts of tests")]

mod manager;
mod notify;
mod reload;
mod units;
