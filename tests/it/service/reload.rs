//! SIGHUP: settings and credentials are read again, and the same process continues with them.

use std::{fs, process::Command};

use super::manager::Manager;
use crate::support::daemon::{JOB, TestEnv, quick, slow};

fn job(name: &str) -> String {
    JOB.replace("/v.mp4", &format!("/{name}.mp4"))
}

/// Reloads, and waits until the reload has ended.
fn reload(test_env: &TestEnv, manager: &Manager) {
    let before = manager.count("READY=1");
    test_env.signal("HUP");
    test_env.until("the reload to begin", |_| manager.count("RELOADING=1") > 0);
    test_env.until("the reload to end", |_| manager.count("READY=1") > before);
}

#[test]
fn reload_applies_a_new_limit_and_keeps_following_tasks() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    let manager = Manager::listen(&test_env);
    for name in ["a", "b", "c"] {
        test_env.drop_in_old(&format!("{name}.yaml"), job(name));
    }
    manager.start(&mut test_env, &[]);
    test_env.until("the one slot to be used", |test_env| test_env.ledger().tasks.len() == 1);
    let pid = test_env.pid();
    test_env.configure(2, "");
    reload(&test_env, &manager);
    assert!(manager.received().iter().any(|line| line.starts_with("MONOTONIC_USEC=")));
    test_env.until("the second slot to be used", |test_env| test_env.ledger().tasks.len() == 2);
    test_env.until("both to be counted", |_| manager.status().starts_with("2 of 2 slots used"));
    assert_eq!(test_env.pid(), pid);
    assert!(test_env.is_running());
    test_env.until("all to be done", |test_env| {
        test_env.finish_tasks();
        ["a", "b", "c"].iter().all(|key| test_env.state(key) == "succeeded")
    });
    test_env.assert_paid_once();
    assert_eq!(test_env.ledger().tasks.len(), 3);
}

#[test]
fn configuration_with_errors_is_reported_and_not_applied() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    manager.start(&mut test_env, &[]);
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    let good = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let moved = format!("{good}state_db: other.db\n");
    let unusable = format!("{good}output_dir: lipsyncd.yaml\n");
    let unknown = format!("{good}colour: blue\n");
    let refused = "the new configuration was refused";
    let faulty = [
        (unknown, "colour"),
        (moved, "state_db cannot change"),
        (unusable, "output_dir"),
        (String::new(), "is empty"),
    ];
    for (turn, (text, why)) in faulty.into_iter().enumerate() {
        fs::write(test_env.path("lipsyncd.yaml"), text).unwrap();
        reload(&test_env, &manager);
        let log = test_env.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(refused)).collect();
        assert_eq!(lines.len(), turn + 1, "{log}");
        assert!(lines[turn].contains(why), "{}", lines[turn]);
        test_env.until("the reason to be in the status", |_| {
            let status = manager.status();
            status.starts_with("a new configuration was refused (") && status.contains(why)
        });
    }
    // The daemon continues to work.
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "succeeded");
    fs::write(test_env.path("lipsyncd.yaml"), good).unwrap();
    reload(&test_env, &manager);
    assert!(test_env.log().contains("are unchanged"), "{}", test_env.log());
    test_env
        .until("the status to be plain again", |_| manager.status().starts_with("0 of 5 slots"));
}

#[test]
fn reload_replaces_refused_credentials() {
    let mut test_env = TestEnv::with(quick(), 5, "pause: { probe_interval: 100ms }\n");
    let manager = Manager::listen(&test_env);
    let folder = test_env.path("credentials");
    fs::create_dir(&folder).unwrap();
    let write = |secret: &str| {
        fs::write(folder.join("kling_access_key"), "sim-access-key\n").unwrap();
        fs::write(folder.join("kling_secret_key"), format!("{secret}\n")).unwrap();
    };
    write("sim-mistyped-key");
    let found = ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    // Empty ones count as absent.
    let unset = [("KLING_ACCESS_KEY", ""), ("KLING_SECRET_KEY", "")];
    manager.start(&mut test_env, &[found, unset[0], unset[1]]);
    test_env.drop_in("x.yaml", JOB);
    test_env.until("the queue to be paused", |_| manager.status().starts_with("paused: "));
    fs::remove_file(folder.join("kling_secret_key")).unwrap();
    reload(&test_env, &manager);
    assert!(test_env.log().contains("KLING_SECRET_KEY is not"), "{}", test_env.log());
    write("sim-secret-key");
    reload(&test_env, &manager);
    test_env.until_state("x", "succeeded");
    assert!(!test_env.log().contains("mistyped"));
}

#[test]
fn many_reloads_pay_nothing_twice() {
    let mut test_env = TestEnv::with(quick(), 4, "");
    let manager = Manager::listen(&test_env);
    for number in 0..40 {
        test_env.drop_in_old(&format!("{number}.yaml"), job(&format!("v{number}")));
    }
    manager.start(&mut test_env, &[]);
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    for turn in 0..12 {
        test_env.configure(2 + turn % 3, "");
        reload(&test_env, &manager);
    }
    test_env.until("all to be done", |test_env| {
        (0..40).all(|number| test_env.state(&number.to_string()) == "succeeded")
    });
    test_env.assert_paid_once();
    assert_eq!(test_env.ledger().tasks.len(), 40);
    assert!(test_env.is_running());
}

#[test]
fn pipe_as_configuration_does_not_block_a_reload() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    manager.start(&mut test_env, &[]);
    test_env.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    let file = test_env.path("lipsyncd.yaml");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    test_env.signal("HUP");
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "succeeded");
    test_env
        .until("the pipe to be reported", |test_env| test_env.log().contains("took longer than"));
    fs::remove_file(&file).unwrap();
    test_env.configure(3, "");
    reload(&test_env, &manager);
    test_env.until("the new limit", |_| manager.status().starts_with("0 of 3 slots used"));
}

#[test]
fn reload_waits_for_files_that_are_being_written() {
    let mut test_env = TestEnv::new(quick());
    let manager = Manager::listen(&test_env);
    let hold = test_env.path("hold");
    fs::write(&hold, "").unwrap();
    let held = format!("part.sync.before:{}", hold.display());
    test_env.drop_in_old("x.yaml", JOB);
    manager.start(&mut test_env, &[("LIPSYNCD_HOLD", &held)]);
    let part = test_env.path("output/.x.mp4.part");
    let length = || fs::metadata(&part).map_or(0, |part| part.len());
    // All bytes are written; they must still be synced, and the file must get its name.
    test_env.until("the result to come", |_| length() > 0);
    let came = length();
    test_env.configure(3, "");
    test_env.signal("HUP");
    test_env.until("the result to be waited for", |test_env| {
        test_env.log().contains("waiting for files that are still being written")
    });
    assert_eq!(length(), came);
    assert_eq!(test_env.log().matches(", state_db ").count(), 1);
    fs::remove_file(&hold).unwrap();
    test_env.until_state("x", "succeeded");
    test_env.until("the new limit", |_| manager.status().starts_with("0 of 3 slots used"));
    test_env.assert_complete("x.mp4");
    test_env.assert_paid_once();
    assert!(test_env.hidden("output").is_empty());
}
