//! The reading handle of the commands.

use std::path::Path;

use rusqlite::Connection;

use super::{StoreError, open_reader};

/// A read-only handle to the state database. It works with and without a running daemon, and without write
/// permission.
pub struct Reader {
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens the database at `path` read-only.
    ///
    /// # Errors
    /// When it does not exist, cannot be read, is damaged, or has another version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: open_reader(path)? })
    }
}
