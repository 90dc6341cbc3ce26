//! What a file is recognised by.

use serde::{Deserialize, Serialize};

/// The SHA-256 and size by which a file is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
}
