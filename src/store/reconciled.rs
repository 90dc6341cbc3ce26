//! What came of taking in a manifest: what it changed, or which two jobs cannot both be.
//!
//! Owns the words for the log; what is changed is decided in [`super::reconcile`].

use std::fmt;

use super::Change;

/// What a reconciliation did, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Jobs that are new.
    pub added: usize,
    /// Jobs whose wish changed before they were sent.
    pub changed: usize,
    /// Jobs whose wish changed after they were sent.
    pub flagged: usize,
    /// Jobs that were known under another manifest's name.
    pub moved: usize,
    /// Jobs that were cancelled.
    pub removed: usize,
    /// Paths of manifests that are to be read again, for keys of theirs hold other jobs now.
    pub read_again: Vec<String>,
    /// What happened to jobs, but for new ones that wait for nothing.
    pub changes: Vec<Change>,
}

/// What is not zero, such as `: 2 jobs new, 1 cancelled`.
impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = [
            (self.added, "new"),
            (self.changed, "changed"),
            (self.flagged, "changed after they were sent"),
            (self.moved, "known under another name"),
            (self.removed, "cancelled"),
        ];
        let told = told.into_iter().filter(|(count, _)| *count > 0).enumerate();
        for (place, (count, what)) in told {
            let noun = if count == 1 { "job" } else { "jobs" };
            let before = if place == 0 { ": " } else { ", " };
            write!(f, "{before}{count} {noun} {what}")?;
        }
        Ok(())
    }
}

/// Two jobs that cannot both be, or of which it is not known yet whether they are two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {key}: {what}")]
pub struct Conflict {
    /// The job that came later.
    pub key: String,
    /// What the other one has.
    pub what: String,
    /// Whether it is settled by itself, once another manifest has been read or the media are there.
    pub passes: bool,
}
