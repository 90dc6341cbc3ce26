//! `lipsyncd resolve`: a person decides, from `creating` and from `unresolved`, and is warned of what pays twice.

use lipsyncd::sim::{Call, Fault, FaultRule, Sim, SimConfig};

use super::env::{
    HASTY, ask_for, done, house, lenient, lose_creates, refused, slots_used, task_of,
    until_delivered, until_printed,
};
use crate::support::{
    daemon::{House, Timeouts},
    switches::Switches as _,
};

/// As `BRISK`, and a request that was lost stays open for long.
const OPEN: Timeouts = Timeouts { request: "600ms", settle: "1h", give_up: "24h" };
/// The states in which the outcome of a create request is unknown.
const STATES: [&str; 2] = ["creating", "unresolved"];

/// A job whose create request was lost while lookups fail: by name only, or also by list.
fn lost(state: &str, accepted: bool, lists_fail: bool) -> House {
    let timeouts = if state == "creating" { &OPEN } else { &HASTY };
    let mut house = house(lenient(), 1, timeouts);
    lose_creates(&house, 1, accepted);
    house.sim.fail_lookups(true, false);
    if lists_fail {
        // The list is read once before the create request is sent.
        let busy =
            Fault::Code { code: 5002, status: Some(503), retry_after_s: None, message: None };
        let matching = Some("pageSize=500".to_owned());
        house.sim.fault(FaultRule { nth: 2, matching, ..FaultRule::always(Call::List, busy) });
    }
    ask_for(&house, &["x"]);
    house.start();
    match state {
        "creating" => until_printed(&house, "x", &[state, "sent once", "next lookup"]),
        _ => until_printed(&house, "x", &[state]),
    }
    house
}

fn answer_lookups(house: &House) {
    house.sim.control(Sim::clear_faults);
    house.sim.fail_lookups(false, false);
}

#[test]
fn task_is_named_by_a_person() {
    for state in STATES {
        let house = lost(state, true, true);
        done(&house, &["resolve", "x", "--task", &task_of(&house, "x").task_id]);
        until_delivered(&house, &["x"]);
        house.sim.assert_requests(1);
    }
}

#[test]
fn resend_is_refused_while_the_list_shows_the_task() {
    for state in STATES {
        let house = lost(state, true, false);
        let own = task_of(&house, "x").task_id;
        house.until("the list to be read", |house| {
            house.run(&["show", "x"]).out.contains(&format!("--task {own}"))
        });
        refused(&house, &["resolve", "x", "--resend"], &[&own, "paid twice", "--yes"]);
        assert_eq!(house.state("x"), state);
        done(&house, &["resolve", "x", "--task", &own]);
        until_delivered(&house, &["x"]);
        house.sim.assert_requests(1);
    }
}

#[test]
fn resend_is_refused_while_the_list_was_not_read() {
    for state in STATES {
        let house = lost(state, false, true);
        refused(
            &house,
            &["resolve", "x", "--resend"],
            &[if state == "creating" { "still looks it up" } else { "list" }, "--yes"],
        );
        assert_eq!(house.state("x"), state);
        done(&house, &["resolve", "x", "--resend", "--yes"]);
        answer_lookups(&house);
        until_delivered(&house, &["x"]);
        house.sim.assert_requests(1);
    }
}

#[test]
fn resend_is_done_once_the_list_shows_that_nothing_could_be_it() {
    for state in STATES {
        let house = lost(state, false, false);
        house.until("the list to be read", |house| {
            house.run(&["show", "x"]).out.contains("No task of the account could be it")
        });
        if state == "creating" {
            // It would be sent again without anybody's help.
            refused(&house, &["resolve", "x", "--resend"], &["still looks it up", "--yes"]);
            done(&house, &["resolve", "x", "--resend", "--yes"]);
        } else {
            done(&house, &["resolve", "x", "--resend"]);
        }
        answer_lookups(&house);
        until_delivered(&house, &["x"]);
        house.sim.assert_requests(1);
    }
}

/// The list that a person saw may be old: it is read again when the create request has its turn.
#[test]
fn resend_is_taken_back_if_the_list_shows_the_task_by_then() {
    let mut house = lost("unresolved", true, true);
    house.kill();
    // The database says that the list was read, and showed none.
    let database = rusqlite::Connection::open(house.path("lipsyncd.db")).unwrap();
    database.execute("UPDATE task SET listed_at_ms = 1", []).unwrap();
    drop(database);
    done(&house, &["resolve", "x", "--resend"]);
    house.sim.control(Sim::clear_faults);
    house.sim.fail_lookups(false, false);
    house.sim.answer_names(false);
    house.start();
    let own = task_of(&house, "x").task_id;
    until_printed(&house, "x", &["unresolved", &own]);
    house.sim.assert_requests(1);
    done(&house, &["resolve", "x", "--task", &own]);
    until_delivered(&house, &["x"]);
    house.sim.assert_requests(1);
}

#[test]
fn resend_with_yes_still_adopts_a_task_that_kling_names() {
    for state in STATES {
        let house = lost(state, true, true);
        done(&house, &["resolve", "x", "--resend", "--yes"]);
        answer_lookups(&house);
        until_delivered(&house, &["x"]);
        house.sim.assert_requests(1);
    }
}

#[test]
fn resend_with_yes_adopts_a_task_that_only_the_list_names() {
    let config = SimConfig { answers_external_lookups: false, ..lenient() };
    let mut house = house(config, 1, &HASTY);
    lose_creates(&house, 1, true);
    ask_for(&house, &["x"]);
    house.start();
    house.until_state("x", "unresolved");
    house.kill();
    house.sim.show_names(false, true);
    done(&house, &["resolve", "x", "--resend", "--yes"]);
    house.start();
    until_delivered(&house, &["x"]);
    house.sim.assert_requests(1);
}

#[test]
fn slot_is_free_and_nothing_else_decides_an_unresolved_job() {
    let house = lost("unresolved", true, true);
    assert_eq!(slots_used(&house), 0);
    for arguments in [&["cancel", "x"][..], &["retry", "x", "--yes"]] {
        refused(&house, arguments, &["is unresolved", "lipsyncd resolve x --task ID | --resend"]);
    }
    refused(&house, &["resolve", "unknown", "--resend"], &["no job is called `unknown`"]);
    house.sim.assert_requests(1);
}
