//! A conflict between two jobs, because of which a manifest is refused.

/// Two jobs cannot both have what they ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {key}: {what}")]
pub struct Conflict {
    /// The job that came later.
    pub key: String,
    /// What both ask for.
    pub what: String,
}
