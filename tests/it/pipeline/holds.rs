//! What holds the queue: the daily budget, a person's pause, the rate limits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lipsyncd::{
    job::State,
    pipeline::{End, Heartbeat, Until},
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::{Pause, PauseKind, Reader},
};

use tokio_util::sync::CancellationToken;

use crate::support::{TestEnv, many, quick, wanted};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn the_daily_budget_holds_new_tasks_until_the_next_day() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.slots = 2;
    // A task costs 2, an identify 0.05.
    test_env.settings.caps.units_micro = Some(9_000_000);
    test_env.put("m.yaml", many("m", 12)).await;
    assert_eq!(test_env.run().await, End::Held);
    let spent = test_env.store.budget_numbers(test_env.now_ms()).await.unwrap().spent.units_micro;
    assert!((7_000_000..=9_000_000).contains(&spent), "{spent}"); // One more would be above it.
    let waiting = test_env.tasks().await.into_iter().find(|job| !job.state.is_finished()).unwrap();
    let words = test_env.waits_for(&waiting.spec.key).unwrap();
    assert!(words.contains("budget") && words.contains("units_per_day"), "{words}");
    // Started again on the same day, it holds at once.
    let tasks = test_env.ledger().tasks.len();
    assert_eq!(test_env.run().await, End::Held);
    assert_eq!(test_env.ledger().tasks.len(), tasks);

    test_env.settings.caps.units_micro = Some(90_000_000);
    test_env.set_ahead(DAY_MS);
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(12).await;
}

#[tokio::test]
async fn a_new_day_ends_the_hold_of_a_running_queue() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.slots = 1;
    test_env.settings.caps.units_micro = Some(4_200_000);
    test_env.put("m.yaml", many("m", 3)).await;
    let running = test_env.start().await;
    test_env
        .until("the hold", async || {
            let unfinished = test_env.tasks().await.into_iter().find(|job| job.state.is_unsent());
            let words = unfinished.and_then(|job| test_env.waits_for(&job.spec.key));
            words.is_some_and(|words| words.contains("budget"))
        })
        .await;
    test_env.set_ahead(DAY_MS);
    running.nudge();
    test_env.until_count(State::Succeeded, 3).await;
    running.stop().await;
}

#[tokio::test]
async fn the_end_of_the_first_scan_needs_no_wake_up() {
    let mut test_env = TestEnv::new(SimConfig { task_ms: (600_000, 600_000), ..quick() }).await;
    test_env.put("a.yaml", vec![wanted("a")]).await;
    let running = test_env.start().await;
    test_env.until_state("a", State::Processing).await;
    running.stop().await;
    test_env.put("b.yaml", vec![wanted("b")]).await;
    test_env.settings.is_scanned = Arc::default();
    let more = Arc::new(AtomicBool::new(true));
    let (nudge, stop) = (Arc::default(), CancellationToken::new());
    let pipeline = test_env.pipeline().await;
    let running = pipeline.run(nudge, stop, Until::Idle, Arc::clone(&more), Heartbeat::NONE);
    let running = tokio::spawn(running);
    let polls = || test_env.ledger().accepted(Endpoint::Query);
    let before = polls();
    test_env.until("a poll", async || polls() > before).await;
    test_env.settings.is_scanned.store(true, Ordering::Release);
    more.store(false, Ordering::Release);
    test_env.sim.control(|sim| sim.config_mut().task_ms = (50, 50));
    test_env.sim.advance(Duration::from_secs(601));
    assert_eq!(running.await.unwrap().unwrap(), End::Idle);
    test_env.assert_all_succeeded(2).await;
}

#[tokio::test]
async fn all_done_is_idle_even_when_the_last_job_spent_the_budget() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.caps.units_micro = Some(1_000_000);
    test_env.put("m.yaml", many("m", 1)).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

fn by_person() -> Option<Pause> {
    let (kind, reason) = (PauseKind::Person, "lipsyncd pause".to_owned());
    Some(Pause { kind, reason, code: None, since_ms: 1, next_probe_at_ms: None })
}

