//! What a person thinks of a result.

use serde::{Deserialize, Serialize};

/// What a person thinks of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The result may be used.
    Approved,
    /// The result is not good enough.
    Rejected,
}

names!(Verdict { Approved: "approved", Rejected: "rejected" });

/// A verdict with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GivenVerdict {
    pub verdict: Verdict,
    /// What the person wrote about it.
    pub note: Option<String>,
    /// Unix time.
    pub given_at_ms: i64,
}
