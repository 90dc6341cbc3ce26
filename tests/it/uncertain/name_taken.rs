//! Kling refuses a create request because its name is taken: the task exists, and is found or left to a person.

use lipsyncd::sim::{Call, Fault, FaultRule, KnownName, Lags, SimConfig};

use super::env::{
    HASTY, assert_delivered, done, house, lenient, refused, slots_used, until_all, until_printed,
};
use crate::support::{
    daemon::{BRISK, House, job_of},
    switches::Switches as _,
};

/// Longer than `create_settle`, and shorter than two times that: the request is sent again before the list shows
/// the task.
const LISTED_AFTER_MS: i64 = 1_300;
const SLOTS: u32 = 20;

/// Each job is accepted and its answer is lost; a second send is refused in these words. The account answers no
/// lookups by name, and would accept a third send.
fn refused_twice(list_shows_external_ids: bool) -> (House, Vec<String>) {
    let config = SimConfig {
        answers_external_lookups: false,
        list_shows_external_ids,
        lags: Lags { list_ms: Some(LISTED_AFTER_MS), ..Lags::default() },
        concurrency: SLOTS as usize,
        ..lenient()
    };
    let mut house = house(config, SLOTS, &BRISK);
    let mut keys = Vec::new();
    for (n, KnownName { code, message }) in KnownName::all().enumerate() {
        let key = format!("taken-{n:02}");
        // The address of the audio is part of the body.
        let on = |nth, fault| FaultRule {
            nth,
            matching: Some(format!("/{key}.mp3")),
            ..FaultRule::once(Call::Create, fault)
        };
        house.sim.fault(on(1, Fault::LoseAnswer));
        let message = Some(message.replace("{}", "lipsyncd-0"));
        house.sim.fault(on(2, Fault::Code { code, status: None, retry_after_s: None, message }));
        let text = job_of(&key).replace("/a.mp3", &format!("/{key}.mp3"));
        house.drop_in_old(&format!("{key}.yaml"), text);
        keys.push(key);
    }
    house.start();
    (house, keys)
}

#[test]
fn task_that_the_list_names_is_adopted_whatever_the_words() {
    let (house, keys) = refused_twice(true);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    until_all(&house, &keys, "succeeded");
    house.sim.assert_requests(keys.len());
    let refusals = house.ledger().faults.get("code").copied().unwrap_or_default();
    assert!(refusals <= keys.len() as u64, "{refusals}");
    for task in house.ledger().tasks {
        let key = keys.iter().find(|key| task.video.contains(**key)).unwrap();
        assert_delivered(&house, key, &task);
    }
}

#[test]
fn task_that_the_list_does_not_name_is_left_to_a_person() {
    let (house, keys) = refused_twice(false);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    until_all(&house, &keys, "unresolved");
    assert_eq!(slots_used(&house), 0);
    house.sim.assert_requests(keys.len());
    for task in house.ledger().tasks {
        let key = keys.iter().find(|key| task.video.contains(**key)).unwrap();
        refused(&house, &["resolve", key, "--resend"], &[&task.task_id]);
        done(&house, &["resolve", key, "--task", &task.task_id]);
    }
    until_all(&house, &keys, "succeeded");
    house.sim.assert_requests(keys.len());
}

#[test]
fn first_request_whose_name_is_taken_is_not_sent_again_and_again() {
    // Another database has created the task, and neither the name nor the list shows it for `give_up_after`.
    for KnownName { code, message } in [
        KnownName { code: 1201, message: "external_task_id is occupied" },
        KnownName { code: 1203, message: "external_task_id {} already exists" },
    ] {
        let config = SimConfig {
            answers_external_lookups: false,
            lags: Lags { list_ms: Some(600_000), ..Lags::default() },
            ..lenient()
        };
        let mut house = house(config, 1, &HASTY);
        let message = Some(message.to_owned());
        let refusal = Fault::Code { code, status: None, retry_after_s: None, message };
        house.sim.fault(FaultRule::always(Call::Create, refusal));
        house.drop_in_old("x.yaml", job_of("x"));
        house.start();
        until_printed(&house, "x", &["unresolved"]);
        assert_eq!(slots_used(&house), 0);
        let shown = done(&house, &["show", "x"]).out;
        assert!(shown.contains("a task of this name exists"), "{shown}");
        assert_eq!(house.ledger().faults["code"], 1, "sent once");
        house.sim.assert_requests(0);
    }
}
