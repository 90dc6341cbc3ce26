//! A backup that is older than a `retry`: the attempt of after it is not paid for beside the first.

use lipsyncd::sim::{Endpoint, Fault, FaultRule};

use super::{back_up, job, put_back};
use crate::support::{
    daemon::{TestEnv, slow},
    refusal,
};

/// A test environment with a backup in which `x` waits for its turn.
fn backed_up_before_it_was_sent() -> TestEnv {
    let mut test_env = TestEnv::new(slow());
    test_env.start();
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    test_env.drop_in("x.yaml", job("x"));
    test_env.until_state("x", "queued");
    back_up(&test_env);
    test_env
}

/// Puts the backup back while the attempt of after it runs, and lets everything come to its end.
fn put_back_and_finish(test_env: &mut TestEnv) {
    test_env.kill();
    put_back(test_env);
    test_env.start();
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until("x to be sent", |test_env| test_env.state("x") == "processing");
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    test_env.assert_complete("x.mp4");
    let ledger = test_env.ledger();
    assert_eq!(ledger.tasks.len(), 1, "{:?}", ledger.tasks);
}

#[test]
fn one_that_was_cancelled_and_retried_since_is_found() {
    let mut test_env = backed_up_before_it_was_sent();
    assert_eq!(test_env.run(&["cancel", "x"]).code, Some(0));
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "processing");
    put_back_and_finish(&mut test_env);
}

#[test]
fn one_that_failed_before_it_was_sent_and_was_retried_since_is_found() {
    let mut test_env = backed_up_before_it_was_sent();
    test_env.sim.control(|sim| sim.add_fault(FaultRule::once(Endpoint::Identify, refusal(1301))));
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "failed");
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until_state("x", "processing");
    put_back_and_finish(&mut test_env);
}

#[test]
fn after_the_database_was_lost_altogether_it_is_found_as_well() {
    let mut test_env = backed_up_before_it_was_sent();
    assert_eq!(test_env.run(&["cancel", "x"]).code, Some(0));
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "processing");
    test_env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        std::fs::remove_file(test_env.path(name)).unwrap();
    }
    test_env.start();
    test_env.until("x to be sent", |test_env| test_env.state("x") == "processing");
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn a_result_of_a_later_attempt_that_lies_there_is_the_jobs() {
    let mut test_env = backed_up_before_it_was_sent();
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    for tasks in [1, 2] {
        test_env.until("it to be sent", |test_env| test_env.ledger().tasks.len() == tasks);
        test_env.until("it to succeed", |test_env| {
            test_env.finish_tasks();
            test_env.state("x") == "succeeded"
        });
        if tasks == 1 {
            assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
        }
    }
    let second = test_env.ledger().tasks[1].task_id.clone();
    test_env.kill();
    put_back(&test_env);
    test_env.start();
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "succeeded");
    let job = test_env.job("x").unwrap();
    assert_eq!(job.attempt, 2, "{job:?}");
    assert!(test_env.run(&["show", "x"]).out.contains(&second));
    assert_eq!(test_env.ledger().tasks.len(), 2);
    test_env.assert_complete("x.mp4");
    // The next one is a third, and paid for as asked.
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until("the third to be sent", |test_env| test_env.ledger().tasks.len() == 3);
    test_env.assert_paid_once();
    test_env.finish_tasks();
}

#[test]
fn a_retry_of_after_the_backup_is_found_by_the_retry_that_is_typed_again() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", job("x"));
    test_env.start();
    test_env.until("it to succeed", |test_env| {
        test_env.finish_tasks();
        test_env.state("x") == "succeeded"
    });
    back_up(&test_env);
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until_state("x", "processing");
    test_env.kill();
    put_back(&test_env);
    test_env.start();
    // What had ended then has ended: nothing moves by itself.
    test_env.until_scanned_again("later");
    assert_eq!(test_env.state("x"), "succeeded");
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until_state("x", "processing");
    assert_eq!(test_env.ledger().tasks.len(), 2);
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
}

#[test]
fn the_take_of_a_retry_after_the_backup_is_found_with_the_first() {
    let mut test_env = backed_up_before_it_was_sent();
    // The first task of all fails, the second does not.
    let patch =
        serde_json::json!({ "data": { "task_status": "failed", "task_status_msg": "too dark" } });
    for call in [Endpoint::Query, Endpoint::List] {
        let fault = Fault::Patch { with: patch.clone() };
        test_env.sim.control(|sim| sim.add_fault(FaultRule::always(call, fault)));
    }
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "failed");
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    test_env.finish_tasks();
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until_state("x", "processing");
    assert_eq!(test_env.ledger().tasks.len(), 2, "a retry of what was sent is paid for");
    let second = test_env.ledger().tasks[1].task_id.clone();
    test_env.kill();
    put_back(&test_env);
    test_env.start();
    // The backup knows neither: the highest take that has not failed is joined, and nothing is paid.
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until("the second to be found", |test_env| test_env.state("x") == "processing");
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    let shown = test_env.run(&["show", "x"]);
    assert!(shown.out.contains(&second), "{shown:?}");
    assert_eq!(test_env.job("x").unwrap().attempt, 2);
    assert_eq!(test_env.ledger().tasks.len(), 2);
}
