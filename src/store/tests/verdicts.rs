//! What people think of results: of which results, by which jobs it is shown, and what the metadata files must show.

use super::*;
use crate::{
    job::Verdict,
    store::{Reader, ResultId, Select, UnstoredVerdict},
};

/// `a` and `b` share a task, and both have its result.
async fn two_with_a_result() -> (Bench, ResultId) {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.accept(manifest("b.yaml", vec![same_as("a", "b")])).await.unwrap();
    let task = bench.succeed("a").await;
    deliver_all(&bench).await;
    (bench, ResultId { task: task.id, sha256: result().sha256 })
}

async fn deliver_all(bench: &Bench) {
    for due in bench.store.due_deliveries(NOW_MS, i64::MAX, 9).await.unwrap() {
        bench
            .store
            .record_delivery(due.job, delivered(), Vec::new(), MOMENT, POLICY)
            .await
            .unwrap();
    }
}

/// Returns how many jobs show it.
async fn give(
    bench: &Bench,
    result: &ResultId,
    verdict: Option<Verdict>,
    note: Option<&str>,
) -> Option<usize> {
    let note = note.map(str::to_owned);
    let given = bench.store.give_verdict(result.clone(), verdict, note, NOW_MS).await.unwrap();
    given.map(|changes| changes.len())
}

/// What the jobs show, as `key verdict note`.
fn shown(bench: &Bench) -> String {
    bench.value(
        "SELECT group_concat(key || ' ' || coalesce(verdict, '-') || coalesce(' ' || verdict_note, ''), ', ')
         FROM (SELECT * FROM job_overview ORDER BY key)",
    )
}

async fn unstored(bench: &Bench) -> Vec<UnstoredVerdict> {
    bench.store.unstored_verdicts(0, 9).await.unwrap()
}

#[tokio::test]
async fn jobs_of_a_task_share_its_verdict() {
    let (bench, result) = two_with_a_result().await;
    assert_eq!(shown(&bench), "a -, b -");
    assert_eq!(give(&bench, &result, Some(Verdict::Approved), None).await, Some(2));
    assert_eq!(shown(&bench), "a approved, b approved");
    let note = Some("lips too late");
    assert_eq!(give(&bench, &result, Some(Verdict::Rejected), note).await, Some(2));
    assert_eq!(shown(&bench), "a rejected lips too late, b rejected lips too late");
    let again = give(&bench, &result, Some(Verdict::Rejected), note).await;
    assert_eq!(again, Some(0), "nothing is new");
    let what: String = bench.value(
        "SELECT group_concat(what, '; ') FROM job_history WHERE key = 'b' AND what LIKE 'verdict%'",
    );
    assert_eq!(what, "verdict: approved; verdict: rejected: lips too late");
    assert_eq!(give(&bench, &result, None, None).await, Some(2));
    assert_eq!(shown(&bench), "a -, b -");
    // A job that gets the result later has its verdict, too.
    give(&bench, &result, Some(Verdict::Approved), None).await;
    bench.accept(manifest("c.yaml", vec![same_as("a", "c")])).await.unwrap();
    assert_eq!(shown(&bench), "a approved, b approved, c -");
    deliver_all(&bench).await;
    assert_eq!(shown(&bench), "a approved, b approved, c approved");
}

#[tokio::test]
async fn another_take_has_no_verdict_yet() {
    let (bench, result) = two_with_a_result().await;
    give(&bench, &result, Some(Verdict::Rejected), None).await;
    bench.retry("a").await;
    assert_eq!(shown(&bench), "a -, b rejected");
    // Taken back, the job has its earlier result again.
    bench.cancel("a").await;
    assert_eq!(shown(&bench), "a rejected, b rejected");
    bench.retry("a").await;
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "second task")).await;
    let second = bench.drive("a", until_succeeded()).await;
    assert_eq!(shown(&bench), "a -, b rejected");
    let second = ResultId { task: second.id, ..result };
    give(&bench, &second, Some(Verdict::Approved), None).await;
    assert_eq!(shown(&bench), "a approved, b rejected");
}

#[tokio::test]
async fn jobs_are_selected_by_their_verdict() {
    let (bench, result) = two_with_a_result().await;
    bench.accept(manifest("c.yaml", vec![wanted("c"), wanted("d")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("c", until_submitted(&session, "task of c")).await;
    bench.drive("c", until_succeeded()).await;
    let found = |verdicts: &[Option<Verdict>]| {
        let reader = Reader::open(&bench.path).unwrap();
        let select = Select { verdicts: verdicts.to_vec(), ..Select::default() };
        let jobs = reader.first_jobs(&select, 9).unwrap();
        jobs.into_iter().map(|job| job.key).collect::<Vec<_>>().join(" ")
    };
    let (approved, rejected) = (Some(Verdict::Approved), Some(Verdict::Rejected));
    assert_eq!((found(&[None]), found(&[approved, rejected])), ("a b c".into(), String::new()));
    give(&bench, &result, approved, None).await;
    assert_eq!((found(&[None]), found(&[approved])), ("c".into(), "a b".into()));
    assert_eq!((found(&[rejected]), found(&[approved, None])), (String::new(), "a b c".into()));
    // A result that is delivered again is no result to review.
    bench.command("b", Command::Fetch).await.unwrap();
    assert_eq!(found(&[approved, None]), "a c");
}

#[tokio::test]
async fn only_results_get_verdicts() {
    let (bench, result) = two_with_a_result().await;
    let other = ResultId { sha256: "0".repeat(64), ..result.clone() };
    assert_eq!(give(&bench, &other, Some(Verdict::Approved), None).await, None);
    let none = ResultId { task: 99, ..result };
    assert_eq!(give(&bench, &none, Some(Verdict::Approved), None).await, None);
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM verdict"), 0);
}

#[tokio::test]
async fn metadata_files_are_behind_until_they_are_written() {
    let (bench, result) = two_with_a_result().await;
    assert_eq!(unstored(&bench).await, []);
    give(&bench, &result, Some(Verdict::Approved), Some("good")).await;
    let [first] = <[_; 1]>::try_from(unstored(&bench).await).unwrap();
    assert_eq!(first.outputs, ["a.mp4", "b.mp4"]);
    assert_eq!(first.verdict.as_ref().unwrap().note.as_deref(), Some("good"));
    // A newer verdict is not taken as written.
    give(&bench, &result, None, None).await;
    bench.store.verdict_stored(&first).await.unwrap();
    let [second] = <[_; 1]>::try_from(unstored(&bench).await).unwrap();
    assert_eq!(second.verdict, None);
    bench.store.verdict_stored(&second).await.unwrap();
    assert_eq!(unstored(&bench).await, []);
    // A file that is delivered again has metadata without the verdict.
    give(&bench, &result, Some(Verdict::Approved), None).await;
    bench.store.verdict_stored(&unstored(&bench).await[0]).await.unwrap();
    bench.command("b", Command::Fetch).await.unwrap();
    assert_eq!(unstored(&bench).await, []);
    deliver_all(&bench).await;
    assert_eq!(
        (unstored(&bench).await.len(), shown(&bench).as_str()),
        (1, "a approved, b approved")
    );
}
