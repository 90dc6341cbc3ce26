//! The one test binary: scenarios through real parts, each in a file of its own.

#![expect(unreachable_pub, reason = "nothing of a test binary is public")]

#[path = "support/daemon.rs"]
mod daemon;
mod folder;
