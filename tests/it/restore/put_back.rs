//! A backup in the place of the database, with a daemon that worked on after it: nothing that was paid for
//! since is paid for again, and every result is there.

use lipsyncd::sim::{Call, Fault, FaultRule, SimConfig};

use super::{back_up, job, put_back};
use crate::support::daemon::{House, quick, slow};

fn all_succeeded(house: &House, count: usize) -> bool {
    let states = house.states();
    states.len() == count && states.iter().all(|(_, state)| state == "succeeded")
}

/// A house at rest with `count` jobs queued and a backup of that.
fn queued(config: SimConfig, count: usize) -> House {
    let mut house = House::new(config);
    house.start();
    assert_eq!(house.run(&["pause"]).code, Some(0));
    for n in 0..count {
        house.drop_in(&format!("old-{n}.yaml"), job(&format!("old-{n}")));
    }
    house.until("all to be queued", |house| {
        house.states().len() == count && house.states().iter().all(|(_, is)| is == "queued")
    });
    back_up(&house);
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house
}

/// Puts the backup back and works until `count` jobs succeeded.
fn start_over(house: &mut House, count: usize) {
    house.kill();
    put_back(house);
    house.start();
    // The backup was made while the line was paused.
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until("all to succeed", |house| {
        house.finish_tasks();
        all_succeeded(house, count)
    });
}

fn assert_each_paid_once(house: &House, names: &[&str]) {
    let ledger = house.ledger();
    assert_eq!(ledger.tasks.len(), names.len(), "{:?}", ledger.tasks);
    house.assert_paid_once();
    assert!(ledger.paid_twice.contents.is_empty(), "{:?}", ledger.paid_twice);
    for name in names {
        house.assert_whole(&format!("{name}.mp4"));
    }
}

#[test]
fn what_succeeded_since_is_told_by_the_output_folder() {
    let mut house = queued(quick(), 3);
    house.until("all to succeed", |house| all_succeeded(house, 3));
    house.drop_in("new.yaml", job("new"));
    house.until_state("new", "succeeded");
    start_over(&mut house, 4);
    assert_each_paid_once(&house, &["old-0", "old-1", "old-2", "new"]);
}

#[test]
fn what_runs_is_found_by_its_name() {
    let mut house = queued(slow(), 3);
    house.drop_in("new.yaml", job("new"));
    house.until("all to run", |house| {
        house.states().len() == 4 && house.states().iter().all(|(_, is)| is == "processing")
    });
    start_over(&mut house, 4);
    assert_each_paid_once(&house, &["old-0", "old-1", "old-2", "new"]);
}

#[test]
fn results_that_were_lost_with_the_database_are_fetched_again() {
    let mut house = queued(quick(), 2);
    house.until("all to succeed", |house| all_succeeded(house, 2));
    house.kill();
    std::fs::remove_dir_all(house.path("output")).unwrap();
    put_back(&house);
    house.start();
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until("all to succeed", |house| all_succeeded(house, 2));
    assert_each_paid_once(&house, &["old-0", "old-1"]);
}

#[test]
fn a_create_that_was_under_way_is_looked_up() {
    let mut house = House::new(SimConfig { create_latency_ms: 600_000, ..slow() });
    house.drop_in("x.yaml", job("x"));
    house.start();
    house.until_state("x", "creating");
    house.until("it to be accepted", |house| house.ledger().tasks.len() == 1);
    back_up(&house);
    house.kill();
    house.sim.control(|sim| sim.config_mut().create_latency_ms = 0);
    put_back(&house);
    house.start();
    house.until("it to succeed", |house| {
        house.finish_tasks();
        house.state("x") == "succeeded"
    });
    assert_each_paid_once(&house, &["x"]);
}

#[test]
fn what_the_backup_follows_is_followed_on_whatever_came_of_it() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", job("x"));
    house.start();
    house.until_state("x", "processing");
    back_up(&house);
    house.finish_tasks();
    house.until_state("x", "succeeded");
    house.kill();
    put_back(&house);
    house.start();
    house.until_state("x", "succeeded");
    assert_each_paid_once(&house, &["x"]);
}

/// The account refuses names that exist. One that does not would be paid again: nothing can be asked.
#[test]
fn where_lookups_are_not_answered_a_person_decides_and_nothing_is_paid_twice() {
    let config = SimConfig { answers_external_lookups: false, ..slow() };
    let mut house = queued(config, 2);
    house.drop_in("new.yaml", job("new"));
    house.until("all to run", |house| {
        house.states().len() == 3 && house.states().iter().all(|(_, is)| is == "processing")
    });
    house.kill();
    put_back(&house);
    house.start();
    assert_eq!(house.run(&["resume"]).code, Some(0));
    let names = ["old-0", "old-1", "new"];
    for name in names {
        house.until_state(name, "unresolved");
    }
    assert_eq!(house.ledger().tasks.len(), 3);
    for task in house.ledger().tasks {
        let name = names.into_iter().find(|name| task.video.contains(&format!("/{name}.mp4")));
        let resolved = house.run(&["resolve", name.unwrap(), "--task", &task.task_id]);
        assert_eq!(resolved.code, Some(0), "{resolved:?}");
    }
    house.until("all to succeed", |house| {
        house.finish_tasks();
        all_succeeded(house, 3)
    });
    assert_each_paid_once(&house, &names);
}

#[test]
fn where_lookups_are_not_answered_the_output_folder_still_tells() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let mut house = queued(config, 2);
    house.until("all to succeed", |house| all_succeeded(house, 2));
    start_over(&mut house, 2);
    assert_each_paid_once(&house, &["old-0", "old-1"]);
}

#[test]
fn a_lookup_that_fails_for_a_while_is_no_reason_to_pay() {
    let mut house = queued(slow(), 2);
    house.until("all to run", |house| house.states().iter().all(|(_, is)| is == "processing"));
    for call in [Call::Query, Call::List] {
        let rule =
            FaultRule { times: Some(6), ..FaultRule::always(call, Fault::Html { status: 502 }) };
        house.sim.control(|sim| sim.add_fault(rule));
    }
    start_over(&mut house, 2);
    assert_each_paid_once(&house, &["old-0", "old-1"]);
}
