//! A backup that is older than a `retry`: the attempt of after it is not paid for beside the first.

use lipsyncd::sim::{Call, Fault, FaultRule};

use super::{back_up, job, put_back};
use crate::support::{
    daemon::{House, slow},
    refusal,
};

/// A house with a backup in which `x` waits for its turn.
fn backed_up_before_it_was_sent() -> House {
    let mut house = House::new(slow());
    house.start();
    assert_eq!(house.run(&["pause"]).code, Some(0));
    house.drop_in("x.yaml", job("x"));
    house.until_state("x", "queued");
    back_up(&house);
    house
}

/// Puts the backup back while the attempt of after it runs, and lets everything come to its end.
fn put_back_and_finish(house: &mut House) {
    house.kill();
    put_back(house);
    house.start();
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until("x to be sent", |house| house.state("x") == "processing");
    house.finish_tasks();
    house.until_state("x", "succeeded");
    house.assert_whole("x.mp4");
    let ledger = house.ledger();
    assert_eq!(ledger.tasks.len(), 1, "{:?}", ledger.tasks);
}

#[test]
fn one_that_was_cancelled_and_retried_since_is_found() {
    let mut house = backed_up_before_it_was_sent();
    assert_eq!(house.run(&["cancel", "x"]).code, Some(0));
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("x", "processing");
    put_back_and_finish(&mut house);
}

#[test]
fn one_that_failed_before_it_was_sent_and_was_retried_since_is_found() {
    let mut house = backed_up_before_it_was_sent();
    house.sim.control(|sim| sim.add_fault(FaultRule::once(Call::Identify, refusal(1301))));
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("x", "failed");
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    house.until_state("x", "processing");
    put_back_and_finish(&mut house);
}

#[test]
fn after_the_database_was_lost_altogether_it_is_found_as_well() {
    let mut house = backed_up_before_it_was_sent();
    assert_eq!(house.run(&["cancel", "x"]).code, Some(0));
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("x", "processing");
    house.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        std::fs::remove_file(house.path(name)).unwrap();
    }
    house.start();
    house.until("x to be sent", |house| house.state("x") == "processing");
    house.finish_tasks();
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn a_result_of_a_later_attempt_that_lies_there_is_the_jobs() {
    let mut house = backed_up_before_it_was_sent();
    assert_eq!(house.run(&["resume"]).code, Some(0));
    for tasks in [1, 2] {
        house.until("it to be sent", |house| house.ledger().tasks.len() == tasks);
        house.until("it to succeed", |house| {
            house.finish_tasks();
            house.state("x") == "succeeded"
        });
        if tasks == 1 {
            assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
        }
    }
    let second = house.ledger().tasks[1].task_id.clone();
    house.kill();
    put_back(&house);
    house.start();
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("x", "succeeded");
    let job = house.job("x").unwrap();
    assert_eq!(job.attempt, 2, "{job:?}");
    assert!(house.run(&["show", "x"]).out.contains(&second));
    assert_eq!(house.ledger().tasks.len(), 2);
    house.assert_whole("x.mp4");
    // The next one is a third, and paid for as asked.
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    house.until("the third to be sent", |house| house.ledger().tasks.len() == 3);
    house.assert_paid_once();
    house.finish_tasks();
}

#[test]
fn a_retry_of_after_the_backup_is_found_by_the_retry_that_is_typed_again() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", job("x"));
    house.start();
    house.until("it to succeed", |house| {
        house.finish_tasks();
        house.state("x") == "succeeded"
    });
    back_up(&house);
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    house.until_state("x", "processing");
    house.kill();
    put_back(&house);
    house.start();
    // What had ended then has ended: nothing moves by itself.
    house.until_looked_again("later");
    assert_eq!(house.state("x"), "succeeded");
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    house.until_state("x", "processing");
    assert_eq!(house.ledger().tasks.len(), 2);
    house.finish_tasks();
    house.until_state("x", "succeeded");
}

#[test]
fn the_take_of_a_retry_after_the_backup_is_found_with_the_first() {
    let mut house = backed_up_before_it_was_sent();
    // The first task of all fails, the second does not.
    let patch =
        serde_json::json!({ "data": { "task_status": "failed", "task_status_msg": "too dark" } });
    for call in [Call::Query, Call::List] {
        let fault = Fault::Patch { with: patch.clone() };
        house.sim.control(|sim| sim.add_fault(FaultRule::always(call, fault)));
    }
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("x", "failed");
    house.sim.control(lipsyncd::sim::Sim::clear_faults);
    house.finish_tasks();
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    house.until_state("x", "processing");
    assert_eq!(house.ledger().tasks.len(), 2, "a retry of what was sent is paid for");
    let second = house.ledger().tasks[1].task_id.clone();
    house.kill();
    put_back(&house);
    house.start();
    // The backup knows neither: the highest take that has not failed is joined, and nothing is paid.
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until("the second to be found", |house| house.state("x") == "processing");
    house.finish_tasks();
    house.until_state("x", "succeeded");
    let shown = house.run(&["show", "x"]);
    assert!(shown.out.contains(&second), "{shown:?}");
    assert_eq!(house.job("x").unwrap().attempt, 2);
    assert_eq!(house.ledger().tasks.len(), 2);
}
