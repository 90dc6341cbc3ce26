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

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::{
        job::{Media, Outcome, apply},
        store::{OnChange, Reader},
        testing::jobs::{MOMENT, NOW_MS, POLICY, hashed, manifest, permanent_error, spec_of},
    };

    const DAY: Duration = Duration::from_hours(24);

    /// A store at `path` with many jobs that end now.
    async fn ended(path: &Path, jobs: usize) -> Store {
        let store = Store::open_here(path, Arc::new(|| Box::pin(async {}))).unwrap();
        let job = |number| hashed(spec_of(&format!("job {number}")), Ok(Media::default()));
        let manifest = manifest("a.yaml", (0..jobs).map(job).collect());
        store.accept(manifest, MOMENT, POLICY, OnChange::Flag).await.unwrap().unwrap();
        for task in store.queued(jobs).await.unwrap() {
            let refused = Outcome::Refused(permanent_error("no face"));
            let failed = apply(&task, refused, &MOMENT, &POLICY).unwrap();
            store.record(failed, None, NOW_MS).await.unwrap();
        }
        store
    }

    #[tokio::test(start_paused = true)]
    async fn what_ended_is_kept_as_long_as_is_asked_for_and_goes_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lipsyncd.db");
        let jobs = 2 * ROWS_MAX;
        let store = ended(&path, jobs).await;
        let began = Instant::now();
        let now_ms = || NOW_MS + i64::try_from(began.elapsed().as_millis()).unwrap();
        let lines = || {
            let reader = Reader::open(&path).unwrap();
            let of = |number| reader.detail(&format!("job {number}")).unwrap().unwrap();
            (0..jobs).map(|number| of(number).history.len()).sum::<usize>()
        };
        let run = async |keep, length| timeout(length, retain(&store, keep, now_ms)).await;
        assert!(run(None, 400 * DAY).await.is_err(), "it does not end by itself");
        assert_eq!(lines(), 2 * jobs, "nothing is forgotten");
        let more_than_that = began.elapsed() + DAY;
        assert!(run(Some(more_than_that), DAY).await.is_err());
        assert_eq!(lines(), 2 * jobs, "it has not become old yet");
        // Four steps and what is between them, once it is looked again.
        assert!(run(Some(more_than_that), LOOK_EVERY + 3 * REST).await.is_err());
        assert_eq!(lines(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn each_step_is_followed_by_a_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lipsyncd.db");
        let store = ended(&path, ROWS_MAX).await;
        let later_ms = NOW_MS + 1_000;
        let whole = |number: usize| {
            let reader = Reader::open(&path).unwrap();
            reader.detail(&format!("job {number}")).unwrap().unwrap().history_is_whole()
        };
        let run = retain(&store, Some(Duration::ZERO), || later_ms);
        assert!(timeout(REST / 2, run).await.is_err());
        assert!(!whole(0) && whole(ROWS_MAX - 1), "one step was taken, and then it rested");
    }
}
