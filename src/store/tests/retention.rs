//! What is forgotten once it is old, and what never is.

use super::*;
use crate::store::{Reader, SessionFaces};

const DAY_MS: i64 = 86_400_000;
const ROWS_MAX: usize = 500;

async fn session_until(store: &Store, video: &str, expires_at_ms: i64) -> Session {
    let session =
        Session { row: 0, session_id: video.to_owned(), identified_at_ms: NOW_MS, expires_at_ms };
    let face = FaceSpan { face_id: "0".to_owned(), start_ms: 0, end_ms: 1 };
    let known = SessionFaces { session, faces: vec![face] };
    store.keep_session("account", video, known).await.unwrap().session
}

/// Jobs that succeeded and that failed long ago, one that waits since then, and one that began
/// then and ended a moment ago.
async fn old_jobs() -> Bench {
    let bench = Bench::new();
    let keys = ["a/done", "a/failed", "a/waiting", "a/young"];
    bench.accept(manifest("a.yaml", keys.map(wanted).into())).await.unwrap();
    let session = session(&bench.store).await;
    for key in ["a/done", "a/young"] {
        bench.drive(key, until_submitted(&session, key)).await;
    }
    bench.drive("a/done", until_succeeded()).await;
    bench.drive("a/failed", vec![Outcome::Refused(permanent_error("no face"))]).await;
    let mut task = bench.task("a/young").await;
    for outcome in until_succeeded() {
        let ended_at_ms = NOW_MS + 90 * DAY_MS;
        task = bench.store.record(after(&task, outcome), None, ended_at_ms).await.unwrap();
    }
    bench
}

async fn forget_all(bench: &Bench, before_ms: i64, rows_max: usize) -> usize {
    let mut steps = 0;
    while bench.store.delete_old(before_ms, NOW_MS + 91 * DAY_MS, rows_max).await.unwrap() {
        steps += 1;
        assert!(steps < 1_000, "it never ends");
    }
    steps
}

fn lines(bench: &Bench, key: &str) -> i64 {
    bench.value(&format!("SELECT count(*) FROM job_history WHERE key = '{key}'"))
}

#[tokio::test]
async fn the_history_of_jobs_that_ended_long_ago_goes_and_no_other() {
    let bench = old_jobs().await;
    assert_eq!(forget_all(&bench, NOW_MS, ROWS_MAX).await, 0, "nothing is older than that");
    let young = lines(&bench, "a/young");
    assert_eq!(forget_all(&bench, NOW_MS + DAY_MS, ROWS_MAX).await, 1);
    let kept = ["a/done", "a/failed", "a/waiting", "a/young"].map(|key| lines(&bench, key));
    assert_eq!(kept, [0, 0, 1, young]);
    assert_eq!((bench.value::<i64>("SELECT count(*) FROM job"), bench.tasks()), (4, 4));
    assert_eq!(bench.value::<i64>("SELECT sum(tasks) FROM spend_by_day"), 2);
    // What was passed by because it had not ended is found once it has.
    bench.cancel("a/waiting").await;
    assert_eq!(forget_all(&bench, NOW_MS + 91 * DAY_MS, ROWS_MAX).await, 1);
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM event"), 0);
    // Rows are numbered anew then, and are not taken for those that were looked through.
    bench.accept(manifest("b.yaml", vec![wanted("b")])).await.unwrap();
    bench.cancel("b").await;
    assert_eq!(forget_all(&bench, NOW_MS + DAY_MS, ROWS_MAX).await, 1);
    assert_eq!(lines(&bench, "b"), 0);
}

#[tokio::test]
async fn a_job_without_its_history_is_shown_and_may_begin_anew() {
    let bench = old_jobs().await;
    forget_all(&bench, NOW_MS + DAY_MS, ROWS_MAX).await;
    let reader = Reader::open(&bench.path).unwrap();
    let detail = reader.detail("a/done").unwrap().unwrap();
    assert!(detail.history.is_empty() && !detail.history_is_complete());
    assert_eq!(detail.state.job, bench.job("a/done").await);
    assert!(reader.detail("a/waiting").unwrap().unwrap().history_is_complete());
    bench.retry("a/done").await;
    let detail = reader.detail("a/done").unwrap().unwrap();
    assert!(detail.history.len() == 1 && !detail.history_is_complete());
}

#[tokio::test]
async fn a_step_forgets_few_rows_and_the_last_of_a_job_is_not_lost() {
    let bench = old_jobs().await;
    let all: i64 = bench.value("SELECT count(*) FROM event");
    for rows_max in 1..4 {
        let before: i64 = bench.value("SELECT count(*) FROM event");
        bench.store.delete_old(NOW_MS + DAY_MS, NOW_MS + 91 * DAY_MS, rows_max).await.unwrap();
        let gone = before - bench.value::<i64>("SELECT count(*) FROM event");
        assert!(gone <= rows_max as i64, "{gone} rows in a step of {rows_max}");
    }
    assert!(forget_all(&bench, NOW_MS + DAY_MS, 3).await > 2);
    assert_eq!(["a/done", "a/failed"].map(|key| lines(&bench, key)), [0, 0]);
    assert!(bench.value::<i64>("SELECT count(*) FROM event") < all);
}

#[tokio::test]
async fn what_a_wrong_clock_dated_ahead_keeps_nothing_behind_it() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let ahead = after(&bench.task("a/1").await, Outcome::Abandoned);
    bench.store.record(ahead, None, NOW_MS + 10_000 * DAY_MS).await.unwrap();
    bench.cancel("a/2").await;
    forget_all(&bench, NOW_MS + DAY_MS, ROWS_MAX).await;
    assert_eq!(["a/1", "a/2"].map(|key| lines(&bench, key)), [2, 0]);
}

#[tokio::test]
async fn sessions_go_that_expired_long_ago_and_that_no_job_has() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let used = session_until(&bench.store, "used", NOW_MS + 1).await;
    bench.drive("a", until_submitted(&used, "task")).await;
    session_until(&bench.store, "unused", NOW_MS + 1).await;
    session_until(&bench.store, "good", NOW_MS + 100 * DAY_MS).await;
    let videos = || -> String {
        bench.value(
            "SELECT group_concat(session_id) FROM (SELECT session_id FROM session ORDER BY id)",
        )
    };
    assert_eq!(forget_all(&bench, NOW_MS, ROWS_MAX).await, 0);
    assert_eq!(videos(), "used,unused,good");
    forget_all(&bench, NOW_MS + 90 * DAY_MS, ROWS_MAX).await;
    assert_eq!(videos(), "used,good");
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM face"), 2);
}
