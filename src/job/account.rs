//! What a create request is sent to and with.

use std::fmt;

/// A host of the API and a key, neither of them secret. Two keys may be of one account at Kling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The host of `kling.base_url`, with its port and path.
    pub host: String,
    /// Names the key, and is not the key.
    pub key: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.key, self.host)
    }
}
