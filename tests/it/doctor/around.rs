//! All well; and what doctor must not do: spend, change, tell secrets, stand in the daemon's way.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, path::Path};

use lipsyncd::sim::Endpoint;

use super::Found;
use crate::support::daemon::{JOB, TestEnv, clip, quick, slow};

/// Every file of the test_env, with its size and the time of its last write.
fn everything(folder: &Path, into: &mut BTreeMap<String, (u64, i64, i64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::symlink_metadata(&path).unwrap();
        let facts = (file.len(), file.mtime(), file.mtime_nsec());
        into.insert(path.display().to_string(), facts);
        if file.is_dir() {
            everything(&path, into);
        }
    }
}

#[test]
fn all_is_well_and_nothing_is_spent_or_changed() {
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
    everything(&test_env.path(""), &mut before);
    let ledger = test_env.ledger();
    let found = Found::look(&test_env);
    assert_eq!((found.ran.code, found.ran.err.as_str()), (Some(0), ""), "{:?}", found.ran);
    found.only(&[]);
    assert_eq!(found.json["ok"], true);
    found.expect("media.public_base_url", "ok", "/media/anna.mp4 answers with its 78274 bytes", "");
    found.expect("api", "ok", "answers, in", "");
    found.expect("clock", "ok", "agrees", "");
    found.expect("database", "ok", "whole", "");
    let mut after = BTreeMap::new();
    everything(&test_env.path(""), &mut after);
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
fn a_line_a_check_and_the_json_have_the_same() {
    let test_env = TestEnv::new(quick());
    let (lines, json) = (test_env.run(&["doctor"]), Found::look(&test_env).json);
    assert_eq!(lines.code, Some(0), "{lines:?}");
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(lines.out.lines().count(), checks.len() + 1, "{lines:?}");
    assert!(lines.out.ends_with(&format!("All is well: {} checks.\n", checks.len())), "{lines:?}");
    for check in checks {
        let mut members: Vec<&String> = check.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["mend", "message", "name", "status"]);
        let status = check["status"].as_str().unwrap();
        assert!(["ok", "warning", "error"].contains(&status));
        assert_eq!(check["mend"].is_null(), status == "ok", "{check}");
    }
}

#[test]
fn beside_a_daemon_at_work_it_finds_it_and_changes_nothing_for_it() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until_state("x", "processing");
    let pid = test_env.pid();
    for _ in 0..3 {
        let found = Found::look(&test_env);
        found.only(&[]);
        found.expect("daemon", "ok", &format!("runs (PID {pid})"), "");
        found.expect("open files", "ok", "the daemon may have", "");
    }
    assert!(test_env.is_running());
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn no_secret_is_told_whatever_is_wrong() {
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
