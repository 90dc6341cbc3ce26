//! A database that was restored from a backup is recognised; any other is not.

use std::fs;

use lipsyncd::sim::{ClientSees, Endpoint, Fault, FaultRule, LookupStyles, SimConfig, UnknownTask};

use super::DoctorRun;
use crate::support::{
    daemon::{BRISK, JOB, TestEnv, job_of, quick, slow},
    switches::Switches,
};

/// A test environment whose database was restored from a backup made before its job was sent. The daemon does not run.
fn restored_env(config: SimConfig, state: &str) -> TestEnv {
    let mut test_env = TestEnv::new(config);
    test_env.start();
    test_env.run(&["pause"]);
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "queued");
    assert_eq!(test_env.run(&["backup", "backup.db"]).code, Some(0));
    test_env.run(&["resume"]);
    test_env.until_state("x", state);
    DoctorRun::run(&test_env).expect("backup", "ok", "no job is waiting to be sent", "");
    test_env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        fs::remove_file(test_env.path(name)).unwrap();
    }
    fs::copy(test_env.path("backup.db"), test_env.path("lipsyncd.db")).unwrap();
    test_env
}

#[test]
fn unknown_result_shows_a_restored_database() {
    let mut test_env = restored_env(quick(), "succeeded");
    let found = DoctorRun::run(&test_env);
    let message = "does not know 1 result on disk and 1 task in the account (x): it was restored";
    found.expect("backup", "warning", message, " run");
    found.expect("backup", "warning", message, "before it pays anything");
    assert_eq!(found.ran.code, Some(0));
    test_env.start();
    DoctorRun::run(&test_env).expect("backup", "warning", message, " status");
    test_env.run(&["resume"]);
    test_env.until_state("x", "succeeded");
    DoctorRun::run(&test_env).expect("backup", "ok", "", "");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn unknown_task_shows_a_restored_database() {
    let test_env = restored_env(slow(), "processing");
    let found = DoctorRun::run(&test_env);
    found.expect("backup", "warning", "does not know 1 task in the account (x)", " run");
    test_env.finish_tasks();
}

#[test]
fn result_of_an_unknown_job_shows_a_restored_database() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    assert_eq!(test_env.run(&["backup", "backup.db"]).code, Some(0));
    test_env.drop_in("deep/new.yaml", JOB);
    test_env.until_state("deep/new", "succeeded");
    test_env.move_in("deep/new.yaml", "deep/renamed.yaml");
    test_env.until("it to be renamed", |test_env| test_env.job("deep/renamed").is_some());
    DoctorRun::run(&test_env).expect("backup", "ok", "", "");
    test_env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        fs::remove_file(test_env.path(name)).unwrap();
    }
    fs::copy(test_env.path("backup.db"), test_env.path("lipsyncd.db")).unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("backup", "warning", "does not know 1 result on disk (deep/new)", " run");
}

#[test]
fn unresolved_job_with_a_result_on_disk_names_its_task() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let mut test_env = TestEnv::new(config);
    test_env.configure_with(&BRISK, 5, "");
    test_env.sim.control(|sim| sim.add_fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer)));
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until_state("x", "unresolved");
    assert_eq!(test_env.run(&["backup", "backup.db"]).code, Some(0));
    let task = test_env.ledger().tasks[0].task_id.clone();
    assert_eq!(test_env.run(&["resolve", "x", "--task", &task]).code, Some(0));
    test_env.until_state("x", "succeeded");
    test_env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        fs::remove_file(test_env.path(name)).unwrap();
    }
    fs::copy(test_env.path("backup.db"), test_env.path("lipsyncd.db")).unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("backup", "warning", "1 result on disk", &format!("resolve x --task {task}"));
}

