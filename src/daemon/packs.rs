//! Asks the API what the account's resource packs have left, for `status`.
//!
//! Beside the work: with a client of its own, and a failure is only written down. The page says: at most one request
//! per second, and figures that lag by up to 12 h.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;
use tracing::info;

use super::{Inputs, settings};
use crate::{
    job::Account,
    kling::{Api as _, ResourcePack},
    metrics::Metrics,
    pipeline::MonitoredApi,
    store::{Store, StoreError, StoredPack},
};

/// The first jobs of a start come before.
const FIRST_AFTER: Duration = Duration::from_secs(3);
const CHECK_EVERY: Duration = Duration::from_mins(1);
/// The shortest time between two questions, restarts included.
const ASK_EVERY_MS: i64 = 60 * 60 * 1000;
/// The API selects packs by the time of their purchase, and packs live for a year.
const PURCHASED_WITHIN_MS: i64 = 2 * 366 * 24 * 60 * 60 * 1000;

/// Asks at most hourly, and only while there are jobs to pay for. `ask` gets the period of purchases (Unix ms).
pub(super) async fn watch(
    store: &Store,
    account: &Account,
    now_ms: impl Fn() -> i64,
    ask: impl AsyncFn(i64, i64) -> Result<Vec<StoredPack>, String>,
) -> Result<Infallible, StoreError> {
    sleep(FIRST_AFTER).await;
    loop {
        let now_ms = now_ms();
        let asked_at_ms = store.packs_asked_at_ms(account).await?;
        // A time in the future is that of a wrong clock.
        let is_due = asked_at_ms
            .is_none_or(|at_ms| !(0..ASK_EVERY_MS).contains(&now_ms.saturating_sub(at_ms)));
        if is_due && store.has_work_to_pay().await? {
            let (start_ms, end_ms) = purchases_ms(now_ms);
            let shown = ask(start_ms, end_ms).await;
            if let Err(problem) = &shown {
                info!("what the resource packs have left is unknown: {problem}");
            }
            store.set_packs(account, shown, now_ms).await?;
        }
        sleep(CHECK_EVERY).await;
    }
}

/// Asks the API once.
pub(super) async fn ask(
    inputs: &Inputs,
    metrics: &Metrics,
    start_ms: i64,
    end_ms: i64,
) -> Result<Vec<StoredPack>, String> {
    let client = settings::connect(&inputs.config, &inputs.credentials);
    let client = client.map_err(|error| error.to_string())?;
    let reply = MonitoredApi::new(client, metrics.clone()).costs(start_ms, end_ms).await;
    let packs = reply.result.map_err(|error| error.to_string())?;
    Ok(packs.into_iter().map(stored_pack).collect())
}

/// Returns the period of purchases (Unix ms) in which every pack is that can be used at `now_ms`.
pub fn purchases_ms(now_ms: i64) -> (i64, i64) {
    (now_ms.saturating_sub(PURCHASED_WITHIN_MS), now_ms)
}

/// Returns a pack in the form of the store.
pub fn stored_pack(pack: ResourcePack) -> StoredPack {
    StoredPack {
        name: pack.name,
        kind: pack.kind,
        total_micro: pack.total_micro,
        remaining_micro: pack.remaining_micro,
        effective_at_ms: pack.effective_at_ms,
        invalid_at_ms: pack.invalid_at_ms,
        status: pack.status,
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, sync::Arc};

    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::{
        job::{Media, Outcome, apply},
        store::OnChange,
        testing::jobs::{MOMENT, NOW_MS, POLICY, hashed, manifest, permanent_error, spec_of},
    };

    const HOUR: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn the_api_is_asked_hourly_while_there_is_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lipsyncd.db");
        let store = Store::open_here(&path, Arc::new(|| Box::pin(async {}))).unwrap();
        let account = Account { host: "api.example.com".to_owned(), key: "key".to_owned() };
        store.use_account(&account).await.unwrap();
        let began = Instant::now();
        let now_ms = || NOW_MS + i64::try_from(began.elapsed().as_millis()).unwrap();
        let answers = RefCell::new(vec![
            Ok(vec![StoredPack { remaining_micro: Some(7), ..StoredPack::default() }]),
            Err("no route".to_owned()),
        ]);
        let asked = RefCell::new(Vec::new());
        let ask = async |start_ms, end_ms| {
            assert_eq!((start_ms, end_ms), purchases_ms(end_ms));
            asked.borrow_mut().push(began.elapsed().as_secs());
            answers.borrow_mut().pop().unwrap_or(Ok(Vec::new()))
        };
        let run = async |length| timeout(length, watch(&store, &account, now_ms, ask)).await;
        let status = async || store.queue_status(now_ms()).await.unwrap().packs;

        assert!(run(2 * HOUR).await.is_err());
        assert_eq!(*asked.borrow(), [0; 0], "nothing is to be paid");

        let job = hashed(spec_of("a"), Ok(Media::default()));
        let manifest = manifest("a.yaml", vec![job]);
        store.accept(manifest, MOMENT, POLICY, OnChange::Flag).await.unwrap().unwrap();
        assert!(run(HOUR / 2).await.is_err());
        assert_eq!(asked.borrow().len(), 1);
        let shown = status().await;
        assert_eq!((shown.problem.as_deref(), shown.at_ms), (Some("no route"), None));

        // As after a restart: a failure counts, too.
        assert!(run(HOUR / 3).await.is_err());
        assert_eq!(asked.borrow().len(), 1);
        assert!(run(HOUR / 3).await.is_err());
        assert_eq!(asked.borrow().len(), 2);
        let shown = status().await;
        assert_eq!((shown.problem, shown.packs[0].remaining_micro), (None, Some(7)));
        assert!(run(HOUR + CHECK_EVERY).await.is_err());
        let shown = status().await;
        assert_eq!((asked.borrow().len(), shown.packs.len()), (3, 0));

        let other = Account { host: "api.example.com".to_owned(), key: "other".to_owned() };
        store.use_account(&other).await.unwrap();
        assert_eq!(status().await.at_ms, None, "another account has other packs");

        for task in store.queued(1).await.unwrap() {
            let refused = Outcome::Refused(permanent_error("no face"));
            let failed = apply(&task, refused, &MOMENT, &POLICY).unwrap();
            store.record(failed, None, NOW_MS).await.unwrap();
        }
        assert!(run(3 * HOUR).await.is_err());
        assert_eq!(asked.borrow().len(), 3, "the work has ended");
    }
}
