//! A healthy setup, and what doctor must not do: spend, change anything, print secrets, disturb the daemon.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, path::Path};

use lipsyncd::sim::Endpoint;

use super::DoctorRun;
use crate::support::daemon::{JOB, TestEnv, clip, quick, slow};

/// Collects every file of the folder with its size and modification time.
fn file_stamps(folder: &Path, into: &mut BTreeMap<String, (u64, i64, i64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::symlink_metadata(&path).unwrap();
        let facts = (file.len(), file.mtime(), file.mtime_nsec());
        into.insert(path.display().to_string(), facts);
        if file.is_dir() {
            file_stamps(&path, into);
        }
    }
}

#[test]
fn healthy_setup_has_no_problems_and_doctor_spends_and_changes_nothing() {
    let mut test_env = TestEnv::with(
        quick(),
        5,
        "media: { dirs: [media], public_base_url: \"http://127.0.0.1:1/\" }\n",
    );
    let base = test_env.sim.base_url().to_owned();
    test_env
        .configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{base}/media\" }}\n"));
    fs::write(test_env.path("media/anna.mp4"), clip("anna.mp4")).unwrap();
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until_state("x", "succeeded");
    test_env.kill();
    let mut before = BTreeMap::new();
    file_stamps(&test_env.path(""), &mut before);
    let ledger = test_env.ledger();
    let found = DoctorRun::run(&test_env);
    assert_eq!((found.ran.code, found.ran.err.as_str()), (Some(0), ""), "{:?}", found.ran);
    found.only(&[]);
    assert_eq!(found.json["ok"], true);
    found.expect("media.public_base_url", "ok", "/media/anna.mp4 answers with its 78274 bytes", "");
    found.expect("api", "ok", "answered in", "");
    found.expect("clock", "ok", "agrees with the API's clock", "");
    found.expect("database", "ok", "no damage", "");
    let mut after = BTreeMap::new();
    file_stamps(&test_env.path(""), &mut after);
    // SQLite's shared memory notes its readers; it is rebuilt at every start.
    for files in [&mut before, &mut after] {
        files.retain(|path, _| !path.ends_with("-shm"));
    }
    assert_eq!(before, after);
    let asked = test_env.ledger();
    assert_eq!((&asked.tasks, asked.identify_units), (&ledger.tasks, ledger.identify_units));
    assert_eq!(asked.accepted(Endpoint::List), ledger.accepted(Endpoint::List) + 1);
    assert_eq!(asked.accepted(Endpoint::Create), ledger.accepted(Endpoint::Create));
    assert_eq!(asked.accepted(Endpoint::Identify), ledger.accepted(Endpoint::Identify));
}

#[test]
fn text_and_json_have_the_same_checks() {
    let test_env = TestEnv::new(quick());
    let (lines, json) = (test_env.run(&["doctor"]), DoctorRun::run(&test_env).json);
    assert_eq!(lines.code, Some(0), "{lines:?}");
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(lines.out.lines().count(), checks.len() + 1, "{lines:?}");
    assert!(
        lines.out.ends_with(&format!("No problems found: {} checks.\n", checks.len())),
        "{lines:?}"
    );
    for check in checks {
        let mut members: Vec<&String> = check.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["fix", "message", "name", "status"]);
        let status = check["status"].as_str().unwrap();
        assert!(["ok", "warning", "error"].contains(&status));
        assert_eq!(check["fix"].is_null(), status == "ok", "{check}");
    }
}

#[test]
fn running_daemon_is_found_and_not_disturbed() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until_state("x", "processing");
    let pid = test_env.pid();
    for _ in 0..3 {
        let found = DoctorRun::run(&test_env);
        found.only(&[]);
        found.expect("daemon", "ok", &format!("runs (PID {pid})"), "");
        found.expect("open files", "ok", "allowed for the daemon", "");
    }
    assert!(test_env.is_running());
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn secrets_are_never_printed() {
    let test_env = TestEnv::new(quick());
    let (access, secret) = ("planted-access-c0ffee", "planted-secret-c0ffee");
    for arguments in [&["doctor"][..], &["doctor", "--json"]] {
        let mut command = test_env.command(arguments);
        command.env("KLING_ACCESS_KEY", access).env("KLING_SECRET_KEY", secret);
        let ran = command.output().unwrap();
        assert_eq!(ran.status.code(), Some(1));
        for text in [ran.stdout, ran.stderr] {
            let text = String::from_utf8(text).unwrap();
            assert!(!text.contains("c0ffee") && !text.contains("Bearer"), "{text}");
        }
        let mut both = test_env.command(arguments);
        both.env("KLING_API_TOKEN", "planted token-c0ffee");
        let ran = both.output().unwrap();
        assert!(!String::from_utf8_lossy(&ran.stdout).contains("c0ffee"));
    }
}
