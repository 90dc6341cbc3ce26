//! An API that names the wrong task: in the answer to a create, in a query, in a list.

use std::collections::BTreeSet;

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Call, Fault, FaultRule, SimConfig},
    store::Lookups,
};
use serde_json::{Value, json};

use crate::support::{House, account, many, patch, quick, wanted};

async fn house(config: SimConfig, lookups: Lookups) -> House {
    let house = House::new(config).await;
    house.store.learn_lookups(&account(), lookups).await.unwrap();
    house
}

#[tokio::test]
async fn a_task_that_the_api_does_not_know_by_the_id_it_gave_is_found_by_its_own_name() {
    for lookups in [Lookups::Path, Lookups::Unknown] {
        let house = house(quick(), lookups).await;
        house.fault(FaultRule::once(Call::Create, patch(json!({"data": {"task_id": "77"}}))));
        house.put("m.yaml", vec![wanted("m/a")]).await;
        let running = house.start().await;
        house.until_state("m/a", State::Succeeded).await;
        running.stop().await;
        house.assert_all_succeeded(1).await;
        let told = house.count_history("m/a", "does not know task 77");
        assert_eq!(told, 1, "the history says so");
        assert_eq!(house.store.lookups(&account()).await.unwrap(), Lookups::Path);
    }
}

#[tokio::test]
async fn an_answer_that_accepts_another_name_is_looked_into() {
    let house = house(quick(), Lookups::Path).await;
    let other = json!({"data": {"task_id": "77", "task_info": {"external_task_id": "not mine"}}});
    house.fault(FaultRule::once(Call::Create, patch(other)));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(1).await;
    assert_eq!(house.count_history("m/a", "accepts not mine"), 1);
}

#[tokio::test]
async fn a_result_of_another_task_is_not_fetched() {
    let house = house(quick(), Lookups::Path).await;
    house.put("n.yaml", vec![wanted("n/other")]).await;
    house.run().await;
    let nothing = patch(json!({"data": {"task_result": null}}));
    house.fault(FaultRule::once(Call::Query, nothing));
    let other = patch(json!({"data": {"task_id": "860000000000000001"}}));
    let matching = Some("860000000000000002".to_owned());
    house.put("m.yaml", vec![wanted("m/a")]).await;
    house.fault(FaultRule {
        matching,
        nth: 2,
        times: Some(2),
        ..FaultRule::once(Call::Query, other)
    });
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn two_jobs_are_never_one_task() {
    let house = house(quick(), Lookups::Path).await;
    let first = json!({"data": {"task_id": "860000000000000001"}});
    house.fault(FaultRule::always(Call::Create, patch(first)));
    house.put("m.yaml", many("m", 5)).await;
    let running = house.start().await;
    house.until_count(State::Succeeded, 5).await;
    running.stop().await;
    house.assert_all_succeeded(5).await;
    let tasks: BTreeSet<Option<String>> =
        house.tasks().await.into_iter().map(|job| job.task_id).collect();
    assert_eq!(tasks.len(), 5);
}

#[tokio::test]
async fn an_answer_about_another_task_is_not_taken_for_this_one() {
    let house = house(SimConfig { task_ms: (400, 400), ..quick() }, Lookups::Path).await;
    // The first queries after the create say that the other task has failed.
    let other = json!({"data": {"task_id": "1", "task_status": "failed"}});
    house.fault(FaultRule { times: Some(3), ..FaultRule::once(Call::Query, patch(other)) });
    house.put("m.yaml", vec![wanted("m/a")]).await;
    let running = house.start().await;
    house
        .until("the job to say so", async || {
            house.waits_for("m/a").is_some_and(|waits| waits.contains("about task 1"))
        })
        .await;
    house.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    house.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn a_lookup_that_names_another_jobs_task_fails_nothing_that_may_be_paid_for() {
    let house = house(quick(), Lookups::Path).await;
    house.put("m.yaml", vec![wanted("m/a")]).await;
    house.run().await;
    house.fault(FaultRule::once(Call::Create, Fault::LoseAnswer));
    let first = json!({"data": {"task_id": "860000000000000001"}});
    house.fault(FaultRule { times: Some(2), ..FaultRule::once(Call::Query, patch(first)) });
    house.put("n.yaml", vec![wanted("n/b")]).await;
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn a_list_that_repeats_itself_or_repeats_tasks_is_read_no_further_than_it_helps() {
    let house = house(SimConfig { task_ms: (300, 500), ..quick() }, Lookups::Path).await;
    let task = |id: u64, status: &str| json!({"task_id": format!("8600000000000000{id:02}"), "task_status": status});
    let page: Vec<Value> = (0..60).map(|n| task(n % 2 + 90, "processing")).collect();
    let text = json!({"code": 0, "data": page}).to_string();
    let content_type = "application/json".to_owned();
    let fault = Fault::Body { status: 200, content_type, text };
    house.fault(FaultRule { times: Some(6), ..FaultRule::once(Call::List, fault) });
    house.put("m.yaml", many("m", 5)).await;
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(5).await;
}
