//! Each code of the API on each call does what its row of the table says.

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::{Lookups, PauseKind},
};

use crate::support::{TestEnv, account, many, quick, refusal, wanted};

#[tokio::test]
async fn a_refusal_of_the_job_itself_fails_it_with_code_and_message() {
    for call in [Endpoint::Identify, Endpoint::Create] {
        for code in [1200, 1201, 1202, 1203, 1300, 1301] {
            let test_env = TestEnv::new(quick()).await;
            test_env.fault(FaultRule { times: Some(2), ..FaultRule::once(call, refusal(code)) });
            test_env.put("m.yaml", vec![wanted("m/a")]).await;
            assert_eq!(test_env.run().await, End::Idle, "{call:?} {code}");
            let job = test_env.task("m/a").await;
            assert_eq!(job.state, State::Failed, "{call:?} {code}");
            let failure = job.failure.unwrap();
            assert_eq!(failure.code, code.to_string(), "{call:?}");
            assert!(failure.message.contains(&format!("code {code}")), "{}", failure.message);
            assert_eq!(test_env.ledger().tasks.len(), 0);
            let is_twice = call == Endpoint::Create && matches!(code, 1201 | 1203);
            assert_eq!(test_env.ledger().refused(call, code), 1 + u64::from(is_twice), "{code}");
        }
    }
}

/// Three times in a row the line is refused by `code` on `call`; then it goes on by itself.
async fn paused(call: Endpoint, code: u16) {
    let test_env = TestEnv::new(quick()).await;
    // Longer than all the retries of a lookup, so that only the pause can have been waited out.
    test_env.fault(FaultRule { times: None, ..FaultRule::once(call, refusal(code)) });
    // Credentials are refused everywhere.
    if !(1100..=1102).contains(&code) {
        test_env.fault(FaultRule::always(Endpoint::Any, refusal(code)));
    }
    test_env.put("m.yaml", many("m", 3)).await;
    let running = test_env.start().await;
    test_env.until("a pause", async || test_env.store.pause().await.unwrap().is_some()).await;
    let pause = test_env.store.pause().await.unwrap().unwrap();
    let account = (1100..=1103).contains(&code);
    let kind = if account { PauseKind::Account } else { PauseKind::Credentials };
    assert_eq!((pause.kind, pause.code), (kind, Some(i64::from(code))), "{call:?}");
    assert!(pause.next_probe_at_ms.is_some());
    let probed =
        || test_env.ledger().calls.values().map(|it| it.refused.values().sum::<u64>()).sum();
    let before: u64 = probed();
    test_env.until("some probes", async || probed() >= before + 2).await;
    for job in test_env.tasks().await {
        assert_eq!((job.tries, job.failure.is_none()), (0, true), "{call:?} {code}: {job:?}");
    }
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    test_env.until_count(State::Succeeded, 3).await;
    assert_eq!(test_env.store.pause().await.unwrap(), None);
    assert_eq!(running.stop().await, End::Stopped);
    test_env.assert_all_succeeded(3).await;
}

#[tokio::test]
async fn refused_credentials_pause_the_queue_until_a_probe_succeeds() {
    for code in [1000, 1001, 1002, 1003, 1004, 1103, 1304] {
        paused(Endpoint::Identify, code).await;
    }
    paused(Endpoint::Create, 1000).await;
}

#[tokio::test]
async fn an_account_that_cannot_pay_pauses_the_paid_calls_until_one_goes_through() {
    for call in [Endpoint::Identify, Endpoint::Create] {
        for code in [1100, 1101, 1102] {
            paused(call, code).await;
        }
    }
}

#[tokio::test]
async fn while_the_account_cannot_pay_what_was_paid_for_is_still_fetched() {
    let test_env = TestEnv::new(SimConfig { task_ms: (300, 400), ..quick() }).await;
    test_env.fault(FaultRule { nth: 3, ..FaultRule::always(Endpoint::Create, refusal(1102)) });
    test_env.put("m.yaml", many("m", 4)).await;
    let running = test_env.start().await;
    test_env.until_count(State::Succeeded, 2).await;
    assert_eq!(test_env.store.pause().await.unwrap().unwrap().code, Some(1102));
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    test_env.until_count(State::Succeeded, 4).await;
    running.stop().await;
    test_env.assert_all_succeeded(4).await;
}

