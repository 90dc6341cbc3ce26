//! Forgetting what is old, beside the work: in small steps, with rests in between.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;

use crate::store::{Store, StoreError};

/// How often it is looked whether something has become old.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// So many rows are forgotten at once: no create's commit waits longer than for a few of these.
const ROWS_MAX: usize = 500;
/// How long the database is left to others between two steps.
const REST: Duration = Duration::from_millis(250);

/// Forgets what ended longer ago than `keep` (none: nothing is forgotten); ends only with an error.
pub(super) async fn retain(
    store: &Store,
    keep: Option<Duration>,
    now_ms: impl Fn() -> i64,
) -> Result<Infallible, StoreError> {
    let Some(keep) = keep else { return std::future::pending().await };
    let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    loop {
        let now_ms = now_ms();
        let more = store.forget(now_ms.saturating_sub(keep_ms), now_ms, ROWS_MAX).await?;
        sleep(if more { REST } else { LOOK_EVERY }).await;
    }
}
