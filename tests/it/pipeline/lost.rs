//! Create requests whose answer is lost: each is paid for once, and its task is found.

use std::time::Duration;

use lipsyncd::{
    job::{Outcome, State},
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::{Lookups, Store, open_reader},
};

use crate::support::{
    TestEnv, account, many, quick, refusal, switches::Switches as _, wanted, with,
};

/// Eight jobs, of which every second create suffers `fault`.
async fn suffer(config: SimConfig, rule: FaultRule) -> TestEnv {
    let mut test_env = TestEnv::new(config).await;
    test_env.request_timeout = Duration::from_millis(300);
    test_env.fault(FaultRule { nth: 2, every: 3, times: Some(3), ..rule });
    test_env.put("m.yaml", many("m", 8)).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(8).await;
    assert!(test_env.ledger().faults.values().sum::<u64>() >= 3);
    test_env
}

fn create(fault: Fault) -> FaultRule {
    FaultRule::once(Endpoint::Create, fault)
}

#[tokio::test]
async fn an_answer_that_is_lost_after_acceptance_is_looked_up() {
    suffer(quick(), create(Fault::LoseAnswer)).await;
}

#[tokio::test]
async fn a_request_that_is_dropped_is_sent_again_only_after_it_stayed_absent() {
    let test_env = suffer(quick(), create(Fault::DropRequest)).await;
    let again: i64 = test_env
        .tasks()
        .await
        .iter()
        .map(|job| test_env.count_history(&job.spec.key, "again as"))
        .sum();
    assert_eq!(again, 3);
}

#[tokio::test]
async fn a_server_error_is_an_unknown_outcome_whether_accepted_or_not() {
    for accept in [true, false] {
        let rule = FaultRule { accept: Some(accept), ..create(refusal(5001)) };
        suffer(quick(), rule).await;
    }
}

#[tokio::test]
async fn half_an_answer_a_proxys_page_and_silence_are_unknown_outcomes() {
    suffer(quick(), create(Fault::CutBody { after_bytes: None })).await;
    for accept in [true, false] {
        let rule = FaultRule { accept: Some(accept), ..create(Fault::Html { status: 502 }) };
        suffer(quick(), rule).await;
    }
    suffer(quick(), create(Fault::Hang { ms: 2_000 })).await;
}

#[tokio::test]
async fn a_task_that_shows_up_late_is_not_paid_for_again() {
    // Longer than the settle time. This account refuses a name that exists, so the second send pays nothing.
    let config = SimConfig { visibility_lag_ms: 600, ..quick() };
    let test_env = suffer(config, create(Fault::LoseAnswer)).await;
    assert!(test_env.ledger().refused(Endpoint::Create, 1201) > 0);
}

#[tokio::test]
async fn a_lost_first_create_is_adopted_and_shows_that_lookups_work() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(create(Fault::LoseAnswer));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.store.lookups(&account()).await.unwrap(), Lookups::Unknown);
    test_env.run().await;
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.store.lookups(&account()).await.unwrap(), Lookups::Path);
}

/// A test environment whose account answers no lookups, with one job that was accepted unheard.
async fn unresolved(fault: Fault) -> TestEnv {
    let test_env = TestEnv::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    test_env.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    test_env.fault(create(fault));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.state("m/a").await, State::Unresolved);
    test_env
}

