//! What waits for a person, with the command.

use lipsyncd::sim::{Call, Fault, FaultRule, SimConfig};

use super::Found;
use crate::support::{
    daemon::{BRISK, House, JOB, job_of, quick, slow},
    refusal,
};

#[test]
fn a_line_that_a_person_paused_names_resume() {
    let mut house = House::new(quick());
    house.start();
    house.run(&["pause"]);
    let config = house.path("lipsyncd.yaml").display().to_string();
    let found = Found::look(&house);
    found.only(&["line"]);
    found.expect("line", "warning", "paused since", &format!("lipsyncd --config {config} resume"));
    house.run(&["resume"]);
    let found = Found::look(&house);
    found.only(&[]);
    found.expect("jobs", "ok", "none waits for a person", "");
    assert_eq!(found.ran.code, Some(0));
}

#[test]
fn an_account_that_is_empty_is_told() {
    let mut house = House::new(quick());
    house.sim.control(|sim| sim.add_fault(FaultRule::always(Call::Identify, refusal(1102))));
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until("the line to pause", |house| {
        house.job("x").is_some_and(|job| job.waiting_for.contains("paused"))
    });
    let found = Found::look(&house);
    found.expect("line", "warning", "1102", "resource pack");
    assert_eq!(found.ran.code, Some(0), "a warning is no error");
}

#[test]
fn a_budget_that_is_spent_is_told() {
    let mut house = House::with(quick(), 5, "");
    let text = std::fs::read_to_string(house.path("lipsyncd.yaml")).unwrap();
    let text = text.replace("limits: {", "limits: { units_per_day: 0,");
    std::fs::write(house.path("lipsyncd.yaml"), text).unwrap();
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until("the budget to be told", |house| {
        house.job("x").is_some_and(|job| job.waiting_for.contains("units_per_day"))
    });
    let reload = format!("limits.units_per_day; then: kill -HUP {}", house.pid());
    Found::look(&house).expect("line", "warning", "budget", &reload);
    house.kill();
    Found::look(&house).expect("line", "warning", "budget", " run");
}

#[test]
fn refused_manifests_and_unresolved_jobs_are_named() {
    let config = SimConfig { answers_external_lookups: false, ..slow() };
    let mut house = House::new(config);
    house.configure_with(&BRISK, 5, "");
    house.sim.control(|sim| sim.add_fault(FaultRule::once(Call::Create, Fault::LoseAnswer)));
    house.drop_in("x.yaml", JOB);
    house.drop_in("bad.yaml", "video: 7\n");
    house.start();
    house.until_state("x", "unresolved");
    house.until("bad to be refused", |house| house.refusal("bad.yaml").is_some());
    let found = Found::look(&house);
    found.only(&["unresolved", "manifests"]);
    found.expect("unresolved", "warning", "1 job unresolved", " show x");
    found.expect("manifests", "warning", "1 manifest with faults, the first: bad.yaml", " check");
    house.finish_tasks();
}

#[test]
fn a_daemon_that_does_not_run_though_there_is_work_is_told() {
    let mut house = House::new(slow());
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until_state("x", "processing");
    house.kill();
    let found = Found::look(&house);
    found.only(&["daemon"]);
    found.expect("daemon", "warning", "jobs that have not ended: 1", " run");
}

#[test]
fn an_output_folder_that_takes_nothing_names_what_to_look_at() {
    let mut house = House::new(quick());
    house.start();
    // No file can be made beneath a file, whoever tries.
    std::fs::remove_dir(house.path("output")).unwrap();
    std::fs::write(house.path("output"), "").unwrap();
    house.drop_in("x.yaml", JOB);
    house.until("the job to wait", |house| {
        house.job("x").is_some_and(|job| job.waiting_for.contains("cannot be written"))
    });
    let found = Found::look(&house);
    found.expect("output", "warning", "1 job", "see output_dir and disk above");
    house.kill();
}

#[test]
fn a_database_that_another_program_keeps_locked_names_who_has_it_open() {
    let mut house = House::new(slow());
    house.start();
    let other = rusqlite::Connection::open(house.path("lipsyncd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    house.drop_in("x.yaml", JOB);
    let database = house.path("lipsyncd.db").display().to_string();
    house.until("the daemon to say so", |house| {
        let told = house.run(&["status", "--json"]).out;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap_or_default();
        told["daemon"]["trouble"].as_str().is_some_and(|trouble| trouble.contains("locked"))
    });
    let found = Found::look(&house);
    found.expect("daemon", "error", "locked", &format!("fuser -v {database} {database}-wal"));
    drop(other);
}

#[test]
fn delivered_file_that_is_gone_names_fetch() {
    let mut house = House::new(quick());
    for name in ["a", "b", "c"] {
        house.drop_in(&format!("{name}.yaml"), job_of(name));
    }
    house.start();
    for name in ["a", "b", "c"] {
        house.until_state(name, "succeeded");
    }
    Found::look(&house).expect("delivered", "ok", "the latest 3 delivered files are there", "");
    for output in ["b.mp4", "c.mp4"] {
        std::fs::remove_file(house.path("output").join(output)).unwrap();
    }
    // People edit files.
    std::fs::write(house.path("output/a.mp4"), "edited").unwrap();
    let found = Found::look(&house);
    found.only(&["delivered"]);
    found.expect("delivered", "warning", "2 of the latest 3 delivered files", " fetch c b (free");
    assert_eq!(found.ran.code, Some(0));
    assert_eq!(house.run(&["fetch", "b", "c"]).code, Some(0));
    house.until("both to be back", |house| {
        ["b", "c"].iter().all(|key| house.state(key) == "succeeded")
    });
    for output in ["b.mp4", "c.mp4"] {
        house.assert_whole(output);
    }
    Found::look(&house).expect("delivered", "ok", "", "");
    assert_eq!(house.ledger().tasks.len(), 3, "nothing is paid");
}