#[tokio::test]
async fn a_persons_pause_stops_paid_calls_and_nothing_but_a_person_ends_it() {
    let test_env = TestEnv::new(SimConfig { task_ms: (600_000, 600_000), ..quick() }).await;
    test_env.put("m.yaml", many("m", 8)).await;
    let running = test_env.start().await;
    test_env.until_count(State::Processing, 5).await;
    test_env.store.set_pause(by_person()).await.unwrap();
    running.nudge();
    test_env.sim.advance(Duration::from_secs(601));
    test_env.until_count(State::Succeeded, 5).await;
    assert_eq!(test_env.ledger().tasks.len(), 5);
    // Neither a probe nor a start ends it.
    test_env.refuse_once(Endpoint::List, 1000);
    running.nudge();
    running.stop().await;
    assert_eq!(test_env.run().await, End::Held);
    assert_eq!(test_env.store.pause().await.unwrap(), by_person());
    test_env.store.set_pause(None).await.unwrap();
    test_env.sim.control(|sim| sim.config_mut().task_ms = (20, 20));
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(8).await;
}

#[tokio::test]
async fn a_person_who_pauses_while_the_api_has_paused_is_not_overruled_by_a_probe() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.probe_interval_ms = 50;
    test_env.fault(FaultRule::always(Endpoint::Any, crate::support::refusal(1000)));
    test_env.put("m.yaml", many("m", 2)).await;
    let running = test_env.start().await;
    test_env.until("a pause", async || test_env.store.pause().await.unwrap().is_some()).await;
    // Without a nudge: the pipeline goes on with its probes.
    test_env.store.set_pause(by_person()).await.unwrap();
    let asked = test_env.ledger().refused(Endpoint::List, 1000);
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    test_env
        .until("a probe that succeeds", async || {
            test_env.ledger().accepted(Endpoint::List) > 0
                || test_env.ledger().refused(Endpoint::List, 1000) > asked + 3
        })
        .await;
    running.stop().await;
    assert_eq!(test_env.store.pause().await.unwrap(), by_person());
    assert_eq!(test_env.ledger().tasks.len(), 0);
}

#[tokio::test]
async fn a_paused_queue_without_a_probe_does_not_spin() {
    let mut test_env = TestEnv::new(SimConfig { task_ms: (700, 700), ..quick() }).await;
    test_env.settings.slots = 1;
    test_env.settings.probe_interval_ms = 10;
    test_env.put("m.yaml", many("m", 4)).await;
    let running = test_env.start().await;
    test_env.until("the slot taken", async || test_env.ledger().tasks.len() == 1).await;
    let (kind, reason) = (PauseKind::Account, "arrears".to_owned());
    let pause = Pause { kind, reason, code: Some(1101), since_ms: 1, next_probe_at_ms: None };
    test_env.store.set_pause(Some(pause)).await.unwrap();
    let cpu_ms = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap())
    };
    let before_ms = cpu_ms();
    running.nudge();
    test_env.until_count(State::Succeeded, 1).await;
    // The task lasts 700 ms; a loop that spins burns nearly all of them in this very thread.
    assert!(cpu_ms() - before_ms < 450, "{} ms of CPU", cpu_ms() - before_ms);
    test_env.until_count(State::Succeeded, 4).await;
    running.stop().await;
}

#[tokio::test]
async fn an_outage_is_reported_once_for_the_queue_until_the_api_answers() {
    let test_env = TestEnv::new(quick()).await;
    for call in [Endpoint::Identify, Endpoint::List, Endpoint::Query] {
        test_env.fault(FaultRule::always(call, Fault::Html { status: 502 }));
    }
    test_env.put("m.yaml", many("m", 20)).await;
    let running = test_env.start().await;
    let trouble = || {
        let reader = Reader::open(test_env.store.path()).unwrap();
        reader.queue_status(test_env.now_ms()).unwrap().api_problem
    };
    test_env.until("the trouble to be reported", async || trouble().is_some()).await;
    let (first, since_ms) = (trouble().unwrap().reason, trouble().unwrap().since_ms);
    assert!(first.contains("502"), "{first}");
    // Whoever has not failed itself waits for the API.
    let unreached = "the API gives no usable answer";
    test_env
        .until("a job to say so", async || {
            test_env.tasks().await.iter().any(|job| {
                test_env.waits_for(&job.spec.key).is_some_and(|is| is.contains(unreached))
            })
        })
        .await;
    assert_eq!(trouble().unwrap().since_ms, since_ms, "it is written once");
    test_env.clear_faults();
    test_env.until_count(State::Succeeded, 20).await;
    assert_eq!(trouble(), None);
    running.stop().await;
    test_env.assert_all_succeeded(20).await;
}
