//! A create request is refused because its session is gone, in whatever words: the video is identified again, once.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, Lags, SessionGoneError, SimConfig};

use super::env::{
    assert_names, done, lenient, slots_used, task_of, test_env, until_delivered, until_printed,
};
use crate::support::{
    daemon::{BRISK, TestEnv, job_of},
    switches::Switches as _,
};

fn refusal(SessionGoneError { code, message }: SessionGoneError) -> Fault {
    let message = Some(message.replace("{}", "850000000000000001"));
    Fault::Code { code, status: None, retry_after_s: None, message }
}

/// Only the create requests for this job's audio.
fn rule_of(key: &str, fault: Fault) -> FaultRule {
    FaultRule { matching: Some(format!("/{key}.mp3")), ..FaultRule::once(Endpoint::Create, fault) }
}

fn ask_for(test_env: &TestEnv, key: &str) {
    let text = job_of(key).replace("/a.mp3", &format!("/{key}.mp3"));
    test_env.drop_in_old(&format!("{key}.yaml"), text);
}

fn identified(test_env: &TestEnv) -> u64 {
    test_env.ledger().accepted(Endpoint::Identify)
}

#[test]
fn video_is_identified_again_whatever_the_words() {
    let mut test_env = test_env(lenient(), 5, &BRISK);
    let keys: Vec<String> =
        (0..SessionGoneError::all().count()).map(|n| format!("stale-{n:02}")).collect();
    for (key, gone) in keys.iter().zip(SessionGoneError::all()) {
        test_env.sim.fault(rule_of(key, refusal(gone)));
        ask_for(&test_env, key);
    }
    test_env.start();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    until_delivered(&test_env, &keys);
    test_env.sim.assert_requests(keys.len());
    assert_eq!(identified(&test_env), 2 * keys.len() as u64);
}

#[test]
fn second_refusal_fails_the_job_and_a_retry_uses_neither_session() {
    for gone in SessionGoneError::all() {
        let mut test_env = test_env(lenient(), 1, &BRISK);
        test_env.sim.fault(FaultRule {
            times: Some(2),
            ..FaultRule::once(Endpoint::Create, refusal(gone))
        });
        ask_for(&test_env, "x");
        test_env.start();
        until_printed(&test_env, "x", &["failed", &format!("code {}", gone.code)]);
        assert_eq!((identified(&test_env), slots_used(&test_env)), (2, 0), "{gone:?}");
        assert_eq!(test_env.ledger().faults["code"], 2);
        // Also across a restart.
        test_env.kill();
        done(&test_env, &["retry", "x", "--yes"]);
        test_env.start();
        until_delivered(&test_env, &["x"]);
        assert_eq!(identified(&test_env), 3, "{gone:?}");
        // The simulator's ids of sessions count up.
        assert!(task_of(&test_env, "x").session_id.ends_with('3'));
        test_env.sim.assert_requests(1);
    }
}

#[test]
fn refused_session_is_not_used_after_a_restart() {
    let mut test_env = test_env(lenient(), 1, &BRISK);
    let gone = SessionGoneError { code: 1203, message: "analysis of this video is stale" };
    test_env.sim.fault(FaultRule::once(Endpoint::Create, refusal(gone)));
    let lost = FaultRule { nth: 2, ..FaultRule::always(Endpoint::Identify, Fault::DropRequest) };
    test_env.sim.fault(lost);
    ask_for(&test_env, "x");
    test_env.start();
    until_printed(&test_env, "x", &["queued", "failed: the connection"]);
    test_env.kill();
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    test_env.start();
    until_delivered(&test_env, &["x"]);
    assert_eq!(identified(&test_env), 2);
    assert!(task_of(&test_env, "x").session_id.ends_with('2'));
    test_env.sim.assert_requests(1);
}

/// Other jobs of the video use the new session.
#[test]
fn jobs_of_one_video_share_the_new_session() {
    let mut test_env = test_env(lenient(), 1, &BRISK);
    let gone = SessionGoneError { code: 1201, message: "analysis of this video is stale" };
    test_env.sim.fault(FaultRule::once(Endpoint::Create, refusal(gone)));
    for key in ["a", "b", "c"] {
        let text = job_of("one").replace("/a.mp3", &format!("/{key}.mp3"));
        test_env.drop_in_old(&format!("{key}.yaml"), text);
    }
    test_env.start();
    for key in ["a", "b", "c"] {
        test_env.until_state(key, "succeeded");
    }
    assert_eq!(identified(&test_env), 2);
    test_env.sim.assert_requests(3);
}

/// The first send was accepted and is not shown yet. The refusal of the second one, in words that could be about the
/// session, may mean that the name is taken: nothing is sent a third time.
#[test]
fn refusal_of_a_second_send_identifies_nothing_again() {
    let config = SimConfig {
        list_shows_external_ids: true,
        lags: Lags { by_name_ms: Some(600_000), list_ms: Some(1_300), ..Lags::default() },
        ..lenient()
    };
    let mut test_env = test_env(config, 1, &BRISK);
    test_env.sim.fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer));
    let words = SessionGoneError { code: 1201, message: "Duplicate submission" };
    let again = FaultRule { nth: 2, ..FaultRule::once(Endpoint::Create, refusal(words)) };
    test_env.sim.fault(again);
    ask_for(&test_env, "x");
    test_env.start();
    until_delivered(&test_env, &["x"]);
    assert_eq!(identified(&test_env), 1);
    assert_names(&test_env, 1);
}

/// The account answers no lookups by name, and its list shows a task that could be this one: the refusal may mean that
/// the name is taken.
#[test]
fn refusal_fails_the_job_at_once_where_the_list_shows_a_task_that_could_be_it() {
    let config = SimConfig { answers_external_lookups: false, ..lenient() };
    let mut test_env = test_env(config, 1, &BRISK);
    ask_for(&test_env, "x");
    test_env.start();
    until_delivered(&test_env, &["x"]);
    super::env::lose_database(&mut test_env);
    super::env::lose_results(&test_env);
    // The list shows the task only after the first create request was refused.
    test_env.sim.lag(Lags { list_ms: Some(600_000), ..Lags::default() });
    let words = SessionGoneError { code: 1203, message: "Duplicate submission" };
    test_env.sim.fault(FaultRule::always(Endpoint::Create, refusal(words)));
    test_env.start();
    test_env.until("the refusal", |test_env| test_env.ledger().faults.contains_key("code"));
    test_env.sim.lag(Lags::default());
    until_printed(&test_env, "x", &["failed", "Duplicate submission"]);
    assert_names(&test_env, 1);
}