#[test]
fn tasks_of_others_and_a_retry_are_no_sign_of_a_restored_database() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until_state("x", "succeeded");
    // The account is also used without this database.
    let other = TestEnv::new(quick());
    fs::write(
        other.path("lipsyncd.yaml"),
        format!("kling: {{ base_url: \"{}\" }}\n", test_env.sim.base_url()),
    )
    .unwrap();
    other.drop_in("y.yaml", JOB.replace("/v.mp4", "/y.mp4"));
    assert_eq!(other.run(&["run", "--once"]).code, Some(0));
    test_env.run(&["pause"]);
    test_env.run(&["retry", "--yes", "x"]);
    test_env.until_state("x", "queued");
    let found = DoctorRun::run(&test_env);
    found.only(&["queue"]);
    found.expect(
        "backup",
        "ok",
        "1 job not sent yet: none has a result on disk, and Kling has no",
        "",
    );
    found.expect(
        "lookups",
        "ok",
        "the account answers lookups by external_task_id (tried with task ",
        "",
    );
    let found_first = "): a task that another database created for the same request is found before it is paid again, unless both are created within seconds";
    found.expect("lookups", "ok", found_first, "");
}

#[test]
fn unknown_task_is_found_in_every_lookup_style() {
    let config = SimConfig { lookup_styles: LookupStyles::PATH_WITH_FLAG, ..slow() };
    let test_env = restored_env(config, "processing");
    let found = DoctorRun::run(&test_env);
    found.expect("backup", "warning", "does not know 1 task in the account (x)", " run");
    test_env.finish_tasks();
}

/// A daemon with an accepted task of `a`, and a job `b` that is not sent.
fn with_one_unsent(config: SimConfig) -> TestEnv {
    let mut test_env = TestEnv::new(config);
    test_env.drop_in("a.yaml", JOB);
    test_env.start();
    test_env.until_state("a", "succeeded");
    test_env.run(&["pause"]);
    test_env.drop_in("b.yaml", job_of("b"));
    test_env.until_state("b", "queued");
    test_env
}

#[test]
fn empty_success_does_not_prove_that_kling_has_no_task() {
    let test_env = with_one_unsent(SimConfig { unknown_task: UnknownTask::EmptyObject, ..quick() });
    let found = DoctorRun::run(&test_env);
    found.expect("lookups", "ok", "the account answers lookups by external_task_id", "");
    found.expect("backup", "ok", "it is not known whether Kling has tasks with their names", "");
}

#[test]
fn failed_lookup_proves_nothing() {
    let test_env = with_one_unsent(quick());
    test_env.sim.fail_lookups(true, false);
    let found = DoctorRun::run(&test_env);
    let unknown = "it is not known whether the account answers lookups by external_task_id (a lookup failed: ";
    found.expect("lookups", "ok", unknown, "");
    found.expect("backup", "ok", "it is not known whether Kling has tasks with their names", "");
    test_env.sim.fail_lookups(false, false);
    test_env.sim.answer_names(false);
    let found = DoctorRun::run(&test_env);
    found.only(&["lookups", "queue"]);
    found.expect(
        "lookups",
        "warning",
        "by its id, and not by its name): two databases on this account may both pay for the same request",
        "use this account with one state database only",
    );
    let unanswered = "the account does not answer lookups by external_task_id (";
    found.expect("lookups", "warning", unanswered, "");
}

/// The request may arrive and be accepted at any time.
#[test]
fn create_request_with_an_unknown_outcome_is_never_called_unsent() {
    let mut test_env = TestEnv::new(slow());
    test_env.sim.keep_creates(1, ClientSees::Broken { after_ms: 0 });
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until("the lost answer", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for.contains("checking whether Kling"))
    });
    for daemon_runs in [true, false] {
        let found = DoctorRun::run(&test_env);
        for check in found.json["checks"].as_array().unwrap() {
            let message = check["message"].as_str().unwrap();
            let denies = ["not sent", "no task of"].iter().any(|words| message.contains(words));
            assert!(!denies, "{message}");
        }
        let status = if daemon_runs { "ok" } else { "warning" };
        found.expect("create requests", status, "1 create request has an unknown outcome", "");
        assert_eq!(found.ran.code, Some(0));
        test_env.kill();
    }
}
