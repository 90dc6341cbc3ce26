//! What scenarios are made of.
//!
//! Everything is real but the API's insides: a database file, HTTP on this machine, files on disk. `pipeline` runs in
//! the test's process; `daemon` is the real binary.

pub mod chance;
pub mod counts;
pub mod daemon;
mod pipeline;
pub mod programs;
mod sim;
pub mod switches;

use sha2::{Digest as _, Sha256};

pub use pipeline::*;
pub use sim::{patch, quick, refusal};

/// The SHA-256 of these bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
