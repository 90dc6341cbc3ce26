//! Who is next, who is due, and what other processes wrote.

use super::*;
async fn order(bench: &Bench) -> Vec<String> {
    let queued = bench.store.queued(100).await.unwrap();
    queued.into_iter().map(|job| job.spec.key).collect()
}

fn batch(name: &str, count: usize) -> AcceptedManifest {
    let jobs = (1..=count).map(|number| wanted(&format!("{name}/{number}"))).collect();
    manifest(&format!("{name}.yaml"), jobs)
}

#[tokio::test]
async fn manifests_of_one_priority_take_turns() {
    let bench = Bench::new();
    bench.accept(batch("a", 3)).await.unwrap();
    bench.accept(batch("b", 2)).await.unwrap();
    assert_eq!(order(&bench).await, ["a/1", "b/1", "a/2", "b/2", "a/3"]);
}

#[tokio::test]
async fn a_manifest_that_joins_late_neither_waits_behind_all_nor_passes_all_by() {
    let bench = Bench::new();
    bench.accept(batch("a", 4)).await.unwrap();
    for key in ["a/1", "a/2"] {
        bench.cancel(key).await;
    }
    bench.accept(batch("b", 2)).await.unwrap();
    assert_eq!(order(&bench).await, ["a/3", "b/1", "a/4", "b/2"]);
}

#[tokio::test]
async fn a_higher_priority_comes_first() {
    let bench = Bench::new();
    bench.accept(batch("a", 2)).await.unwrap();
    let urgent = changed(wanted("urgent"), |spec| spec.priority = 5);
    bench.accept(manifest("urgent.yaml", vec![urgent])).await.unwrap();
    let never = changed(wanted("last"), |spec| spec.priority = -100);
    bench.accept(manifest("last.yaml", vec![never])).await.unwrap();
    assert_eq!(order(&bench).await, ["urgent", "a/1", "a/2", "last"]);
}

#[tokio::test]
async fn a_job_that_rests_is_not_next_until_it_is_due() {
    let bench = Bench::new();
    bench.accept(batch("a", 2)).await.unwrap();
    let trouble = crate::job::outcome::TransientError {
        code: "transport".to_owned(),
        message: "no answer".to_owned(),
        retry_after_ms: Some(5_000),
    };
    let resting = bench.drive("a/1", vec![Outcome::TransientError(trouble)]).await;
    assert_eq!(order(&bench).await, ["a/2"]);
    assert_eq!(bench.store.next_due_at_ms(NOW_MS).await.unwrap(), Some(resting.due_at_ms));
    let due_again = async |now_ms, rest_max_ms| {
        let due = bench.store.due_again(now_ms, rest_max_ms, 100).await.unwrap();
        due.into_iter().map(|job| job.spec.key).collect::<Vec<_>>()
    };
    assert_eq!(due_again(resting.due_at_ms - 1, i64::MAX).await, [""; 0]);
    assert_eq!(due_again(resting.due_at_ms, i64::MAX).await, ["a/1"]);
    // Due later than any rest ever lasts: the clock was set back since.
    assert_eq!(due_again(resting.due_at_ms - 1_001, 1_000).await, ["a/1"]);
    assert_eq!(order(&bench).await, ["a/2"], "what failed has a walk of its own");
}

#[tokio::test]
async fn a_job_whose_time_has_come_is_found() {
    let bench = Bench::new();
    let later = changed(wanted("a"), |spec| spec.not_before_at_ms = Some(NOW_MS + 10));
    bench.accept(manifest("a.yaml", vec![later])).await.unwrap();
    assert!(bench.store.due_waiting(NOW_MS, 10).await.unwrap().is_empty());
    assert_eq!(bench.store.next_due_at_ms(NOW_MS).await.unwrap(), Some(NOW_MS + 10));
    assert_eq!(bench.store.due_waiting(NOW_MS + 10, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn jobs_under_way_are_found_by_state_and_counted() {
    let bench = Bench::new();
    bench.accept(batch("a", 3)).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    let submitted = bench.store.due_in_state(State::Submitted, NOW_MS, i64::MAX, 10).await.unwrap();
    assert_eq!(submitted.len(), 1);
    assert_eq!(bench.store.count(&[State::Queued, State::Submitted]).await.unwrap(), 3);
}

#[tokio::test]
async fn another_process_that_writes_is_noticed_and_our_own_writes_are_not() {
    let bench = Bench::new();
    let first = bench.store.changes_by_others(None).await.unwrap();
    assert!(!first.changed);
    bench.store.set_hold(hold("ours")).await.unwrap();
    let second = bench.store.changes_by_others(Some(first.position)).await.unwrap();
    assert!(!second.changed);
    bench.sql().execute("UPDATE daemon_state SET hold = 'theirs'", []).unwrap();
    let third = bench.store.changes_by_others(Some(second.position)).await.unwrap();
    assert!(third.changed);
    assert!(!bench.store.changes_by_others(Some(third.position)).await.unwrap().changed);
}

#[tokio::test]
async fn of_what_happened_meanwhile_only_what_people_did_is_told() {
    let bench = Bench::new();
    bench.accept(batch("a", 3)).await.unwrap();
    let before = bench.store.changes_by_others(None).await.unwrap().position;
    // Our own, between two looks of theirs.
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    let theirs = Store::open(bench.store.path()).unwrap();
    let cancel = |_: &_| Ok::<_, ()>(Command::Cancel);
    theirs.command("a/1", cancel, MOMENT, POLICY).await.unwrap();
    let found = bench.store.changes_by_others(Some(before)).await.unwrap();
    let reported: Vec<_> =
        found.by_people.iter().map(|change| (&*change.key, &*change.to)).collect();
    assert_eq!(reported, [("a/1", "cancelled")]);
    assert_eq!(found.by_people[0].manifest, "a.yaml");
    assert_eq!(found.by_people[0].from.as_deref(), Some("queued"));
    let again = bench.store.changes_by_others(Some(found.position)).await.unwrap();
    assert!(again.by_people.is_empty());
}
