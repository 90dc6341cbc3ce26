//! A database that was put back from a backup is told; one that was not is not.

use std::fs;

use lipsyncd::sim::{Call, ClientSees, Fault, FaultRule, SimConfig, Spellings, UnknownTask};

use super::Found;
use crate::support::{
    daemon::{BRISK, House, JOB, job_of, quick, slow},
    switches::Switches,
};

/// A house whose database is put back to before its job was sent. The daemon does not run.
fn put_back(config: SimConfig, state: &str) -> House {
    let mut house = House::new(config);
    house.start();
    house.run(&["pause"]);
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "queued");
    assert_eq!(house.run(&["backup", "backup.db"]).code, Some(0));
    house.run(&["resume"]);
    house.until_state("x", state);
    Found::look(&house).expect("backup", "ok", "no job is still to be sent", "");
    house.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        fs::remove_file(house.path(name)).unwrap();
    }
    fs::copy(house.path("backup.db"), house.path("lipsyncd.db")).unwrap();
    house
}

#[test]
fn by_results_that_it_does_not_know() {
    let mut house = put_back(quick(), "succeeded");
    let found = Found::look(&house);
    let message =
        "does not know of 1 result on disk and 1 task in the account (x): it was put back";
    found.expect("backup", "warning", message, " run");
    found.expect("backup", "warning", message, "before anything is paid");
    assert_eq!(found.ran.code, Some(0));
    house.start();
    Found::look(&house).expect("backup", "warning", message, " status");
    house.run(&["resume"]);
    house.until_state("x", "succeeded");
    Found::look(&house).expect("backup", "ok", "", "");
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn by_tasks_that_it_does_not_know() {
    let house = put_back(slow(), "processing");
    let found = Found::look(&house);
    found.expect("backup", "warning", "does not know of 1 task in the account (x)", " run");
    house.finish_tasks();
}

#[test]
fn by_results_of_jobs_that_it_never_heard_of() {
    let mut house = House::new(quick());
    house.start();
    assert_eq!(house.run(&["backup", "backup.db"]).code, Some(0));
    house.drop_in("deep/new.yaml", JOB);
    house.until_state("deep/new", "succeeded");
    house.move_in("deep/new.yaml", "deep/renamed.yaml");
    house.until("it to be renamed", |house| house.job("deep/renamed").is_some());
    Found::look(&house).expect("backup", "ok", "", "");
    house.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        fs::remove_file(house.path(name)).unwrap();
    }
    fs::copy(house.path("backup.db"), house.path("lipsyncd.db")).unwrap();
    let found = Found::look(&house);
    found.expect("backup", "warning", "does not know of 1 result on disk (deep/new)", " run");
}

#[test]
fn an_unresolved_job_whose_result_lies_there_names_its_task() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let mut house = House::new(config);
    house.configure_with(&BRISK, 5, "");
    house.sim.control(|sim| sim.add_fault(FaultRule::once(Call::Create, Fault::LoseAnswer)));
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until_state("x", "unresolved");
    assert_eq!(house.run(&["backup", "backup.db"]).code, Some(0));
    let task = house.ledger().tasks[0].task_id.clone();
    assert_eq!(house.run(&["resolve", "x", "--task", &task]).code, Some(0));
    house.until_state("x", "succeeded");
    house.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        fs::remove_file(house.path(name)).unwrap();
    }
    fs::copy(house.path("backup.db"), house.path("lipsyncd.db")).unwrap();
    let found = Found::look(&house);
    found.expect("backup", "warning", "1 result on disk", &format!("resolve x --task {task}"));
}

#[test]
fn tasks_of_others_and_a_retry_do_not_look_like_one() {
    let mut house = House::new(quick());
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until_state("x", "succeeded");
    // The account is also used without this database.
    let other = House::new(quick());
    fs::write(
        other.path("lipsyncd.yaml"),
        format!("kling: {{ base_url: \"{}\" }}\n", house.sim.base_url()),
    )
    .unwrap();
    other.drop_in("y.yaml", JOB.replace("/v.mp4", "/y.mp4"));
    assert_eq!(other.run(&["run", "--once"]).code, Some(0));
    house.run(&["pause"]);
    house.run(&["retry", "--yes", "x"]);
    house.until_state("x", "queued");
    let found = Found::look(&house);
    found.only(&["line"]);
    found.expect(
        "backup",
        "ok",
        "1 job not sent yet: no result on disk is theirs, and Kling has no",
        "",
    );
    found.expect("lookups", "ok", "the account answers lookups by external_task_id (asked", "");
}

#[test]
fn by_tasks_of_an_account_that_spells_lookups_in_another_way() {
    let config = SimConfig { lookup_spellings: Spellings::PATH_WITH_FLAG, ..slow() };
    let house = put_back(config, "processing");
    let found = Found::look(&house);
    found.expect("backup", "warning", "does not know of 1 task in the account (x)", " run");
    house.finish_tasks();
}

/// A daemon with an accepted task of `a`, and a job `b` that is not sent.
fn with_one_unsent(config: SimConfig) -> House {
    let mut house = House::new(config);
    house.drop_in("a.yaml", JOB);
    house.start();
    house.until_state("a", "succeeded");
    house.run(&["pause"]);
    house.drop_in("b.yaml", job_of("b"));
    house.until_state("b", "queued");
    house
}

#[test]
fn an_empty_success_does_not_prove_that_kling_has_no_task() {
    let house = with_one_unsent(SimConfig { unknown_task: UnknownTask::EmptyObject, ..quick() });
    let found = Found::look(&house);
    found.expect("lookups", "ok", "the account answers lookups by external_task_id", "");
    found.expect("backup", "ok", "whether Kling has tasks of their names is not known", "");
}

#[test]
fn a_lookup_that_fails_proves_nothing() {
    let house = with_one_unsent(quick());
    house.sim.fail_lookups(true, false);
    let found = Found::look(&house);
    found.expect("lookups", "ok", "it is not known whether the account answers lookups", "");
    found.expect("backup", "ok", "whether Kling has tasks of their names is not known", "");
    house.sim.fail_lookups(false, false);
    house.sim.answer_names(false);
    let found = Found::look(&house);
    found.only(&["lookups", "line"]);
    found.expect("lookups", "warning", "by its id, and not by its name", "one state database");
}

/// The request may arrive and be accepted at any time.
#[test]
fn no_line_says_that_a_create_request_of_unknown_outcome_was_not_sent() {
    let mut house = House::new(slow());
    house.sim.keep_creates(1, ClientSees::Broken { after_ms: 0 });
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until("the lost answer", |house| {
        house.job("x").is_some_and(|job| job.waiting_for.contains("checking whether Kling"))
    });
    for daemon_runs in [true, false] {
        let found = Found::look(&house);
        for check in found.json["checks"].as_array().unwrap() {
            let message = check["message"].as_str().unwrap();
            let denies = ["not sent", "no task of"].iter().any(|words| message.contains(words));
            assert!(!denies, "{message}");
        }
        let status = if daemon_runs { "ok" } else { "warning" };
        found.expect("create requests", status, "1 create request has an unknown outcome", "");
        assert_eq!(found.ran.code, Some(0));
        house.kill();
    }
}
