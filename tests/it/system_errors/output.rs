//! An output folder that takes nothing: nothing is paid for, nothing fails, and it goes on by itself.

use std::{fs, process::Command};

use lipsyncd::sim::SimConfig;

use super::{mount::Mount, skipped};
use crate::support::daemon::{JOB, TestEnv, quick};

/// Waits until `x` says that it waits for `reason`, over some tries, and nothing was paid for it.
fn waits_unpaid(test_env: &TestEnv, reason: &str) {
    test_env.until("x to say what it waits for", |test_env| {
        test_env.job("x").is_some_and(|job| job.waiting_for.contains(reason))
    });
    test_env.until("some tries", |test_env| {
        let tries = "SELECT tries FROM task WHERE lead_job = (SELECT id FROM job WHERE key = 'x')";
        test_env.database().unwrap().query_row(tries, [], |row| row.get::<_, i64>(0)).unwrap() >= 4
    });
    let job = test_env.job("x").unwrap();
    assert_eq!((job.state.as_str(), job.attempt, job.error.as_str()), ("queued", 1, ""));
    let ledger = test_env.ledger();
    assert_eq!((ledger.tasks.len(), ledger.accepted(lipsyncd::sim::Endpoint::Identify)), (0, 0));
    // The log says the same, and says it once, however often it is tried.
    let sentence = job.waiting_for.split(" (at ").next().unwrap();
    assert!(
        test_env.log().contains(&format!("waits: {sentence}")),
        "{sentence}: {}",
        test_env.log()
    );
    assert_eq!(test_env.log().matches("which cannot be written").count(), 1, "{}", test_env.log());
    let history = test_env.run(&["show", "x"]);
    assert_eq!(history.out.matches("cannot be written").count(), 2, "{}", history.out);
    let status = test_env.run(&["status"]).out;
    assert!(status.contains("1 job waits for its place in the output folder"), "{status}");
    assert!(status.contains(reason), "{status}");
    let json: serde_json::Value =
        serde_json::from_str(&test_env.run(&["status", "--json"]).out).unwrap();
    assert_eq!(json["blocked"]["jobs"], 1, "{json}");
}

fn goes_on(test_env: &TestEnv) {
    let job = test_env.until_state("x", "succeeded");
    assert_eq!((job.attempt, job.waiting_for.as_str()), (1, ""));
    test_env.assert_complete("x.mp4");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    let json: serde_json::Value =
        serde_json::from_str(&test_env.run(&["status", "--json"]).out).unwrap();
    assert!(json["blocked"].is_null(), "{json}");
}

#[test]
fn a_full_disk_under_the_output_is_waited_out_before_anything_is_paid_for() {
    let mut test_env = TestEnv::new(quick());
    let Some(mount) = Mount::tmpfs(&test_env.path("output"), "4m") else { return };
    mount.fill();
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    waits_unpaid(&test_env, "no space left");
    mount.clear();
    goes_on(&test_env);
}

#[test]
fn a_read_only_output_is_waited_out_before_anything_is_paid_for() {
    let mut test_env = TestEnv::new(quick());
    let Some(mount) = Mount::tmpfs(&test_env.path("output"), "4m") else { return };
    mount.remount("ro");
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    waits_unpaid(&test_env, "read-only");
    mount.remount("rw");
    goes_on(&test_env);
}

#[test]
fn an_output_without_permission_is_waited_out_before_anything_is_paid_for() {
    let mut test_env = TestEnv::new(quick());
    let output = test_env.path("output");
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
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        waits_unpaid(&test_env, "no permission");
    }));
    assert!(change("-i"));
    waited.unwrap();
    goes_on(&test_env);
}

#[test]
fn an_output_folder_that_goes_away_is_waited_for() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    fs::rename(test_env.path("output"), test_env.path("elsewhere")).unwrap();
    test_env.drop_in("x.yaml", JOB);
    waits_unpaid(&test_env, "does not exist");
    fs::rename(test_env.path("elsewhere"), test_env.path("output")).unwrap();
    goes_on(&test_env);
}

#[test]
fn a_result_that_is_larger_than_what_is_left_waits_for_room() {
    let mut test_env = TestEnv::new(SimConfig { min_result_bytes: 600_000, ..quick() });
    let Some(mount) = Mount::tmpfs(&test_env.path("output"), "300k") else { return };
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until("x to say what it waits for", |test_env| {
        test_env.job("x").is_some_and(|job| {
            job.state == "downloading" && job.waiting_for.contains("no space left")
        })
    });
    mount.remount("size=4m");
    goes_on(&test_env);
}

#[test]
fn a_run_that_is_to_end_does_not_wait_for_an_output_that_cannot_be_written() {
    let test_env = TestEnv::new(quick());
    let Some(mount) = Mount::tmpfs(&test_env.path("output"), "4m") else { return };
    mount.remount("ro");
    test_env.drop_in("x.yaml", JOB);
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("1 left waiting"), "{ran:?}");
    assert_eq!(test_env.ledger().tasks.len(), 0);
    mount.remount("rw");
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    test_env.assert_paid_once();
}
