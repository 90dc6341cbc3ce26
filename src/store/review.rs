//! What a person compares: the takes of a request, each with its result and the verdict on it.

use super::{
    Reader, StoreError,
    sql::{Hex, Sql as _},
};
use crate::job::{GivenVerdict, State, TaskId, Verdict};

/// A take of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TakeToReview {
    pub task: TaskId,
    pub take: u32,
    pub state: State,
    /// SHA-256 and size of its result; none: it has none.
    pub result: Option<(String, u64)>,
    pub verdict: Option<GivenVerdict>,
}

pub(super) const TAKES: &str = "
    SELECT t.id, t.take, t.state, t.result_sha256, t.result_bytes, v.verdict, v.note, v.given_at_ms
    FROM task t LEFT JOIN verdict v ON v.task_row = t.id AND v.result_sha256 = t.result_sha256
    WHERE t.request_hash = ?1 ORDER BY t.take";

impl Reader {
    /// Returns the takes of a request, in order.
    pub fn takes_to_review(&self, request_hash: &str) -> Result<Vec<TakeToReview>, StoreError> {
        self.connection.all(TAKES, [request_hash], |row| {
            let sha256: Option<Hex<String>> = row.get(3)?;
            let bytes: Option<i64> = row.get(4)?;
            let verdict: Option<Verdict> = row.get(5)?;
            let verdict = match verdict {
                Some(verdict) => {
                    let (note, given_at_ms) = (row.get(6)?, row.get(7)?);
                    Some(GivenVerdict { verdict, note, given_at_ms })
                }
                None => None,
            };
            Ok(TakeToReview {
                task: row.get(0)?,
                take: row.get(1)?,
                state: row.get(2)?,
                result: sha256.map(|Hex(sha256)| sha256).zip(bytes.map(i64::unsigned_abs)),
                verdict,
            })
        })
    }
}
