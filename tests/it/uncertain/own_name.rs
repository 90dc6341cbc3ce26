//! An `external_task_id` of one's own: a task of that name that can be the job's own is adopted, or put before a
//! person, whatever this machine's clock says.

use lipsyncd::sim::{Call, Fault, FaultRule, SimConfig};
use serde_json::json;

use super::env::{
    assert_delivered, done, house, lenient, lose_creates, lose_database, lose_results, refused,
    slots_used,
};
use crate::support::{
    daemon::{BRISK, House, job_of},
    switches::Switches as _,
};

const HOUR_MS: i64 = 3_600_000;

fn own(name: &str) -> String {
    format!("{}external_task_id: mine\n", job_of(name))
}

/// A job with a name of its own; this machine's clock is ahead of the API's.
fn ahead(ahead_ms: i64, more: SimConfig) -> House {
    let house = house(SimConfig { clock_offset_ms: -ahead_ms, ..more }, 5, &BRISK);
    house.drop_in_old("x.yaml", own("x"));
    house
}

/// Queries show no video.
fn hide_videos(house: &House) {
    let with = json!({"data": {"task_info": {"parent_video": null}}});
    house.sim.fault(FaultRule::always(Call::Query, Fault::Patch { with }));
}

fn assert_adopted(house: &House) {
    house.until_state("x", "succeeded");
    house.sim.assert_requests(1);
    assert_delivered(house, "x", &house.ledger().tasks[0]);
}

#[test]
fn lost_answer_is_found_by_a_clock_that_is_an_hour_ahead() {
    for hides_videos in [false, true] {
        let mut house = ahead(HOUR_MS, lenient());
        lose_creates(&house, 1, true);
        if hides_videos {
            hide_videos(&house);
        }
        house.start();
        assert_adopted(&house);
    }
}

#[test]
fn task_is_found_after_the_database_was_lost() {
    for ahead_ms in [0, HOUR_MS] {
        let mut house = ahead(ahead_ms, lenient());
        house.start();
        house.until_state("x", "succeeded");
        lose_database(&mut house);
        lose_results(&house);
        house.start();
        assert_adopted(&house);
    }
}

#[test]
fn result_on_disk_is_recognised_after_the_database_was_lost() {
    let mut house = ahead(HOUR_MS, SimConfig { answers_external_lookups: false, ..lenient() });
    house.start();
    house.until_state("x", "succeeded");
    lose_database(&mut house);
    house.start();
    assert_adopted(&house);
}

/// After a lost database, Kling shows another video for the task of that name.
fn undecided() -> House {
    let mut house = ahead(0, lenient());
    house.start();
    house.until_state("x", "succeeded");
    lose_database(&mut house);
    lose_results(&house);
    house.sim.set(|config| config.shows_sent_videos = false);
    house.start();
    house.until_state("x", "unresolved");
    assert_eq!((slots_used(&house), house.ledger().tasks.len()), (0, 1));
    let shown = done(&house, &["show", "x"]).out;
    let task_id = &house.ledger().tasks[0].task_id;
    for words in ["external_task_id mine is the name of task", task_id, "another video"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("give the job another"), "{shown}");
    house
}

#[test]
fn task_that_may_be_another_is_adopted_by_a_person() {
    let house = undecided();
    done(&house, &["resolve", "x", "--task", &house.ledger().tasks[0].task_id]);
    assert_adopted(&house);
}

#[test]
fn task_that_may_be_another_is_not_paid_for_again_without_yes() {
    let house = undecided();
    let task_id = &house.ledger().tasks[0].task_id;
    refused(&house, &["resolve", "x", "--resend"], &[task_id, "--yes"]);
    house.sim.assert_requests(1);
    done(&house, &["resolve", "x", "--resend", "--yes"]);
    house.until_state("x", "succeeded");
    // A person has said that the task of that name is another one.
    assert_eq!(house.sim.tasks_named("mine"), 2);
    assert_delivered(&house, "x", &house.ledger().tasks[1]);
}
