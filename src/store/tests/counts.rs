//! What the triggers count is what there is, whoever writes.

use super::*;
use crate::store::Reader;

/// What is counted agrees with what is there.
pub(super) fn assert_true(sql: &rusqlite::Connection) {
    let wrong = "
        SELECT 'state ' || name FROM state
          WHERE jobs <> (SELECT count(*) FROM job WHERE job.state = state.name)
        UNION ALL
        SELECT 'manifest ' || path FROM manifest m WHERE (jobs, succeeded, failed, cancelled, unresolved) IS NOT (
          SELECT count(*), count(*) FILTER (WHERE state = 'succeeded'), count(*) FILTER (WHERE state = 'failed'),
            count(*) FILTER (WHERE state = 'cancelled'), count(*) FILTER (WHERE state = 'unresolved')
          FROM job WHERE manifest_id = m.id)
        UNION ALL
        SELECT 'manifests' FROM daemon_state WHERE (manifests_accepted, manifests_refused) IS NOT (
          SELECT count(*) FILTER (WHERE state = 'accepted'), count(*) FILTER (WHERE state = 'refused')
          FROM manifest WHERE removed_at_ms IS NULL)";
    let mut statement = sql.prepare(wrong).unwrap();
    let wrong = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(wrong.map(Result::unwrap).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn counts_follow_the_program_and_a_person_alike() {
    let bench = Bench::new();
    let sql = bench.sql();
    bench.accept(manifest("a.yaml", ["a/1", "a/2", "a/3"].map(wanted).into())).await.unwrap();
    bench.accept(manifest("b.yaml", vec![wanted("b")])).await.unwrap();
    bench.refuse("c.yaml", "a fault").await;
    assert_true(&sql);
    let session = session(&bench.store).await;
    bench.drive("a/1", until_submitted(&session, "task")).await;
    bench.drive("a/1", until_succeeded()).await;
    bench.cancel("a/2").await;
    bench.retry("a/2").await;
    let session = super::session(&bench.store).await;
    let mut lost = until_submitted(&session, "never");
    lost.truncate(2);
    lost.push(Outcome::Conflict("unanswered".to_owned()));
    bench.drive("a/3", lost).await;
    assert_true(&sql);
    bench.refuse("b.yaml", "a fault").await;
    assert_true(&sql);
    bench.accept(manifest("b.yaml", vec![wanted("b")])).await.unwrap();
    assert_eq!(bench.miss("a.yaml").await, 3);
    assert_true(&sql);
    assert_eq!(bench.leave().await, 1);
    assert_true(&sql);
    for change in [
        "UPDATE job SET state = 'failed', finished_at_ms = 1, error_code = 'x' WHERE key = 'b'",
        "UPDATE job SET manifest_id = (SELECT id FROM manifest WHERE path = 'a.yaml') WHERE key = 'b'",
        "UPDATE job SET state = 'waiting', finished_at_ms = NULL WHERE key <> 'a/1'",
        "UPDATE manifest SET removed_at_ms = NULL",
        "UPDATE manifest SET state = 'accepted', error = NULL",
        "PRAGMA foreign_keys = OFF; DELETE FROM job WHERE key = 'b'",
        "DELETE FROM manifest WHERE path = 'b.yaml'",
    ] {
        sql.execute_batch(change).unwrap();
        assert_true(&sql);
    }
    let queue_status = Reader::open(&bench.path).unwrap().queue_status(NOW_MS).unwrap();
    assert_eq!((queue_status.manifests_accepted, queue_status.manifests_refused), (2, 0));
}

#[tokio::test]
async fn what_is_left_over_and_what_moves_is_counted() {
    let bench = Bench::new();
    let jobs = ["a/1", "a/2", "a/3", "a/4"].map(wanted);
    bench.accept(manifest("a.yaml", jobs.into())).await.unwrap();
    bench.refuse("b.yaml", "a fault").await;
    let session = session(&bench.store).await;
    bench.drive("a/1", until_submitted(&session, "task")).await;
    bench.cancel("a/2").await;
    let trouble = crate::job::outcome::TransientError {
        code: "disk_full".to_owned(),
        message: "no room".to_owned(),
        retry_after_ms: None,
    };
    bench.drive("a/3", vec![Outcome::OutputBlocked(trouble)]).await;
    assert_eq!(bench.store.count_moving(1, NOW_MS, NOW_MS).await.unwrap(), (true, 1));
    bench.cancel("a/4").await;
    assert_eq!(bench.store.count_moving(1, NOW_MS, NOW_MS).await.unwrap(), (false, 1));
    assert_eq!(bench.store.count_moving(2, NOW_MS, NOW_MS).await.unwrap(), (true, 1));
    assert_eq!(bench.store.count_moving(1, NOW_MS + 1, NOW_MS).await.unwrap(), (true, 1));
    let left = Reader::open(&bench.path).unwrap().remaining().unwrap();
    assert_eq!(
        (left.failed, left.waiting, left.unresolved, left.refused_manifests),
        (0, 2, 0, 1),
        "{left:?}"
    );
}

#[tokio::test]
async fn finished_jobs_are_counted_for_the_rate() {
    let bench = Bench::new();
    let finished = |at_ms| {
        let reader = Reader::open(bench.store.path()).unwrap();
        let finished = reader.queue_status(at_ms).unwrap().finished;
        (finished.jobs, finished.window_ms)
    };
    bench.store.begin(1, NOW_MS - 60_000, 5, Caps::default()).await.unwrap();
    bench.accept(manifest("a.yaml", ["a/1", "a/2"].map(wanted).into())).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/1", until_submitted(&session, "task")).await;
    assert_eq!(finished(NOW_MS).0, 0);
    bench.drive("a/1", until_succeeded()).await;
    // Since the beginning of the 10 s in which the daemon started.
    assert_eq!(finished(NOW_MS + 5_000), (1, 72_050));
    bench.cancel("a/2").await;
    assert_eq!(finished(NOW_MS + 5_000).0, 1, "a cancelled job is not finished work");
    assert_eq!(finished(NOW_MS + 400_000), (0, 307_050));
    // The first tasks of a run cannot have ended.
    bench.store.set_median_task_ms(50_000).await.unwrap();
    assert_eq!(finished(NOW_MS), (1, 17_050));
    bench.store.set_median_task_ms(90_000).await.unwrap();
    assert_eq!(finished(NOW_MS), (0, 0));
    bench.store.begin(2, NOW_MS - 3_600_000, 5, Caps::default()).await.unwrap();
    bench.store.set_median_task_ms(600_000).await.unwrap();
    assert_eq!(finished(NOW_MS + 1_500_000).0, 1, "the window is as long as three usual tasks");
}
