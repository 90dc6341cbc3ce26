//! What needs a person, with the command.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};

use super::DoctorRun;
use crate::support::{
    daemon::{BRISK, JOB, TestEnv, job_of, quick, slow},
    refusal,
};

#[test]
fn paused_queue_names_resume() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    test_env.run(&["pause"]);
    let config = test_env.path("lipsyncd.yaml").display().to_string();
    let found = DoctorRun::run(&test_env);
    found.only(&["queue"]);
    found.expect("queue", "warning", "paused since", &format!("lipsyncd --config {config} resume"));
    test_env.run(&["resume"]);
    let found = DoctorRun::run(&test_env);
    found.only(&[]);
    found.expect("jobs", "ok", "none needs a person", "");
    assert_eq!(found.ran.code, Some(0));
}

#[test]
fn account_without_credit_is_reported() {
    let mut test_env = TestEnv::new(quick());
    test_env.sim.control(|sim| sim.add_fault(FaultRule::always(Endpoint::Identify, refusal(1102))));
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until("the queue to pause", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for.contains("paused"))
    });
    let found = DoctorRun::run(&test_env);
    found.expect("queue", "warning", "1102", "resource pack");
    assert_eq!(found.ran.code, Some(0), "a warning is no error");
}

#[test]
fn queue_that_waits_for_a_price_is_reported() {
    let mut test_env = TestEnv::with(slow(), 5, "");
    let text = std::fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let text = text.replace("limits: {", "limits: { units_per_day: 1000,");
    std::fs::write(test_env.path("lipsyncd.yaml"), text).unwrap();
    test_env.drop_in("x.yaml", JOB);
    test_env.drop_in("y.yaml", job_of("y"));
    test_env.start();
    let waits = |test_env: &TestEnv, key: &str| {
        test_env.job(key).is_some_and(|job| job.waiting_for.contains("the price of the next task"))
    };
    test_env.until("a job to wait for the price", |test_env| {
        waits(test_env, "x") || waits(test_env, "y")
    });
    let fix = format!(
        "it starts after the task that is in progress or unresolved, or set `prices` in the configuration; after a \
         change of the configuration: kill -HUP {}",
        test_env.pid()
    );
    DoctorRun::run(&test_env).expect("queue", "warning", "one such task runs at a time", &fix);
}

#[test]
fn reached_budget_is_reported() {
    let mut test_env = TestEnv::with(quick(), 5, "");
    let text = std::fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let text = text.replace("limits: {", "limits: { units_per_day: 0,");
    std::fs::write(test_env.path("lipsyncd.yaml"), text).unwrap();
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until("the budget to be reached", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for.contains("units_per_day"))
    });
    let raise = "or raise limits.units_per_day; after a change of the configuration: ";
    let found = DoctorRun::run(&test_env);
    found.expect("queue", "warning", "budget", &format!("{raise}kill -HUP {}", test_env.pid()));
    let unknown = "(the first task that this account accepts will show it); if it does not, two";
    found.expect("lookups", "ok", unknown, "");
    test_env.kill();
    DoctorRun::run(&test_env).expect("queue", "warning", "budget", " run");
}

#[test]
fn a_job_that_no_day_allows_needs_more_than_the_next_day() {
    let mut test_env = TestEnv::with(quick(), 5, "prices: { identify: 0.05, per_5s: 2 }\n");
    test_env.change_config("limits: { ", "limits: { units_per_day: 1, ");
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until("the job to be held", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for.contains("more than limits"))
    });
    let found = DoctorRun::run(&test_env);
    let fix = "raise limits.units_per_day, or cancel the job; after";
    found.expect("queue", "warning", "job x is expected to cost ", fix);
}

