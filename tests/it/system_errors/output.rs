//! An output folder that is not writable: nothing is paid, nothing fails, and work continues automatically.

use std::{fs, process::Command};

use lipsyncd::sim::SimConfig;

use super::{mount::Mount, skipped};
use crate::support::daemon::{JOB, TestEnv, quick};

/// Waits until `x` waits for `reason` after several tries. Checks that nothing was paid.
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
    let sentence = job.waiting_for.split("; next try at ").next().unwrap();
    assert!(
        test_env.log().contains(&format!("waits: {sentence}")),
        "{sentence}: {}",
        test_env.log()
    );
    assert_eq!(
        test_env.log().matches("the output file cannot be written").count(),
        1,
        "{}",
        test_env.log()
    );
    let history = test_env.run(&["show", "x"]);
    assert_eq!(history.out.matches("cannot be written").count(), 2, "{}", history.out);
    let status = test_env.run(&["status"]).out;
    assert!(status.contains("1 job waits: the output file cannot be written"), "{status}");
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
fn a_full_output_disk_holds_jobs_before_payment() {
    let mut test_env = TestEnv::new(quick());
    let Some(mount) = Mount::tmpfs(&test_env.path("output"), "4m") else { return };
    mount.fill();
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    waits_unpaid(&test_env, "no space left for ");
    mount.clear();
    goes_on(&test_env);
}

#[test]
fn a_read_only_output_folder_holds_jobs_before_payment() {
    let mut test_env = TestEnv::new(quick());
    let Some(mount) = Mount::tmpfs(&test_env.path("output"), "4m") else { return };
    mount.remount("ro");
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    waits_unpaid(&test_env, " is on a read-only file system");
    mount.remount("rw");
    goes_on(&test_env);
}

#[test]
fn an_output_folder_without_permission_holds_jobs_before_payment() {
    let mut test_env = TestEnv::new(quick());
    let output = test_env.path("output");
    fs::create_dir(&output).unwrap();
    // Root ignores permission bits, but not an immutable folder.
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
        waits_unpaid(&test_env, "no permission to write ");
    }));
    assert!(change("-i"));
    waited.unwrap();
    goes_on(&test_env);
}

#[test]
fn jobs_wait_for_a_missing_output_folder() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    fs::rename(test_env.path("output"), test_env.path("elsewhere")).unwrap();
    test_env.drop_in("x.yaml", JOB);
    waits_unpaid(&test_env, "does not exist");
    fs::rename(test_env.path("elsewhere"), test_env.path("output")).unwrap();
    goes_on(&test_env);
}

#[test]
fn a_result_larger_than_the_free_space_waits() {
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
fn run_once_does_not_wait_for_an_unwritable_output_folder() {
    let test_env = TestEnv::new(quick());
    let Some(mount) = Mount::tmpfs(&test_env.path("output"), "4m") else { return };
    mount.remount("ro");
    test_env.drop_in("x.yaml", JOB);
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("1 still waiting"), "{ran:?}");
    assert_eq!(test_env.ledger().tasks.len(), 0);
    mount.remount("rw");
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    test_env.assert_paid_once();
}
