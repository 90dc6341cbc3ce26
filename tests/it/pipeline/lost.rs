//! Create requests whose answer is lost: each is paid for once, and its task is found.

use std::time::Duration;

use lipsyncd::{
    job::{Outcome, State},
    pipeline::End,
    sim::{Call, Fault, FaultRule, SimConfig},
    store::{Lookups, Store},
};

use crate::support::{House, account, many, quick, refusal, switches::Switches as _, wanted, with};

/// Eight jobs, of which every second create suffers `fault`.
async fn suffer(config: SimConfig, rule: FaultRule) -> House {
    let mut house = House::new(config).await;
    house.request_timeout = Duration::from_millis(300);
    house.fault(FaultRule { nth: 2, every: 3, times: Some(3), ..rule });
    house.put("m.yaml", many("m", 8)).await;
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(8).await;
    assert!(house.ledger().faults.values().sum::<u64>() >= 3);
    house
}

fn create(fault: Fault) -> FaultRule {
    FaultRule::once(Call::Create, fault)
}

#[tokio::test]
async fn an_answer_that_is_lost_after_acceptance_is_looked_up() {
    suffer(quick(), create(Fault::LoseAnswer)).await;
}

#[tokio::test]
async fn a_request_that_is_dropped_is_sent_again_only_after_it_stayed_absent() {
    let house = suffer(quick(), create(Fault::DropRequest)).await;
    let again: i64 =
        house.tasks().await.iter().map(|job| house.count_history(&job.spec.key, "again as")).sum();
    assert_eq!(again, 3);
}

#[tokio::test]
async fn server_trouble_is_an_unknown_outcome_whether_it_was_accepted_or_not() {
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
    let house = suffer(config, create(Fault::LoseAnswer)).await;
    assert!(house.ledger().refused(Call::Create, 1201) > 0);
}

#[tokio::test]
async fn the_very_first_create_that_is_lost_is_adopted_and_teaches_that_lookups_are_answered() {
    let house = House::new(quick()).await;
    house.fault(create(Fault::LoseAnswer));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(house.store.lookups(&account()).await.unwrap(), Lookups::Unknown);
    house.run().await;
    house.assert_all_succeeded(1).await;
    assert_eq!(house.store.lookups(&account()).await.unwrap(), Lookups::Path);
}

/// A house whose account answers no lookups, with one job that was accepted unheard.
async fn unresolved(fault: Fault) -> House {
    let house = House::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    house.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    house.fault(create(fault));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.state("m/a").await, State::Unresolved);
    house
}

