//! What a person thinks of a result, in the metadata beside it.

use serde::{Deserialize, Deserializer, Serialize};

use super::encode::time;
use crate::job::{GivenVerdict, Verdict};

/// What a person thinks of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct VerdictFacts {
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Unix time; in the file, RFC 3339.
    #[serde(rename = "at", with = "time")]
    pub given_at_ms: i64,
}

impl From<GivenVerdict> for VerdictFacts {
    fn from(GivenVerdict { verdict, note, given_at_ms }: GivenVerdict) -> Self {
        Self { verdict, note, given_at_ms }
    }
}

impl From<VerdictFacts> for GivenVerdict {
    fn from(VerdictFacts { verdict, note, given_at_ms }: VerdictFacts) -> Self {
        Self { verdict, note, given_at_ms }
    }
}

/// Reads a verdict. One that somebody edited is no verdict: the rest of the metadata counts all the same.
pub(super) fn lenient<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<VerdictFacts>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}
