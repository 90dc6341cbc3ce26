//! A database that was put back from a backup is told; one that was not is not.

use std::fs;

use lipsyncd::sim::{Call, Fault, FaultRule, SimConfig};

use super::Found;
use crate::support::daemon::{House, JOB, quick, slow};

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
    Found::look(&house).expect("backup", "ok", "no result and no task goes by", "");
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
    found.expect("backup", "ok", "1 job not sent yet", "");
}