#[tokio::test]
async fn without_lookups_a_person_names_the_task() {
    let house = unresolved(Fault::LoseAnswer).await;
    assert_eq!(house.run().await, End::Idle);
    let ledger = house.ledger();
    assert_eq!((ledger.tasks.len(), ledger.refused(Call::Create, 1201)), (1, 0));
    let task_id = ledger.tasks[0].task_id.clone();
    house.apply("m/a", Outcome::ResolvedAs { task_id }).await.unwrap();
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn without_lookups_a_person_may_say_that_it_was_never_accepted() {
    let house = unresolved(Fault::DropRequest).await;
    assert_eq!(house.ledger().tasks.len(), 0);
    house.apply("m/a", Outcome::ResolvedAsUnsent { is_sure: false }).await.unwrap();
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn an_account_that_is_not_known_yet_and_answers_no_lookups_leaves_it_to_a_person() {
    let house = House::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    house.fault(create(Fault::LoseAnswer));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.state("m/a").await, State::Unresolved);
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[tokio::test]
async fn a_create_of_ones_own_that_is_just_being_answered_leaves_no_other_to_a_person() {
    // The account has taught nothing yet, and the answer to each create is under way for a while.
    let house = House::new(SimConfig { create_latency_ms: 120, ..quick() }).await;
    house.fault(FaultRule { times: Some(3), ..create(Fault::DropRequest) });
    house.put("m.yaml", many("m", 3)).await;
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(3).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_after_a_create_hides_no_task_that_could_be_it() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let house = House::new(SimConfig { unique_external_ids: false, ..config }).await;
    house.fault(create(Fault::LoseAnswer));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    let running = house.start().await;
    house.until("the create sent", async || house.ledger().tasks.len() == 1).await;
    house.set_ahead(-3_600_000);
    running.nudge();
    house.until_state("m/a", State::Unresolved).await;
    running.stop().await;
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[tokio::test]
async fn an_edit_while_the_create_is_under_way_does_not_lose_its_answer() {
    let config = SimConfig { create_latency_ms: 300, answers_external_lookups: false, ..quick() };
    let house = House::new(config).await;
    // The account answers no lookups: only the answer itself names the task.
    house.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    house.put("m.yaml", vec![wanted("m/a")]).await;
    let running = house.start().await;
    house.until("the create sent", async || house.ledger().tasks.len() == 1).await;
    house.put("m.yaml", vec![with("m/a", |spec| spec.sound_volume = 0.5)]).await;
    assert!(house.job("m/a").await.changed_after_sent);
    assert_eq!(house.state("m/a").await, State::Creating);
    house.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    house.assert_all_succeeded(1).await;
}

/// A house with a new database, whose account has a task by the name that its job asks for, of `video`.
async fn taken(video: &str, ahead_ms: i64, fault: Option<Fault>) -> House {
    let mut house = House::new(quick()).await;
    let named = |key: &str| with(key, |spec| spec.external_task_id = Some("mine".into()));
    let earlier = with("m/a", |spec| {
        spec.external_task_id = Some("mine".into());
        spec.video = wanted(video).spec.video;
    });
    house.put("m.yaml", vec![earlier]).await;
    house.run().await;
    house.assert_all_succeeded(1).await;
    house.store = Store::open(&house.dir.path().join("new.db")).unwrap();
    house.set_ahead(ahead_ms);
    house.put("n.yaml", vec![named("n/a")]).await;
    if let Some(fault) = fault {
        house.fault(create(fault));
    }
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.ledger().tasks.len(), 1);
    house
}

#[tokio::test]
async fn own_name_of_a_task_of_another_video_is_for_resolve() {
    for ahead_ms in [0, 3_600_000] {
        let house = taken("m/a", ahead_ms, None).await;
        assert_eq!(house.state("n/a").await, State::Unresolved);
        // Also where the create request was lost.
        let house = taken("m/a", ahead_ms, Some(Fault::DropRequest)).await;
        assert_eq!(house.state("n/a").await, State::Unresolved);
    }
}

#[tokio::test]
async fn own_name_of_a_task_of_the_same_video_is_adopted() {
    for ahead_ms in [0, 3_600_000] {
        let house = taken("n/a", ahead_ms, None).await;
        assert_eq!(house.state("n/a").await, State::Succeeded);
        let house = taken("n/a", ahead_ms, Some(Fault::DropRequest)).await;
        assert_eq!(house.state("n/a").await, State::Succeeded);
    }
}

#[tokio::test]
async fn a_task_that_is_out_of_sight_is_told_and_waited_for() {
    let house = House::new(quick()).await;
    house.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    house.fault(FaultRule::always(Call::Query, refusal(1203)));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    let running = house.start().await;
    house
        .until("the job to say so", async || {
            house.waits_for("m/a").is_some_and(|waits| waits.contains("to show up"))
        })
        .await;
    // Whoever named the wrong task may name another.
    let task_id = house.ledger().tasks[0].task_id.clone();
    running.stop().await;
    house.apply("m/a", Outcome::ResolvedAs { task_id }).await.unwrap();
    house.clear_faults();
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn an_account_that_allows_few_queries_a_second_is_asked_to_the_end() {
    // Nothing is known of its lookups: each of them is several queries.
    let mut house = House::new(SimConfig { query_per_second: Some(3), ..quick() }).await;
    house.settings.pace.query_per_second = 100.0;
    house.fault(FaultRule::once(Call::Create, Fault::DropRequest));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    let running = house.start().await;
    house.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    house.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn an_unresolved_task_is_found_once_the_account_answers_names_again() {
    let house = House::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    house.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    house.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    house.fault(create(Fault::LoseAnswer));
    house.put("n.yaml", vec![wanted("n/b")]).await;
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.state("n/b").await, State::Unresolved);
    house.sim.answer_names(true);
    assert_eq!(house.run().await, End::Idle);
    house.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn lookups_that_find_nothing_end_the_slowing_down_of_the_account() {
    // No create request goes through, so that nothing else shows that calls do.
    let mut house = House::new(SimConfig { query_per_second: Some(6), ..quick() }).await;
    house.settings.pace.query_per_second = 100.0;
    house.fault(FaultRule::always(Call::Create, Fault::DropRequest));
    house.put("m.yaml", many("m", 4)).await;
    let running = house.start().await;
    let resends = |key: &str| house.count_history(key, "the same create request written again");
    house.until("resends", async || (0..4).all(|n| resends(&format!("m/{n:03}")) >= 1)).await;
    running.stop().await;
}
