//! A backup in the place of the database, with a daemon that worked on after it: nothing that was paid for
//! since is paid for again, and every result is there.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};

use super::{back_up, job, put_back};
use crate::support::daemon::{TestEnv, quick, slow};

fn all_succeeded(test_env: &TestEnv, count: usize) -> bool {
    let states = test_env.states();
    states.len() == count && states.iter().all(|(_, state)| state == "succeeded")
}

/// A test environment at rest with `count` jobs queued and a backup of that.
fn queued(config: SimConfig, count: usize) -> TestEnv {
    let mut test_env = TestEnv::new(config);
    test_env.start();
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    for n in 0..count {
        test_env.drop_in(&format!("old-{n}.yaml"), job(&format!("old-{n}")));
    }
    test_env.until("all to be queued", |test_env| {
        test_env.states().len() == count && test_env.states().iter().all(|(_, is)| is == "queued")
    });
    back_up(&test_env);
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env
}

/// Puts the backup back and works until `count` jobs succeeded.
fn start_over(test_env: &mut TestEnv, count: usize) {
    test_env.kill();
    put_back(test_env);
    test_env.start();
    // The backup was made while the line was paused.
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until("all to succeed", |test_env| {
        test_env.finish_tasks();
        all_succeeded(test_env, count)
    });
}

fn assert_each_paid_once(test_env: &TestEnv, names: &[&str]) {
    let ledger = test_env.ledger();
    assert_eq!(ledger.tasks.len(), names.len(), "{:?}", ledger.tasks);
    test_env.assert_paid_once();
    assert!(ledger.paid_twice.contents.is_empty(), "{:?}", ledger.paid_twice);
    for name in names {
        test_env.assert_complete(&format!("{name}.mp4"));
    }
}

#[test]
fn what_succeeded_since_is_told_by_the_output_folder() {
    let mut test_env = queued(quick(), 3);
    test_env.until("all to succeed", |test_env| all_succeeded(test_env, 3));
    test_env.drop_in("new.yaml", job("new"));
    test_env.until_state("new", "succeeded");
    start_over(&mut test_env, 4);
    assert_each_paid_once(&test_env, &["old-0", "old-1", "old-2", "new"]);
}

#[test]
fn what_runs_is_found_by_its_name() {
    let mut test_env = queued(slow(), 3);
    test_env.drop_in("new.yaml", job("new"));
    test_env.until("all to run", |test_env| {
        test_env.states().len() == 4 && test_env.states().iter().all(|(_, is)| is == "processing")
    });
    start_over(&mut test_env, 4);
    assert_each_paid_once(&test_env, &["old-0", "old-1", "old-2", "new"]);
}

#[test]
fn results_that_were_lost_with_the_database_are_fetched_again() {
    let mut test_env = queued(quick(), 2);
    test_env.until("all to succeed", |test_env| all_succeeded(test_env, 2));
    test_env.kill();
    std::fs::remove_dir_all(test_env.path("output")).unwrap();
    put_back(&test_env);
    test_env.start();
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until("all to succeed", |test_env| all_succeeded(test_env, 2));
    assert_each_paid_once(&test_env, &["old-0", "old-1"]);
}

#[test]
fn a_create_that_was_under_way_is_looked_up() {
    let mut test_env = TestEnv::new(SimConfig { create_latency_ms: 600_000, ..slow() });
    test_env.drop_in("x.yaml", job("x"));
    test_env.start();
    test_env.until_state("x", "creating");
    test_env.until("it to be accepted", |test_env| test_env.ledger().tasks.len() == 1);
    back_up(&test_env);
    test_env.kill();
    test_env.sim.control(|sim| sim.config_mut().create_latency_ms = 0);
    put_back(&test_env);
    test_env.start();
    test_env.until("it to succeed", |test_env| {
        test_env.finish_tasks();
        test_env.state("x") == "succeeded"
    });
    assert_each_paid_once(&test_env, &["x"]);
}

#[test]
fn what_the_backup_follows_is_followed_on_whatever_came_of_it() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", job("x"));
    test_env.start();
    test_env.until_state("x", "processing");
    back_up(&test_env);
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    test_env.kill();
    put_back(&test_env);
    test_env.start();
    test_env.until_state("x", "succeeded");
    assert_each_paid_once(&test_env, &["x"]);
}

/// The account refuses names that exist. One that does not would be paid again: nothing can be asked.
#[test]
fn where_lookups_are_not_answered_a_person_decides_and_nothing_is_paid_twice() {
    let config = SimConfig { answers_external_lookups: false, ..slow() };
    let mut test_env = queued(config, 2);
    test_env.drop_in("new.yaml", job("new"));
    test_env.until("all to run", |test_env| {
        test_env.states().len() == 3 && test_env.states().iter().all(|(_, is)| is == "processing")
    });
    test_env.kill();
    put_back(&test_env);
    test_env.start();
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    let names = ["old-0", "old-1", "new"];
    for name in names {
        test_env.until_state(name, "unresolved");
    }
    assert_eq!(test_env.ledger().tasks.len(), 3);
    for task in test_env.ledger().tasks {
        let name = names.into_iter().find(|name| task.video.contains(&format!("/{name}.mp4")));
        let resolved = test_env.run(&["resolve", name.unwrap(), "--task", &task.task_id]);
        assert_eq!(resolved.code, Some(0), "{resolved:?}");
    }
    test_env.until("all to succeed", |test_env| {
        test_env.finish_tasks();
        all_succeeded(test_env, 3)
    });
    assert_each_paid_once(&test_env, &names);
}

#[test]
fn where_lookups_are_not_answered_the_output_folder_still_tells() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let mut test_env = queued(config, 2);
    test_env.until("all to succeed", |test_env| all_succeeded(test_env, 2));
    start_over(&mut test_env, 2);
    assert_each_paid_once(&test_env, &["old-0", "old-1"]);
}

#[test]
fn a_lookup_that_fails_for_a_while_is_no_reason_to_pay() {
    let mut test_env = queued(slow(), 2);
    test_env
        .until("all to run", |test_env| test_env.states().iter().all(|(_, is)| is == "processing"));
    for call in [Endpoint::Query, Endpoint::List] {
        let rule =
            FaultRule { times: Some(6), ..FaultRule::always(call, Fault::Html { status: 502 }) };
        test_env.sim.control(|sim| sim.add_fault(rule));
    }
    start_over(&mut test_env, 2);
    assert_each_paid_once(&test_env, &["old-0", "old-1"]);
}
