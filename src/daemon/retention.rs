//! Deletes old history beside the work: in small steps, with rests in between.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;

use crate::store::{Store, StoreError};

const CHECK_EVERY: Duration = Duration::from_mins(10);
/// Rows that are deleted at a time. The commit of a create request waits for a few such steps at most.
const ROWS_MAX: usize = 500;
/// The rest between two steps, in which others use the database.
const REST: Duration = Duration::from_millis(250);

/// Deletes the history of what ended longer ago than `keep`. None: deletes nothing. Ends only with an error.
pub(super) async fn delete_old_history(
    store: &Store,
    keep: Option<Duration>,
    now_ms: impl Fn() -> i64,
) -> Result<Infallible, StoreError> {
    let Some(keep) = keep else { return std::future::pending().await };
    let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    loop {
        let now_ms = now_ms();
        let more = store.delete_old(now_ms.saturating_sub(keep_ms), now_ms, ROWS_MAX).await?;
        sleep(if more { REST } else { CHECK_EVERY }).await;
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
    async fn history_is_deleted_after_the_configured_time() {
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
        let run =
            async |keep, length| timeout(length, delete_old_history(&store, keep, now_ms)).await;
        assert!(run(None, 400 * DAY).await.is_err(), "it runs until an error");
        assert_eq!(lines(), 2 * jobs, "nothing is deleted");
        let more_than_that = began.elapsed() + DAY;
        assert!(run(Some(more_than_that), DAY).await.is_err());
        assert_eq!(lines(), 2 * jobs, "the history is not old yet");
        // Four steps and the rests between them, after the next check.
        assert!(run(Some(more_than_that), CHECK_EVERY + 3 * REST).await.is_err());
        assert_eq!(lines(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_follows_each_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lipsyncd.db");
        let store = ended(&path, ROWS_MAX).await;
        let later_ms = NOW_MS + 1_000;
        let is_complete = |number: usize| {
            let reader = Reader::open(&path).unwrap();
            reader.detail(&format!("job {number}")).unwrap().unwrap().history_is_complete()
        };
        let run = delete_old_history(&store, Some(Duration::ZERO), || later_ms);
        assert!(timeout(REST / 2, run).await.is_err());
        assert!(!is_complete(0) && is_complete(ROWS_MAX - 1), "one step, then a rest");
    }
}
