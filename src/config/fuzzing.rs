//! A way in for fuzzing: the text of a configuration, without a file.
//!
//! Built for tests and for `cargo fuzz` alone; decides nothing of its own.

use super::{Config, read};
use crate::manifest::Problems;

/// Reads the bytes of a whole file.
///
/// # Errors
/// All faults of the text at once.
pub fn read(bytes: &[u8]) -> Result<Config, Problems> {
    read::read(bytes)
}
