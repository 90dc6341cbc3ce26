//! Kling refuses a create request because its name is taken: the task exists, and is found or left to a person.

use lipsyncd::sim::{DuplicateNameError, Endpoint, Fault, FaultRule, Lags, SimConfig};

use super::env::{
    HASTY, assert_delivered, done, lenient, refused, slots_used, test_env, until_all, until_printed,
};
use crate::support::{
    daemon::{BRISK, TestEnv, job_of},
    switches::Switches as _,
};

/// Longer than `create_settle`, and shorter than two times that: the request is sent again before the list shows
/// the task.
const LISTED_AFTER_MS: i64 = 1_300;
const SLOTS: u32 = 20;

/// Each job is accepted and its answer is lost; a second send is refused in these words. The account answers no
/// lookups by name, and would accept a third send.
fn refused_twice(list_shows_external_ids: bool) -> (TestEnv, Vec<String>) {
    let config = SimConfig {
        answers_external_lookups: false,
        list_shows_external_ids,
        lags: Lags { list_ms: Some(LISTED_AFTER_MS), ..Lags::default() },
        concurrency: SLOTS as usize,
        ..lenient()
    };
    let mut test_env = test_env(config, SLOTS, &BRISK);
    let mut keys = Vec::new();
    for (n, DuplicateNameError { code, message }) in DuplicateNameError::all().enumerate() {
        let key = format!("taken-{n:02}");
        // The address of the audio is part of the body.
        let on = |nth, fault| FaultRule {
            nth,
            matching: Some(format!("/{key}.mp3")),
            ..FaultRule::once(Endpoint::Create, fault)
        };
        test_env.sim.fault(on(1, Fault::LoseAnswer));
        let message = Some(message.replace("{}", "lipsyncd-0"));
        test_env.sim.fault(on(2, Fault::Code { code, status: None, retry_after_s: None, message }));
        let text = job_of(&key).replace("/a.mp3", &format!("/{key}.mp3"));
        test_env.drop_in_old(&format!("{key}.yaml"), text);
        keys.push(key);
    }
    test_env.start();
    (test_env, keys)
}

#[test]
fn task_that_the_list_names_is_adopted_whatever_the_words() {
    let (test_env, keys) = refused_twice(true);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    until_all(&test_env, &keys, "succeeded");
    test_env.sim.assert_requests(keys.len());
    let refusals = test_env.ledger().faults.get("code").copied().unwrap_or_default();
    assert!(refusals <= keys.len() as u64, "{refusals}");
    for task in test_env.ledger().tasks {
        let key = keys.iter().find(|key| task.video.contains(**key)).unwrap();
        assert_delivered(&test_env, key, &task);
    }
}

#[test]
fn task_that_the_list_does_not_name_is_left_to_a_person() {
    let (test_env, keys) = refused_twice(false);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    until_all(&test_env, &keys, "unresolved");
    assert_eq!(slots_used(&test_env), 0);
    test_env.sim.assert_requests(keys.len());
    for task in test_env.ledger().tasks {
        let key = keys.iter().find(|key| task.video.contains(**key)).unwrap();
        refused(&test_env, &["resolve", key, "--resend"], &[&task.task_id]);
        done(&test_env, &["resolve", key, "--task", &task.task_id]);
    }
    until_all(&test_env, &keys, "succeeded");
    test_env.sim.assert_requests(keys.len());
}

#[test]
fn first_request_whose_name_is_taken_is_not_sent_again_and_again() {
    // Another database has created the task. For `give_up_after` it is not shown by its name or by the list.
    for DuplicateNameError { code, message } in [
        DuplicateNameError { code: 1201, message: "external_task_id is occupied" },
        DuplicateNameError {
            code: 1201, message: "external_task_id 已被占用，请勿重复提交"
        },
        DuplicateNameError { code: 1203, message: "external_task_id {} already exists" },
    ] {
        let config = SimConfig {
            answers_external_lookups: false,
            lags: Lags { list_ms: Some(600_000), ..Lags::default() },
            ..lenient()
        };
        let mut test_env = test_env(config, 1, &HASTY);
        let message = Some(message.to_owned());
        let refusal = Fault::Code { code, status: None, retry_after_s: None, message };
        test_env.sim.fault(FaultRule::always(Endpoint::Create, refusal));
        test_env.drop_in_old("x.yaml", job_of("x"));
        test_env.start();
        until_printed(&test_env, "x", &["unresolved"]);
        assert_eq!(slots_used(&test_env), 0);
        let shown = done(&test_env, &["show", "x"]).out;
        let words = "Kling says that a task of this name exists, and does not show it yet";
        assert!(shown.contains(words), "{shown}");
        assert_eq!(test_env.ledger().faults["code"], 1, "sent once");
        test_env.sim.assert_requests(0);
    }
}
