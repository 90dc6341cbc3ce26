//! An entry for fuzzing: reads the text of a configuration without a file. Built for tests and `cargo fuzz` only.

use super::{read, settings::Config};
use crate::manifest::Problems;

/// Reads the bytes of a complete file.
///
/// # Errors
/// All problems of the text at once.
pub fn read(bytes: &[u8]) -> Result<Config, Problems> {
    read::read(bytes)
}
