//! What the triggers count is what there is, whoever writes.

use super::*;
use crate::store::Reader;

/// What is counted agrees with what is there.
pub(super) fn assert_true(sql: &rusqlite::Connection) {
    let wrong = "
        SELECT 'state ' || name FROM state
          WHERE jobs <> (SELECT count(*) FROM job WHERE job.state = state.name)
        UNION ALL
        SELECT 'manifest ' || path FROM manifest m WHERE (jobs, succeeded, failed, cancelled) IS NOT (
          SELECT count(*), count(*) FILTER (WHERE state = 'succeeded'), count(*) FILTER (WHERE state = 'failed'),
            count(*) FILTER (WHERE state = 'cancelled') FROM job WHERE manifest_id = m.id)
        UNION ALL
        SELECT 'manifests' FROM line WHERE (manifests_accepted, manifests_refused) IS NOT (
          SELECT count(*) FILTER (WHERE state = 'accepted'), count(*) FILTER (WHERE state = 'refused')
          FROM manifest WHERE removed_at_ms IS NULL)
        UNION ALL
        SELECT 'freed ' || key FROM job WHERE freed <> (state = 'cancelled')";
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
    bench.drive("a/2", vec![Outcome::Cancelled]).await;
    bench.drive("a/2", vec![Outcome::Retried]).await;
    bench.refuse("b.yaml", "a fault").await;
    assert_true(&sql);
    bench.accept(manifest("b.yaml", vec![wanted("b")])).await.unwrap();
    assert_eq!(bench.remove("a.yaml").await, 2);
    assert_true(&sql);
    for change in [
        "UPDATE job SET state = 'failed', finished_at_ms = 1, error_code = 'x' WHERE key = 'b'",
        "UPDATE job SET manifest_id = (SELECT id FROM manifest WHERE path = 'a.yaml') WHERE key = 'b'",
        "UPDATE job SET state = 'queued', finished_at_ms = NULL WHERE key <> 'a/1'",
        "UPDATE manifest SET removed_at_ms = NULL",
        "UPDATE manifest SET state = 'accepted', error = NULL",
        "DELETE FROM job WHERE key = 'a/1'",
        "DELETE FROM manifest WHERE path = 'b.yaml'",
    ] {
        sql.execute(change, []).unwrap();
        assert_true(&sql);
    }
    let standing = Reader::open(&bench.path).unwrap().standing(NOW_MS).unwrap();
    assert_eq!((standing.manifests_accepted, standing.manifests_refused), (2, 0));
}

#[tokio::test]
async fn what_is_left_over_and_what_moves_is_counted() {
    let bench = Bench::new();
    let jobs = ["a/1", "a/2", "a/3", "a/4"].map(wanted);
    bench.accept(manifest("a.yaml", jobs.into())).await.unwrap();
    bench.refuse("b.yaml", "a fault").await;
    let session = session(&bench.store).await;
    bench.drive("a/1", until_submitted(&session, "task")).await;
    bench.drive("a/2", vec![Outcome::Cancelled]).await;
    let trouble = crate::job::outcome::Trouble {
        code: "disk_full".to_owned(),
        message: "no room".to_owned(),
        retry_after_ms: None,
    };
    bench.drive("a/3", vec![Outcome::Blocked(trouble)]).await;
    assert_eq!(bench.store.count_moving(1, NOW_MS).await.unwrap(), (1, 1));
    assert_eq!(bench.store.count_moving(2, NOW_MS).await.unwrap(), (2, 1));
    assert_eq!(bench.store.count_moving(1, NOW_MS + 1).await.unwrap(), (2, 1));
    let left = Reader::open(&bench.path).unwrap().left_over().unwrap();
    assert_eq!(
        (left.failed, left.waiting, left.unresolved, left.refused_manifests),
        (0, 3, 0, 1),
        "{left:?}"
    );
}