#[tokio::test]
async fn an_identify_that_was_sent_before_the_pause_does_not_end_it() {
    let config = SimConfig { create_latency_ms: 150, identify_latency_ms: 350, ..quick() };
    let mut test_env = TestEnv::new(config).await;
    test_env.settings.probe_interval_ms = 3_600_000;
    test_env.fault(FaultRule::always(Endpoint::Create, refusal(1102)));
    test_env.put("a.yaml", vec![wanted("a")]).await;
    let running = test_env.start().await;
    let refused = || test_env.ledger().refused(Endpoint::Create, 1102);
    test_env.until("a create that is refused", async || refused() == 1).await;
    test_env.put("b.yaml", vec![wanted("b")]).await;
    running.nudge();
    test_env.until_state("b", State::Identified).await;
    running.stop().await;
    assert_eq!(test_env.store.pause().await.unwrap().unwrap().code, Some(1102));
    assert_eq!(refused(), 1);
}

#[tokio::test]
async fn a_probe_without_a_result_is_repeated() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(FaultRule::once(Endpoint::Create, refusal(1102)));
    // The probes are lost in other ways: the request is dropped, then refused for its own sake.
    test_env.fault(FaultRule { nth: 2, ..FaultRule::once(Endpoint::Create, Fault::DropRequest) });
    test_env.fault(FaultRule { nth: 3, ..FaultRule::once(Endpoint::Create, refusal(1300)) });
    test_env.fault(FaultRule { nth: 4, ..FaultRule::once(Endpoint::Create, refusal(1300)) });
    test_env.put("m.yaml", many("m", 8)).await;
    let running = test_env.start().await;
    test_env.until("the pause", async || test_env.store.pause().await.unwrap().is_some()).await;
    let next_probe = async || {
        let pause = test_env.store.pause().await.unwrap();
        pause.map_or(i64::MAX, |pause| pause.next_probe_at_ms.unwrap())
    };
    let first = next_probe().await;
    test_env.until("word of the next probe", async || next_probe().await > first).await;
    let is_over = async || test_env.tasks().await.iter().all(|job| job.state.is_finished());
    test_env.until("all finished", is_over).await;
    running.stop().await;
    assert!(test_env.store.count(&[State::Succeeded]).await.unwrap() >= 6);
    assert_eq!(test_env.ledger().paid_twice.external_task_ids, []);
}

#[tokio::test]
async fn a_rate_limit_slows_all_calls_and_fails_nothing() {
    let fault = Fault::Code { code: 1302, status: None, retry_after_s: Some(1), message: None };
    for call in [Endpoint::Identify, Endpoint::Create, Endpoint::List, Endpoint::Query] {
        let test_env = TestEnv::new(quick()).await;
        test_env.fault(FaultRule::once(call, fault.clone()));
        let jobs = if call == Endpoint::Query { 1 } else { 4 };
        test_env.put("m.yaml", many("m", jobs)).await;
        let began = std::time::Instant::now();
        assert_eq!(test_env.run().await, End::Idle);
        test_env.assert_all_succeeded(jobs).await;
        assert!(began.elapsed().as_millis() >= 1_000, "{call:?}: Retry-After was not honoured");
        assert!(test_env.tasks().await.iter().all(|job| job.tries == 0));
    }
}

#[tokio::test]
async fn a_1303_lowers_the_limit_and_fails_nothing() {
    let test_env = TestEnv::new(SimConfig { concurrency: 2, ..quick() }).await;
    test_env.put("m.yaml", many("m", 12)).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(12).await;
    let learnt = test_env.store.learned_slots_limit(&account()).await.unwrap().unwrap();
    assert!((2..=3).contains(&learnt), "{learnt}");
    assert!(test_env.ledger().refused(Endpoint::Create, 1303) <= 12);
}

#[tokio::test]
async fn a_1303_on_another_call_does_not_spin_and_lowers_no_limit() {
    let test_env = TestEnv::new(quick()).await;
    test_env.refuse_once(Endpoint::Identify, 1303);
    test_env.put("m.yaml", many("m", 3)).await;
    test_env.run().await;
    test_env.assert_all_succeeded(3).await;
    assert_eq!(test_env.store.learned_slots_limit(&account()).await.unwrap(), None);
    assert!(test_env.ledger().refused(Endpoint::Identify, 1303) <= 1);
}

#[tokio::test]
async fn server_errors_on_free_calls_are_waited_for() {
    for call in [Endpoint::Identify, Endpoint::List, Endpoint::Query] {
        for code in [5000, 5001, 5002] {
            let test_env = TestEnv::new(quick()).await;
            test_env.fault(FaultRule { times: Some(3), ..FaultRule::once(call, refusal(code)) });
            let jobs = if call == Endpoint::Query { 1 } else { 4 };
            test_env.put("m.yaml", many("m", jobs)).await;
            assert_eq!(test_env.run().await, End::Idle, "{call:?} {code}");
            test_env.assert_all_succeeded(jobs).await;
        }
    }
}