#[test]
fn manifests_with_errors_and_unresolved_jobs_are_reported() {
    let config = SimConfig { answers_external_lookups: false, ..slow() };
    let mut test_env = TestEnv::new(config);
    test_env.configure_with(&BRISK, 5, "");
    test_env.sim.control(|sim| sim.add_fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer)));
    test_env.drop_in("x.yaml", JOB);
    test_env.drop_in("bad.yaml", "video: 7\n");
    test_env.start();
    test_env.until_state("x", "unresolved");
    test_env.until("bad to be refused", |test_env| test_env.refusal("bad.yaml").is_some());
    let found = DoctorRun::run(&test_env);
    found.only(&["unresolved", "manifests"]);
    found.expect("unresolved", "warning", "1 job unresolved", " show x");
    found.expect("manifests", "warning", "1 manifest with errors, the first: bad.yaml", " check");
    test_env.finish_tasks();
}

#[test]
fn stopped_daemon_with_unfinished_jobs_is_reported() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until_state("x", "processing");
    test_env.kill();
    let found = DoctorRun::run(&test_env);
    found.only(&["daemon"]);
    found.expect("daemon", "warning", "unfinished jobs: 1", " run");
}

#[test]
fn output_folder_that_is_not_writable_names_the_checks_to_read() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    // Not even root can create a file in a file.
    std::fs::remove_dir(test_env.path("output")).unwrap();
    std::fs::write(test_env.path("output"), "").unwrap();
    test_env.drop_in("x.yaml", JOB);
    test_env.until("the job to wait", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for.contains("cannot be written"))
    });
    let found = DoctorRun::run(&test_env);
    found.expect("output", "warning", "1 job", "see output_dir and disk above");
    test_env.kill();
}

#[test]
fn locked_database_names_the_command_that_shows_who_locks_it() {
    let mut test_env = TestEnv::new(slow());
    test_env.start();
    let other = rusqlite::Connection::open(test_env.path("lipsyncd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    test_env.drop_in("x.yaml", JOB);
    let database = test_env.path("lipsyncd.db").display().to_string();
    test_env.until("the daemon to say so", |test_env| {
        let out = test_env.run(&["status", "--json"]).out;
        let status: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
        status["daemon"]["problem"].as_str().is_some_and(|problem| problem.contains("locked"))
    });
    let found = DoctorRun::run(&test_env);
    found.expect("daemon", "error", "locked", &format!("fuser -v {database} {database}-wal"));
    let paused = test_env.run(&["pause"]);
    assert_eq!(paused.code, Some(3), "{paused:?}");
    assert!(
        paused.err.contains("is locked\nhint: another process keeps the database locked"),
        "{paused:?}"
    );
    drop(other);
}

#[test]
fn missing_delivered_file_names_fetch() {
    let mut test_env = TestEnv::new(quick());
    for name in ["a", "b", "c"] {
        test_env.drop_in(&format!("{name}.yaml"), job_of(name));
    }
    test_env.start();
    for name in ["a", "b", "c"] {
        test_env.until_state(name, "succeeded");
    }
    DoctorRun::run(&test_env).expect(
        "delivered",
        "ok",
        "the latest 3 delivered files are there",
        "",
    );
    for output in ["b.mp4", "c.mp4"] {
        std::fs::remove_file(test_env.path("output").join(output)).unwrap();
    }
    // People edit files.
    std::fs::write(test_env.path("output/a.mp4"), "edited").unwrap();
    let found = DoctorRun::run(&test_env);
    found.only(&["delivered"]);
    found.expect("delivered", "warning", "2 of the latest 3 delivered files", " fetch c b (free");
    assert_eq!(found.ran.code, Some(0));
    assert_eq!(test_env.run(&["fetch", "b", "c"]).code, Some(0));
    test_env.until("both to be back", |test_env| {
        ["b", "c"].iter().all(|key| test_env.state(key) == "succeeded")
    });
    for output in ["b.mp4", "c.mp4"] {
        test_env.assert_complete(output);
    }
    DoctorRun::run(&test_env).expect("delivered", "ok", "", "");
    assert_eq!(test_env.ledger().tasks.len(), 3, "nothing is paid");
}
