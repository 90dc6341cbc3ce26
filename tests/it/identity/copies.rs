//! Copies of a folder whose original is removed, at once or later.

use super::{
    env::Env,
    programs::{copy, remove},
    samples::{within, write_mixed},
};

/// A daemon that has finished 40 manifests in `2024`; the keys of their jobs, relative to it.
fn finished_year() -> (Env, Vec<String>) {
    let mut env = Env::new();
    let keys = env.move_in_folder("2024", |folder| write_mixed(folder, "year", 40));
    env.start();
    env.until_all(&within("2024", &keys), "succeeded");
    env.assert_paid(keys.len(), "first run");
    (env, keys)
}

/// All jobs succeeded under their new keys, nothing more was paid, and all results are kept.
fn assert_moved(env: &Env, folder: &str, keys: &[String]) {
    let new = within(folder, keys);
    env.until_all(&new, "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(keys.len(), "after the copy and the removal");
    env.assert_all_results_kept();
    for key in new {
        assert_eq!(env.column(&key, "changed_after_sent").as_deref(), Some("0"), "{key}");
        assert!(env.result_path(&key).exists(), "{key}");
    }
}

#[test]
fn copy_then_remove_pays_nothing() {
    let (env, keys) = finished_year();
    std::fs::create_dir(env.jobs("archive")).unwrap();
    copy(&env.jobs("2024"), &env.jobs("archive"));
    remove(&env.jobs("2024"));
    assert_moved(&env, "archive/2024", &keys);
}

#[test]
fn copy_scanned_then_remove_pays_nothing() {
    let (env, keys) = finished_year();
    std::fs::create_dir(env.jobs("archive")).unwrap();
    copy(&env.jobs("2024"), &env.jobs("archive"));
    env.until_all(&within("archive/2024", &keys), "succeeded");
    env.scanned();
    env.assert_paid(keys.len(), "after the copy");
    remove(&env.jobs("2024"));
    assert_moved(&env, "archive/2024", &keys);
}

#[test]
fn copy_and_remove_without_daemon_pays_nothing() {
    let (mut env, keys) = finished_year();
    env.kill();
    std::fs::create_dir(env.jobs("archive")).unwrap();
    copy(&env.jobs("2024"), &env.jobs("archive"));
    remove(&env.jobs("2024"));
    env.start();
    assert_moved(&env, "archive/2024", &keys);
}

#[test]
fn paused_copy_then_remove_pays_once() {
    let mut env = Env::new();
    env.start();
    env.command_done(&["pause"]);
    let keys = env.move_in_folder("2024", |folder| write_mixed(folder, "paused", 12));
    env.until_all(&within("2024", &keys), "queued");
    std::fs::create_dir(env.jobs("archive")).unwrap();
    copy(&env.jobs("2024"), &env.jobs("archive"));
    env.scanned();
    remove(&env.jobs("2024"));
    env.scanned();
    env.assert_paid(0, "while paused");
    env.command_done(&["resume"]);
    assert_moved(&env, "archive/2024", &keys);
    for (key, state) in env.all_jobs() {
        assert!(key.starts_with("archive/") || state == "cancelled", "{key} is {state}");
    }
}
