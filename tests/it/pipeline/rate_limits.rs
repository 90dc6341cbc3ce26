//! `Retry-After` and lists that lag behind: tasks that are paid for are always followed.

use std::time::{Duration, Instant};

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
};
use serde_json::json;

use crate::support::{TestEnv, daemon::slow, many, patch};

/// `Retry-After: 600`.
fn limited() -> Fault {
    Fault::Code { code: 1302, status: None, retry_after_s: Some(600), message: None }
}

#[tokio::test]
async fn long_retry_after_on_any_call_does_not_stop_the_polling_of_paid_tasks() {
    for call in [Endpoint::List, Endpoint::Query, Endpoint::Identify, Endpoint::Create] {
        let test_env = TestEnv::new(slow()).await;
        let running = test_env.start().await;
        let jobs = if call == Endpoint::Query { 2 } else { 4 };
        test_env.put("paid.yaml", many("paid", jobs)).await;
        running.nudge();
        test_env.until_count(State::Processing, jobs as i64).await;
        test_env.fault(FaultRule::once(call, limited()));
        // A call of another kind is limited when the next job needs it.
        test_env.put("next.yaml", many("next", 1)).await;
        running.nudge();
        let limit =
            async || test_env.store.queue_status(test_env.now_ms()).await.unwrap().rate_limit;
        test_env.until("the rate limit", async || limit().await.is_some()).await;
        let shown = limit().await.unwrap();
        assert_eq!(shown.code, Some(1302));
        let rest_ms = shown.paid_until_ms - test_env.now_ms();
        assert!((590_000..=600_000).contains(&rest_ms), "{call:?}: {rest_ms}");
        // `poll.max_interval` is 100 ms.
        let query_rest_ms = shown.queries_until_ms - test_env.now_ms();
        assert!(query_rest_ms <= 1_000, "{call:?}: {query_rest_ms}");
        test_env.sim.advance(Duration::from_secs(601));
        let began = Instant::now();
        // The next job may have been created before.
        let succeeded = async || test_env.store.count(&[State::Succeeded]).await.unwrap();
        test_env.until("the paid results", async || succeeded().await >= jobs as i64).await;
        assert!(began.elapsed().as_secs() < 20, "{call:?}");
        // Not stopped: the end of the daemon waits for the step that rests.
        drop(running);
    }
}

#[tokio::test]
async fn tasks_are_queried_singly_while_the_list_is_limited_for_ever() {
    let test_env = TestEnv::new(slow()).await;
    let running = test_env.start().await;
    test_env.put("m.yaml", many("m", 5)).await;
    running.nudge();
    test_env.until_count(State::Processing, 5).await;
    test_env.fault(FaultRule::always(Endpoint::List, limited()));
    let is_limited = async || test_env.ledger().refused(Endpoint::List, 1302) > 0;
    test_env.until("the list to be limited", is_limited).await;
    test_env.sim.advance(Duration::from_secs(601));
    test_env.until_count(State::Succeeded, 5).await;
    running.stop().await;
    // The list is not asked again and again.
    assert!(test_env.ledger().refused(Endpoint::List, 1302) <= 2);
}

#[tokio::test]
async fn reasons_while_calls_rest_are_true() {
    let mut test_env = TestEnv::new(slow()).await;
    // Queries rest for 100 s.
    test_env.settings.poll_max_ms = 10_000;
    test_env.settings.slots = 4;
    let running = test_env.start().await;
    test_env.put("paid.yaml", many("paid", 3)).await;
    running.nudge();
    test_env.until_count(State::Processing, 3).await;
    test_env.fault(FaultRule::once(Endpoint::List, limited()));
    test_env.put("next.yaml", many("next", 9)).await;
    running.nudge();
    let waits = |key: &str| test_env.waits_for(key).unwrap_or_default();
    let end = "the status of task ";
    test_env.until("the queries to rest", async || waits("paid/000").contains(end)).await;
    let paid = waits("paid/000");
    assert!(paid.starts_with("rate limited by the API (code 1302); the status of task "), "{paid}");
    assert!(paid.contains(" is queried again at 20"), "{paid}");
    assert!(!paid.contains("Kling is") && !paid.contains("Kling has"), "{paid}");
    let next = waits("next/008");
    assert!(
        next.starts_with("rate limited by the API (code 1302); paid calls resume at "),
        "{next}"
    );
    running.stop().await;
}

/// The list shows the first task as it was, and the query of the task shows its end.
#[tokio::test]
async fn task_that_the_list_shows_unchanged_for_long_is_queried_singly() {
    for status in ["submitted", "resting"] {
        let mut test_env = TestEnv::new(slow()).await;
        // Longer than 30 s is longer than usual.
        test_env.settings.poll_max_ms = 3_000;
        let running = test_env.start().await;
        test_env.put("m.yaml", many("m", 5)).await;
        running.nudge();
        test_env.until_count(State::Processing, 5).await;
        let ids: Vec<String> =
            test_env.tasks().await.into_iter().filter_map(|task| task.task_id).collect();
        let entry = |id: &String| json!({"task_id": id, "task_status": status});
        let data: Vec<_> = ids.iter().map(entry).collect();
        test_env.fault(FaultRule::always(Endpoint::List, patch(json!({"data": data}))));
        let queries = test_env.ledger().accepted(Endpoint::Query);
        test_env.sim.advance(Duration::from_secs(601));
        // Of tasks that take no longer than usual, the list counts.
        let lists = test_env.ledger().accepted(Endpoint::List);
        test_env
            .until("polls", async || test_env.ledger().accepted(Endpoint::List) > lists + 3)
            .await;
        assert_eq!(test_env.ledger().accepted(Endpoint::Query), queries, "{status}");
        test_env.set_ahead(3_600_000);
        test_env.until_count(State::Succeeded, 5).await;
        let queries = test_env.ledger().accepted(Endpoint::Query) - queries;
        assert!(queries <= 6, "{status}: each task once: {queries}");
        running.stop().await;
    }
}

#[tokio::test]
async fn overdue_tasks_never_flood_the_api() {
    let config = SimConfig { concurrency: 30, ..slow() };
    let mut test_env = TestEnv::new(config).await;
    test_env.settings.slots = 30;
    // Each task at most once in 100 s.
    test_env.settings.poll_max_ms = 10_000;
    test_env.set_ahead(0);
    let running = test_env.start().await;
    test_env.put("m.yaml", many("m", 30)).await;
    running.nudge();
    test_env.until_count(State::Processing, 30).await;
    test_env.set_ahead(3_600_000);
    running.nudge();
    let queries = test_env.ledger().accepted(Endpoint::Query);
    let asked = || test_env.ledger().accepted(Endpoint::Query) - queries;
    test_env.until("all to be queried", async || asked() >= 10).await;
    assert!(asked() <= 10, "one poll queries ten tasks: {}", asked());
    assert_eq!(test_env.store.count(&[State::Processing]).await.unwrap(), 30);
    assert_eq!(running.stop().await, End::Stopped);
}
