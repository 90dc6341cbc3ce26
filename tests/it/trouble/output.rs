//! An output folder that takes nothing: nothing is paid for, nothing fails, and it goes on by itself.

use std::{fs, process::Command};

use lipsyncd::sim::SimConfig;

use super::{mount::Mount, skipped};
use crate::support::daemon::{House, JOB, quick};

/// Waits until `x` says that it waits for `reason`, over some tries, and nothing was paid for it.
fn waits_unpaid(house: &House, reason: &str) {
    house.until("x to say what it waits for", |house| {
        house.job("x").is_some_and(|job| job.waiting_for.contains(reason))
    });
    house.until("some tries", |house| {
        let tries = "SELECT tries FROM task WHERE lead_job = (SELECT id FROM job WHERE key = 'x')";
        house.database().unwrap().query_row(tries, [], |row| row.get::<_, i64>(0)).unwrap() >= 4
    });
    let job = house.job("x").unwrap();
    assert_eq!((job.state.as_str(), job.attempt, job.error.as_str()), ("queued", 1, ""));
    let ledger = house.ledger();
    assert_eq!((ledger.tasks.len(), ledger.accepted(lipsyncd::sim::Call::Identify)), (0, 0));
    // The log says the same, and says it once, however often it is tried.
    let sentence = job.waiting_for.split(" (at ").next().unwrap();
    assert!(house.log().contains(&format!("waits: {sentence}")), "{sentence}: {}", house.log());
    assert_eq!(house.log().matches("which cannot be written").count(), 1, "{}", house.log());
    let history = house.run(&["show", "x"]);
    assert_eq!(history.out.matches("cannot be written").count(), 2, "{}", history.out);
    let status = house.run(&["status"]).out;
    assert!(status.contains("1 job waits for its place in the output folder"), "{status}");
    assert!(status.contains(reason), "{status}");
    let json: serde_json::Value =
        serde_json::from_str(&house.run(&["status", "--json"]).out).unwrap();
    assert_eq!(json["blocked"]["jobs"], 1, "{json}");
}

fn goes_on(house: &House) {
    let job = house.until_state("x", "succeeded");
    assert_eq!((job.attempt, job.waiting_for.as_str()), (1, ""));
    house.assert_whole("x.mp4");
    assert_eq!(house.ledger().tasks.len(), 1);
    let json: serde_json::Value =
        serde_json::from_str(&house.run(&["status", "--json"]).out).unwrap();
    assert!(json["blocked"].is_null(), "{json}");
}

#[test]
fn a_full_disk_under_the_output_is_waited_out_before_anything_is_paid_for() {
    let mut house = House::new(quick());
    let Some(mount) = Mount::tmpfs(&house.path("output"), "4m") else { return };
    mount.fill();
    house.drop_in("x.yaml", JOB);
    house.start();
    waits_unpaid(&house, "no space left");
    mount.clear();
    goes_on(&house);
}

#[test]
fn a_read_only_output_is_waited_out_before_anything_is_paid_for() {
    let mut house = House::new(quick());
    let Some(mount) = Mount::tmpfs(&house.path("output"), "4m") else { return };
    mount.remount("ro");
    house.drop_in("x.yaml", JOB);
    house.start();
    waits_unpaid(&house, "read-only");
    mount.remount("rw");
    goes_on(&house);
}

#[test]
fn an_output_without_permission_is_waited_out_before_anything_is_paid_for() {
    let mut house = House::new(quick());
    let output = house.path("output");
    fs::create_dir(&output).unwrap();
    // Root may write where permission bits forbid it; not so in an immutable folder.
    let change = |flag: &str| {
        let changed = Command::new("chattr").arg(flag).arg(&output).output();
        changed.is_ok_and(|changed| changed.status.success())
    };
    if !change("+i") {
        skipped("makes a folder immutable");
        return;
    }
    house.drop_in("x.yaml", JOB);
    house.start();
    let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        waits_unpaid(&house, "no permission");
    }));
    assert!(change("-i"));
    waited.unwrap();
    goes_on(&house);
}

#[test]
fn an_output_folder_that_goes_away_is_waited_for() {
    let mut house = House::new(quick());
    house.start();
    fs::rename(house.path("output"), house.path("elsewhere")).unwrap();
    house.drop_in("x.yaml", JOB);
    waits_unpaid(&house, "does not exist");
    fs::rename(house.path("elsewhere"), house.path("output")).unwrap();
    goes_on(&house);
}

#[test]
fn a_result_that_is_larger_than_what_is_left_waits_for_room() {
    let mut house = House::new(SimConfig { min_result_bytes: 600_000, ..quick() });
    let Some(mount) = Mount::tmpfs(&house.path("output"), "300k") else { return };
    house.drop_in("x.yaml", JOB);
    house.start();
    house.until("x to say what it waits for", |house| {
        house.job("x").is_some_and(|job| {
            job.state == "downloading" && job.waiting_for.contains("no space left")
        })
    });
    mount.remount("size=4m");
    goes_on(&house);
}

#[test]
fn a_run_that_is_to_end_does_not_wait_for_an_output_that_cannot_be_written() {
    let house = House::new(quick());
    let Some(mount) = Mount::tmpfs(&house.path("output"), "4m") else { return };
    mount.remount("ro");
    house.drop_in("x.yaml", JOB);
    let ran = house.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("1 left waiting"), "{ran:?}");
    assert_eq!(house.ledger().tasks.len(), 0);
    mount.remount("rw");
    let ran = house.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    house.assert_paid_once();
}
