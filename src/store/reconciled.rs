//! The result of accepting a manifest: what changed.

use std::fmt;

use super::JobChange;

/// What accepting a manifest changed, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Reconciled {
    pub added: usize,
    /// Jobs whose new request is used.
    pub changed: usize,
    /// Jobs whose request changed after their task was created.
    pub flagged: usize,
    pub moved: usize,
    pub missing: usize,
    /// Jobs that are compared when the manifest is read again, because their media are not complete.
    pub judged_later: usize,
    /// Changes of jobs, except new ones that wait for nothing.
    pub changes: Vec<JobChange>,
}

/// Shows the counts that are not zero: `: 2 jobs new, 1 job missing`.
impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.added, "new"),
            (self.changed, "changed"),
            (self.flagged, "changed after they were sent"),
            (self.moved, "renamed"),
            (self.missing, "missing"),
            (self.judged_later, "compared once their media are complete"),
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