/// Every code of the table, and some that are not in it.
const CODES: [u16; 23] = [
    1000, 1001, 1002, 1003, 1004, 1100, 1101, 1102, 1103, 1200, 1201, 1202, 1203, 1300, 1301, 1302,
    1303, 1304, 5000, 5001, 5002, 1999, 42,
];

/// Works with two refusals by `code` of each call of this kind, until all jobs have succeeded.
async fn refused_twice(call: Endpoint, code: u16, lost: bool) {
    let test_env = TestEnv::new(quick()).await;
    test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    if lost {
        test_env.fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer));
    }
    test_env.fault(FaultRule { times: Some(2), ..FaultRule::once(call, refusal(code)) });
    let jobs = if call == Endpoint::List { 4 } else { 1 };
    test_env.put("m.yaml", many("m", jobs)).await;
    let running = test_env.start().await;
    test_env.until_count(State::Succeeded, jobs as i64).await;
    // Who cannot pay is found out by paying, and by nothing else.
    test_env.put("next.yaml", vec![wanted("next")]).await;
    running.nudge();
    test_env.until_count(State::Succeeded, jobs as i64 + 1).await;
    running.stop().await;
    test_env.assert_all_succeeded(jobs + 1).await;
    assert_eq!(test_env.store.pause().await.unwrap(), None, "{call:?} {code}");
    assert_eq!(
        test_env.store.learned_slots_limit(&account()).await.unwrap(),
        None,
        "{call:?} {code}"
    );
}

async fn each_code_twice(call: Endpoint, lost: bool) {
    futures_util::future::join_all(CODES.map(|code| refused_twice(call, code, lost))).await;
}

#[tokio::test]
async fn no_code_on_a_query_fails_what_was_paid_for() {
    each_code_twice(Endpoint::Query, false).await;
}

#[tokio::test]
async fn no_code_on_a_list_fails_what_was_paid_for() {
    each_code_twice(Endpoint::List, false).await;
}

#[tokio::test]
async fn no_code_on_a_lookup_fails_or_pays_again_what_was_paid_for() {
    each_code_twice(Endpoint::Query, true).await;
}

#[tokio::test]
async fn a_pause_survives_a_restart_and_is_probed_by_one_call() {
    for code in [1000, 1101] {
        let mut test_env = TestEnv::new(quick()).await;
        test_env.settings.probe_interval_ms = 3_600_000;
        test_env.fault(FaultRule::always(Endpoint::Any, refusal(code)));
        test_env.put("m.yaml", many("m", 6)).await;
        assert_eq!(test_env.run().await, End::Held);
        let before = test_env.store.pause().await.unwrap().unwrap();
        let asked = || -> u64 {
            test_env.ledger().calls.values().map(|it| it.refused.values().sum::<u64>()).sum()
        };
        for _ in 0..2 {
            let asked_before = asked();
            assert_eq!(test_env.run().await, End::Held, "{code}");
            let pause = test_env.store.pause().await.unwrap().unwrap();
            assert_eq!((pause.code, pause.since_ms), (before.code, before.since_ms));
            assert_eq!(asked(), asked_before + 1, "{code}");
        }
        for job in test_env.tasks().await {
            assert_eq!((job.tries, job.state.is_finished()), (0, false));
            let words = test_env.waits_for(&job.spec.key).unwrap();
            assert!(words.contains("paused") && words.contains(&code.to_string()), "{words}");
        }
    }
}

#[tokio::test]
async fn a_learned_limit_belongs_to_the_account_and_rises_again() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.slots = 3;
    test_env.store.set_slots_limit(&account(), 2).await.unwrap();
    test_env.put("m.yaml", many("m", 7)).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().at_once_max, 2);
    test_env.put("n.yaml", many("n", 9)).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.store.learned_slots_limit(&account()).await.unwrap(), Some(3));
    // Another account has learnt nothing.
    test_env.settings.account.key = "other".to_owned();
    test_env.put("o.yaml", many("o", 9)).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().at_once_max, 3);
    test_env.assert_all_succeeded(25).await;
}

#[tokio::test]
async fn a_failed_task_fails_its_job_with_the_message_of_kling() {
    let test_env = TestEnv::new(quick()).await;
    let failing = crate::support::with("m/a", |spec| {
        let url = "https://cdn.example/v.mp4?duration_ms=9000&fail=no%20face%20moves";
        spec.video = lipsyncd::job::Source::Url(url.into());
    });
    test_env.put("m.yaml", vec![failing, wanted("m/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    let failure = test_env.task("m/a").await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("task_failed", "no face moves"));
    assert_eq!(test_env.state("m/b").await, State::Succeeded);
}
