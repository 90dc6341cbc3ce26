//! A backup that was made before or during a create request is put back.

use std::fs;

use super::env::{ask_for, done, house, lenient, lose_database, until_delivered};
use crate::support::{
    daemon::{BRISK, House, job_of, slow},
    switches::Switches as _,
};

/// Puts the backup in the place of the database, as docs/backup-and-restore.md says.
fn put_back(house: &mut House) {
    lose_database(house);
    fs::copy(house.path("backup.db"), house.path("lipsyncd.db")).unwrap();
}

fn api() -> lipsyncd::sim::SimConfig {
    lipsyncd::sim::SimConfig { unique_external_ids: false, ..slow() }
}

/// The create request of a job was written, and is held before it is sent, while the backup is made.
fn held() -> House {
    let mut house = house(api(), 5, &BRISK);
    let hold = house.path("hold");
    fs::write(&hold, "").unwrap();
    let held = format!("create.intend.after:{}", hold.display());
    ask_for(&house, &["x"]);
    house.start_with(&[("LIPSYNCD_HOLD", &held)]);
    house.until_state("x", "creating");
    done(&house, &["backup", "backup.db"]);
    house
}

#[test]
fn backup_from_before_the_request_finds_the_task() {
    let keys = ["a", "b", "c"];
    let mut house = house(api(), 5, &BRISK);
    house.start();
    done(&house, &["pause"]);
    ask_for(&house, &keys);
    for key in keys {
        house.until_state(key, "queued");
    }
    done(&house, &["backup", "backup.db"]);
    done(&house, &["resume"]);
    for key in keys {
        house.until_state(key, "processing");
    }
    put_back(&mut house);
    // One of the manifests was edited since: the request is still the same.
    house.drop_in_old("a.yaml", format!("{}priority: 3\n", job_of("a")));
    house.start();
    done(&house, &["resume"]);
    for key in keys {
        house.until_state(key, "processing");
    }
    house.finish_tasks();
    until_delivered(&house, &keys);
    house.sim.assert_requests(3);
}

#[test]
fn backup_from_during_the_request_finds_the_task() {
    let mut house = held();
    fs::remove_file(house.path("hold")).unwrap();
    house.until_state("x", "processing");
    put_back(&mut house);
    house.start();
    house.until_state("x", "processing");
    house.finish_tasks();
    until_delivered(&house, &["x"]);
    house.sim.assert_requests(1);
}

#[test]
fn backup_from_during_the_request_finds_a_result_that_was_moved_away() {
    let mut house = held();
    fs::remove_file(house.path("hold")).unwrap();
    house.until_state("x", "processing");
    house.finish_tasks();
    house.until_state("x", "succeeded");
    put_back(&mut house);
    super::env::lose_results(&house);
    house.start();
    until_delivered(&house, &["x"]);
    house.sim.assert_requests(1);
}

#[test]
fn backup_from_during_a_request_that_was_never_sent_is_sent_once() {
    let mut house = held();
    put_back(&mut house);
    house.start();
    house.until_state("x", "processing");
    house.finish_tasks();
    until_delivered(&house, &["x"]);
    house.sim.assert_requests(1);
}

#[test]
fn backup_that_knows_fewer_takes_finds_the_others_by_name() {
    let mut house = house(lenient(), 5, &BRISK);
    ask_for(&house, &["x"]);
    house.start();
    until_delivered(&house, &["x"]);
    done(&house, &["backup", "backup.db"]);
    done(&house, &["retry", "x", "--yes"]);
    house.until("the second take", |house| house.ledger().tasks.len() == 2);
    until_delivered(&house, &["x"]);
    put_back(&mut house);
    house.start();
    // The second take is asked for by its name before it is paid for.
    done(&house, &["retry", "x", "--yes"]);
    house.until("the second take again", |house| {
        house.job("x").is_some_and(|job| job.state == "succeeded" && job.attempt == 2)
    });
    until_delivered(&house, &["x"]);
    super::env::assert_names(&house, 2);
}
