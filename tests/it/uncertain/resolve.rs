//! `lipsyncd resolve`: a person decides, in `creating` and in `unresolved`, and is warned before paying twice.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, Sim, SimConfig};

use super::env::{
    HASTY, ask_for, done, lenient, lose_creates, refused, slots_used, task_of, test_env,
    until_delivered, until_printed,
};
use crate::support::{
    daemon::{TestEnv, Timeouts},
    switches::Switches as _,
};

/// As `BRISK`, but a lost request stays open for long.
const OPEN: Timeouts = Timeouts { request: "600ms", settle: "1h", give_up: "24h" };
/// The states in which the outcome of a create request is unknown.
const STATES: [&str; 2] = ["creating", "unresolved"];

/// A job whose create request was lost while lookups fail: by name only, or also by list.
fn lost(state: &str, accepted: bool, lists_fail: bool) -> TestEnv {
    let timeouts = if state == "creating" { &OPEN } else { &HASTY };
    let mut test_env = test_env(lenient(), 1, timeouts);
    lose_creates(&test_env, 1, accepted);
    test_env.sim.fail_lookups(true, false);
    if lists_fail {
        // The list is read once before the create request is sent.
        let busy =
            Fault::Code { code: 5002, status: Some(503), retry_after_s: None, message: None };
        let matching = Some("pageSize=500".to_owned());
        test_env.sim.fault(FaultRule {
            nth: 2,
            matching,
            ..FaultRule::always(Endpoint::List, busy)
        });
    }
    ask_for(&test_env, &["x"]);
    test_env.start();
    match state {
        "creating" => {
            until_printed(&test_env, "x", &[state, "sent once", "checking whether Kling accepted"])
        }
        _ => until_printed(&test_env, "x", &[state]),
    }
    test_env
}

fn answer_lookups(test_env: &TestEnv) {
    // At once: if only the list answered, which shows no names, the daemon would send again.
    test_env.sim.control(|sim| {
        sim.clear_faults();
        sim.config_mut().name_queries_fail = false;
    });
}

#[test]
fn task_is_named_by_a_person() {
    for state in STATES {
        let test_env = lost(state, true, true);
        done(&test_env, &["resolve", "x", "--task", &task_of(&test_env, "x").task_id]);
        until_delivered(&test_env, &["x"]);
        test_env.sim.assert_requests(1);
    }
}

#[test]
fn resend_is_refused_while_the_list_shows_the_task() {
    for state in STATES {
        let test_env = lost(state, true, false);
        let own = task_of(&test_env, "x").task_id;
        test_env.until("the list to be read", |test_env| {
            test_env.run(&["show", "x"]).out.contains(&format!("--task {own}"))
        });
        refused(&test_env, &["resolve", "x", "--resend"], &[&own, "pay twice", "--yes"]);
        assert_eq!(test_env.state("x"), state);
        done(&test_env, &["resolve", "x", "--task", &own]);
        until_delivered(&test_env, &["x"]);
        test_env.sim.assert_requests(1);
    }
}

#[test]
fn resend_is_refused_while_the_list_was_not_read() {
    for state in STATES {
        let test_env = lost(state, false, true);
        refused(
            &test_env,
            &["resolve", "x", "--resend"],
            &[if state == "creating" { "still checks" } else { "list" }, "--yes"],
        );
        assert_eq!(test_env.state("x"), state);
        done(&test_env, &["resolve", "x", "--resend", "--yes"]);
        answer_lookups(&test_env);
        until_delivered(&test_env, &["x"]);
        test_env.sim.assert_requests(1);
    }
}

#[test]
fn resend_is_done_once_the_list_shows_that_nothing_could_be_it() {
    for state in STATES {
        let test_env = lost(state, false, false);
        test_env.until("the list to be read", |test_env| {
            test_env.run(&["show", "x"]).out.contains("No task of the account can be")
        });
        if state == "creating" {
            // It would be sent again without anybody's help.
            refused(&test_env, &["resolve", "x", "--resend"], &["still checks", "--yes"]);
            done(&test_env, &["resolve", "x", "--resend", "--yes"]);
        } else {
            done(&test_env, &["resolve", "x", "--resend"]);
        }
        answer_lookups(&test_env);
        until_delivered(&test_env, &["x"]);
        test_env.sim.assert_requests(1);
    }
}

/// The list that a person saw may be old: it is read again before the create request is sent.
#[test]
fn resend_is_taken_back_if_the_list_shows_the_task_by_then() {
    let mut test_env = lost("unresolved", true, true);
    test_env.kill();
    // According to the database, the list was read and showed no task.
    let database = rusqlite::Connection::open(test_env.path("lipsyncd.db")).unwrap();
    database.execute("UPDATE task SET listed_at_ms = 1", []).unwrap();
    drop(database);
    done(&test_env, &["resolve", "x", "--resend"]);
    test_env.sim.control(Sim::clear_faults);
    test_env.sim.fail_lookups(false, false);
    test_env.sim.answer_names(false);
    test_env.start();
    let own = task_of(&test_env, "x").task_id;
    until_printed(&test_env, "x", &["unresolved", &own]);
    test_env.sim.assert_requests(1);
    done(&test_env, &["resolve", "x", "--task", &own]);
    until_delivered(&test_env, &["x"]);
    test_env.sim.assert_requests(1);
}

#[test]
fn resend_with_yes_still_adopts_a_task_that_kling_names() {
    for state in STATES {
        let mut test_env = lost(state, true, true);
        // A lookup in progress may have asked for the name before, and would read the list afterwards.
        test_env.kill();
        done(&test_env, &["resolve", "x", "--resend", "--yes"]);
        answer_lookups(&test_env);
        test_env.start();
        until_delivered(&test_env, &["x"]);
        test_env.sim.assert_requests(1);
    }
}

#[test]
fn resend_with_yes_adopts_a_task_that_only_the_list_names() {
    let config = SimConfig { answers_external_lookups: false, ..lenient() };
    let mut test_env = test_env(config, 1, &HASTY);
    lose_creates(&test_env, 1, true);
    ask_for(&test_env, &["x"]);
    test_env.start();
    test_env.until_state("x", "unresolved");
    test_env.kill();
    test_env.sim.show_names(false, true);
    done(&test_env, &["resolve", "x", "--resend", "--yes"]);
    test_env.start();
    until_delivered(&test_env, &["x"]);
    test_env.sim.assert_requests(1);
}

#[test]
fn slot_is_free_and_nothing_else_decides_an_unresolved_job() {
    let test_env = lost("unresolved", true, true);
    assert_eq!(slots_used(&test_env), 0);
    for arguments in [&["cancel", "x"][..], &["retry", "x", "--yes"]] {
        refused(
            &test_env,
            arguments,
            &["is unresolved", "lipsyncd resolve x --task ID | --resend"],
        );
    }
    refused(&test_env, &["resolve", "unknown", "--resend"], &["no job is called `unknown`"]);
    test_env.sim.assert_requests(1);
}
