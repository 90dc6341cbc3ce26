//! An API that names the wrong task: in the answer to a create, in a query, in a list.

use std::collections::BTreeSet;

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::Lookups,
};
use serde_json::{Value, json};

use crate::support::{TestEnv, account, many, patch, quick, wanted};

async fn test_env(config: SimConfig, lookups: Lookups) -> TestEnv {
    let test_env = TestEnv::new(config).await;
    test_env.store.learn_lookups(&account(), lookups).await.unwrap();
    test_env
}

#[tokio::test]
async fn a_task_that_the_api_does_not_know_by_the_id_it_gave_is_found_by_its_own_name() {
    for lookups in [Lookups::Path, Lookups::Unknown] {
        let test_env = test_env(quick(), lookups).await;
        test_env
            .fault(FaultRule::once(Endpoint::Create, patch(json!({"data": {"task_id": "77"}}))));
        test_env.put("m.yaml", vec![wanted("m/a")]).await;
        let running = test_env.start().await;
        test_env.until_state("m/a", State::Succeeded).await;
        running.stop().await;
        test_env.assert_all_succeeded(1).await;
        let reported = test_env.count_history("m/a", "does not know task 77");
        assert_eq!(reported, 1, "the history says so");
        assert_eq!(test_env.store.lookups(&account()).await.unwrap(), Lookups::Path);
    }
}

#[tokio::test]
async fn an_answer_that_accepts_another_name_is_looked_up() {
    let test_env = test_env(quick(), Lookups::Path).await;
    let other = json!({"data": {"task_id": "77", "task_info": {"external_task_id": "not mine"}}});
    test_env.fault(FaultRule::once(Endpoint::Create, patch(other)));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.count_history("m/a", "accepted not mine"), 1);
}

#[tokio::test]
async fn a_result_of_another_task_is_not_fetched() {
    let test_env = test_env(quick(), Lookups::Path).await;
    test_env.put("n.yaml", vec![wanted("n/other")]).await;
    test_env.run().await;
    let nothing = patch(json!({"data": {"task_result": null}}));
    test_env.fault(FaultRule::once(Endpoint::Query, nothing));
    let other = patch(json!({"data": {"task_id": "860000000000000001"}}));
    let matching = Some("860000000000000002".to_owned());
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    test_env.fault(FaultRule {
        matching,
        nth: 2,
        times: Some(2),
        ..FaultRule::once(Endpoint::Query, other)
    });
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn two_requests_never_share_a_task() {
    let test_env = test_env(quick(), Lookups::Path).await;
    let first = json!({"data": {"task_id": "860000000000000001"}});
    test_env.fault(FaultRule::always(Endpoint::Create, patch(first)));
    test_env.put("m.yaml", many("m", 5)).await;
    let running = test_env.start().await;
    test_env.until_count(State::Succeeded, 5).await;
    running.stop().await;
    test_env.assert_all_succeeded(5).await;
    let tasks: BTreeSet<Option<String>> =
        test_env.tasks().await.into_iter().map(|job| job.task_id).collect();
    assert_eq!(tasks.len(), 5);
}

#[tokio::test]
async fn an_answer_about_another_task_is_ignored() {
    let test_env = test_env(SimConfig { task_ms: (400, 400), ..quick() }, Lookups::Path).await;
    // The first queries after the create say that the other task has failed.
    let other = json!({"data": {"task_id": "1", "task_status": "failed"}});
    test_env.fault(FaultRule { times: Some(3), ..FaultRule::once(Endpoint::Query, patch(other)) });
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env
        .until("the job to say so", async || {
            test_env.waits_for("m/a").is_some_and(|waits| waits.contains("about task 1"))
        })
        .await;
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn a_lookup_that_names_another_jobs_task_fails_nothing_that_may_be_paid_for() {
    let test_env = test_env(quick(), Lookups::Path).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    test_env.run().await;
    test_env.fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer));
    let first = json!({"data": {"task_id": "860000000000000001"}});
    test_env.fault(FaultRule { times: Some(2), ..FaultRule::once(Endpoint::Query, patch(first)) });
    test_env.put("n.yaml", vec![wanted("n/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn a_list_that_repeats_itself_or_repeats_tasks_is_read_no_further_than_it_helps() {
    let test_env = test_env(SimConfig { task_ms: (300, 500), ..quick() }, Lookups::Path).await;
    let task = |id: u64, status: &str| json!({"task_id": format!("8600000000000000{id:02}"), "task_status": status});
    let page: Vec<Value> = (0..60).map(|n| task(n % 2 + 90, "processing")).collect();
    let text = json!({"code": 0, "data": page}).to_string();
    let content_type = "application/json".to_owned();
    let fault = Fault::Body { status: 200, content_type, text };
    test_env.fault(FaultRule { times: Some(6), ..FaultRule::once(Endpoint::List, fault) });
    test_env.put("m.yaml", many("m", 5)).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(5).await;
}
