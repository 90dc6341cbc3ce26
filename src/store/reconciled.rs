//! The result of taking in a manifest: what it changed, or which two jobs cannot both be.
//!
//! Owns the words for the log; what is changed is decided in [`super::reconcile`].

use std::fmt;

use super::JobChange;

/// What a reconciliation did, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Jobs that are new.
    pub added: usize,
    /// Jobs whose new request is used.
    pub changed: usize,
    /// Jobs whose request changed after their task was created.
    pub flagged: usize,
    /// Jobs that were known under another key.
    pub moved: usize,
    /// Jobs that are missing from the folder.
    pub missing: usize,
    /// Jobs that are judged when the manifest is read again, because their media are not there.
    pub judged_later: usize,
    /// What happened to jobs, but for new ones that wait for nothing.
    pub changes: Vec<JobChange>,
}

/// What is not zero, such as `: 2 jobs new, 1 missing`.
impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.added, "new"),
            (self.changed, "changed"),
            (self.flagged, "changed after they were sent"),
            (self.moved, "known under another name"),
            (self.missing, "no longer asked for"),
            (self.judged_later, "judged once their media are there"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0).enumerate();
        for (place, (count, what)) in counts {
            let noun = if count == 1 { "job" } else { "jobs" };
            let before = if place == 0 { ": " } else { ", " };
            write!(f, "{before}{count} {noun} {what}")?;
        }
        Ok(())
    }
}

/// Two jobs that cannot both be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {key}: {what}")]
pub struct Conflict {
    /// The job that came later.
    pub key: String,
    /// What the other one has.
    pub what: String,
}