#[tokio::test]
async fn without_lookups_a_person_names_the_task() {
    let test_env = unresolved(Fault::LoseAnswer).await;
    assert_eq!(test_env.run().await, End::Idle);
    let ledger = test_env.ledger();
    assert_eq!((ledger.tasks.len(), ledger.refused(Endpoint::Create, 1201)), (1, 0));
    let task_id = ledger.tasks[0].task_id.clone();
    test_env.apply("m/a", Outcome::ResolvedAs { task_id }).await.unwrap();
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn without_lookups_a_person_may_say_that_it_was_never_accepted() {
    let test_env = unresolved(Fault::DropRequest).await;
    assert_eq!(test_env.ledger().tasks.len(), 0);
    test_env.apply("m/a", Outcome::ResolvedAsUnsent { is_sure: false }).await.unwrap();
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn an_account_that_is_not_known_yet_and_answers_no_lookups_leaves_it_to_a_person() {
    let test_env = TestEnv::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    test_env.fault(create(Fault::LoseAnswer));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.state("m/a").await, State::Unresolved);
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[tokio::test]
async fn a_create_in_flight_makes_no_other_task_unresolved() {
    // The account has taught nothing yet, and the answer to each create is under way for a while.
    let test_env = TestEnv::new(SimConfig { create_latency_ms: 120, ..quick() }).await;
    test_env.fault(FaultRule { times: Some(3), ..create(Fault::DropRequest) });
    test_env.put("m.yaml", many("m", 3)).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(3).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_after_a_create_hides_no_candidate() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let test_env = TestEnv::new(SimConfig { unique_external_ids: false, ..config }).await;
    test_env.fault(create(Fault::LoseAnswer));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("the create sent", async || test_env.ledger().tasks.len() == 1).await;
    test_env.set_ahead(-3_600_000);
    running.nudge();
    test_env.until_state("m/a", State::Unresolved).await;
    running.stop().await;
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[tokio::test]
async fn an_edit_during_the_create_request_does_not_lose_its_answer() {
    let config = SimConfig { create_latency_ms: 300, answers_external_lookups: false, ..quick() };
    let test_env = TestEnv::new(config).await;
    // The account answers no lookups: only the answer itself names the task.
    test_env.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("the create sent", async || test_env.ledger().tasks.len() == 1).await;
    test_env.put("m.yaml", vec![with("m/a", |spec| spec.sound_volume = 0.5)]).await;
    assert!(test_env.job("m/a").await.changed_after_sent);
    assert_eq!(test_env.state("m/a").await, State::Creating);
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
}

/// A test environment with a new database, whose account has a task by the name that its job asks for, of `video`.
async fn taken(video: &str, ahead_ms: i64, fault: Option<Fault>) -> TestEnv {
    let mut test_env = TestEnv::new(quick()).await;
    let named = |key: &str| with(key, |spec| spec.external_task_id = Some("mine".into()));
    let earlier = with("m/a", |spec| {
        spec.external_task_id = Some("mine".into());
        spec.video = wanted(video).spec.video;
    });
    test_env.put("m.yaml", vec![earlier]).await;
    test_env.run().await;
    test_env.assert_all_succeeded(1).await;
    test_env.store = Store::open(&test_env.dir.path().join("new.db")).unwrap();
    test_env.set_ahead(ahead_ms);
    test_env.put("n.yaml", vec![named("n/a")]).await;
    if let Some(fault) = fault {
        test_env.fault(create(fault));
    }
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().tasks.len(), 1);
    test_env
}

#[tokio::test]
async fn own_name_of_a_task_of_another_video_is_for_resolve() {
    for ahead_ms in [0, 3_600_000] {
        let test_env = taken("m/a", ahead_ms, None).await;
        assert_eq!(test_env.state("n/a").await, State::Unresolved);
        // Also where the create request was lost.
        let test_env = taken("m/a", ahead_ms, Some(Fault::DropRequest)).await;
        assert_eq!(test_env.state("n/a").await, State::Unresolved);
    }
}

#[tokio::test]
async fn own_name_of_a_task_of_the_same_video_is_adopted() {
    for ahead_ms in [0, 3_600_000] {
        let test_env = taken("n/a", ahead_ms, None).await;
        assert_eq!(test_env.state("n/a").await, State::Succeeded);
        let test_env = taken("n/a", ahead_ms, Some(Fault::DropRequest)).await;
        assert_eq!(test_env.state("n/a").await, State::Succeeded);
    }
}

#[tokio::test]
async fn a_task_that_kling_does_not_show_is_reported_and_waited_for() {
    let test_env = TestEnv::new(quick()).await;
    test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    test_env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env
        .until("the job to say so", async || {
            test_env.waits_for("m/a").is_some_and(|waits| waits.contains("does not show task"))
        })
        .await;
    // Whoever named the wrong task may name another.
    let task_id = test_env.ledger().tasks[0].task_id.clone();
    running.stop().await;
    test_env.apply("m/a", Outcome::ResolvedAs { task_id }).await.unwrap();
    test_env.clear_faults();
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn a_task_that_was_hidden_past_its_end_counts_as_short_as_it_was() {
    let test_env = TestEnv::new(quick()).await;
    test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    test_env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    let is_hidden =
        || test_env.waits_for("m/a").is_some_and(|it| it.contains("does not show task"));
    test_env.until("a poll", async || is_hidden()).await;
    test_env.set_ahead(600_000);
    let refused = test_env.ledger().faults["code"];
    let are_polled = || test_env.ledger().faults["code"] > refused + 6;
    test_env.until("polls ten minutes later", async || are_polled()).await;
    test_env.clear_faults();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    let sql = "SELECT median_task_seconds FROM queue_status";
    let reader = open_reader(test_env.store.path()).unwrap();
    let seconds: f64 = reader.query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(seconds < 60.0, "the API's times of the task count, not the ten minutes: {seconds} s");
}

#[tokio::test]
async fn an_account_that_allows_few_queries_a_second_is_asked_to_the_end() {
    // Nothing is known of its lookups: each of them is several queries.
    let mut test_env = TestEnv::new(SimConfig { query_per_second: Some(3), ..quick() }).await;
    test_env.settings.rate.query_per_second = 100.0;
    test_env.fault(FaultRule::once(Endpoint::Create, Fault::DropRequest));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn an_unresolved_task_is_found_once_the_account_answers_names_again() {
    let test_env = TestEnv::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    test_env.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.fault(create(Fault::LoseAnswer));
    test_env.put("n.yaml", vec![wanted("n/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.state("n/b").await, State::Unresolved);
    test_env.sim.answer_names(true);
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn lookups_that_find_nothing_end_the_slowing_down_of_the_account() {
    // No create request goes through, so that nothing else shows that calls do.
    let mut test_env = TestEnv::new(SimConfig { query_per_second: Some(6), ..quick() }).await;
    test_env.settings.rate.query_per_second = 100.0;
    test_env.fault(FaultRule::always(Endpoint::Create, Fault::DropRequest));
    test_env.put("m.yaml", many("m", 4)).await;
    let running = test_env.start().await;
    let resends = |key: &str| test_env.count_history(key, "the same create request again");
    test_env.until("resends", async || (0..4).all(|n| resends(&format!("m/{n:03}")) >= 1)).await;
    running.stop().await;
}
