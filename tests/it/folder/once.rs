//! Start and end of the daemon: `run --once`, signals, a second daemon, configuration errors.

use std::fs;

use lipsyncd::sim::{Endpoint, Fault, FaultRule};

use crate::support::daemon::{JOB, TestEnv, clip, quick, slow};

#[test]
fn run_once_completes_all_jobs_and_a_second_run_does_nothing() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("en.mp3", clip("welcome-en.mp3"));
    test_env.drop_in("x.yaml", JOB);
    test_env.drop_in(
        "y.yaml",
        "video: https://cdn.example.com/w.mp4?duration_ms=9000\naudio: en.mp3\n",
    );
    for _ in 0..2 {
        let ran = test_env.run(&["run", "--once"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert_eq!(
        test_env.states(),
        [("x".into(), "succeeded".into()), ("y".into(), "succeeded".into())]
    );
    assert_eq!(test_env.ledger().tasks.len(), 2);
    let calls = test_env.ledger();
    assert_eq!(calls.accepted(Endpoint::Identify), 2);
}

#[test]
fn missing_watermarked_copy_is_reported_until_fetch_brings_it() {
    let test_env = TestEnv::new(quick());
    let matching = Some(".watermark".to_owned());
    let refused = FaultRule::always(Endpoint::Download, Fault::Status { status: 404 });
    test_env.sim.control(|sim| sim.add_fault(FaultRule { matching, ..refused }));
    test_env.drop_in("x.yaml", format!("{JOB}watermark: true\n"));
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("1 without the watermarked copy"), "{ran:?}");
    test_env.assert_complete("x.mp4");
    assert_eq!(test_env.states(), [("x".into(), "succeeded".into())]);
    let shown = |arguments: &[&str]| test_env.run(arguments).out;
    assert!(shown(&["list"]).contains("watermarked copy missing: "), "{}", shown(&["list"]));
    assert!(
        shown(&["show", "x"]).contains("watermarked copy missing: "),
        "{}",
        shown(&["show", "x"])
    );
    assert!(shown(&["status"]).contains("1 job lacks its watermarked copy"));
    let json: serde_json::Value = serde_json::from_str(&shown(&["status", "--json"])).unwrap();
    assert_eq!(json["watermarks_missing"], 1, "{json}");
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    let ran = test_env.run(&["fetch", "x"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    test_env.assert_complete("x.watermark.mp4");
    assert!(!shown(&["status"]).contains("watermark"), "{}", shown(&["status"]));
    assert_eq!(test_env.ledger().tasks.len(), 1);
    let ran = test_env.run(&["fetch", "x"]);
    assert!(ran.out.contains("is there already"), "{ran:?}");
}

#[test]
fn exit_code_of_run_once_shows_that_not_all_succeeded() {
    let failing = JOB.replace("duration_ms=9000", "duration_ms=9000&fail=too%20dark");
    let missing = "video: https://cdn.example.com/v.mp4\naudio: missing.mp3\n";
    for (text, word) in [
        (failing.as_str(), "1 failed"),
        (missing, "1 still waiting"),
        ("x: 1\n", "1 manifest with errors"),
    ] {
        let test_env = TestEnv::new(quick());
        test_env.drop_in("good.yaml", JOB);
        test_env.drop_in("x.yaml", text);
        for _ in 0..2 {
            let ran = test_env.run(&["run", "--once"]);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.err.contains(word), "{word}: {ran:?}");
        }
        assert_eq!(test_env.state("good"), "succeeded");
    }
}

#[test]
fn once_exits_1_for_a_job_that_changed_after_it_was_sent_until_it_is_dismissed() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB);
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(0));
    test_env.drop_in("x.yaml", format!("{JOB}sound_volume: 0.5\n"));
    for _ in 0..2 {
        let ran = test_env.run(&["run", "--once"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("not everything succeeded: 1 changed after"), "{ran:?}");
    }
    assert_eq!(test_env.run(&["dismiss", "x"]).code, Some(0));
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn once_exits_0_where_what_failed_is_dismissed() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB.replace("9000", "9000&fail=too%20dark"));
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(1));
    assert_eq!(test_env.run(&["dismiss", "x"]).code, Some(0));
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(test_env.run(&["dismiss", "--undo", "x"]).code, Some(0));
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(1));
}

#[test]
fn run_once_with_an_empty_folder_succeeds_and_without_a_folder_fails() {
    let test_env = TestEnv::new(quick());
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(0));
    fs::remove_dir(test_env.path("jobs")).unwrap();
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("jobs_dir"), "{ran:?}");
}

#[test]
fn a_second_daemon_on_the_same_database_names_the_first() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    for arguments in [["run"].as_slice(), &["run", "--once"]] {
        let ran = test_env.run(arguments);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.err.contains(&format!("PID {}", test_env.pid())), "{ran:?}");
    }
    assert!(test_env.is_running());
}

#[test]
fn missing_credentials_are_named() {
    let test_env = TestEnv::new(quick());
    for command in ["run", "run --once"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let mut command = test_env.command(&arguments);
        command.env_remove("KLING_ACCESS_KEY").env_remove("KLING_SECRET_KEY");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        for name in ["KLING_ACCESS_KEY", "KLING_SECRET_KEY", "KLING_API_TOKEN"] {
            assert!(said.contains(name), "{said}");
        }
    }
    assert!(!test_env.path("lipsyncd.db").exists());
}

#[test]
fn a_configuration_error_is_reported_with_its_position() {
    let test_env = TestEnv::new(quick());
    fs::write(test_env.path("lipsyncd.yaml"), "watch:\n  settel: 1s\n").unwrap();
    let ran = test_env.run(&["run"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("lipsyncd.yaml:2:3"), "{ran:?}");
    assert!(ran.err.contains("settle"), "{ran:?}");
}

#[test]
fn sigterm_and_sigint_stop_the_daemon_and_sighup_does_not() {
    let mut test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    test_env.until("x to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.until("x to be known as sent", |test_env| {
        ["submitted", "processing"].contains(&test_env.state("x").as_str())
    });
    test_env.signal("HUP");
    test_env.until_scanned_again("later");
    assert!(test_env.is_running());
    for name in ["TERM", "INT"] {
        test_env.signal(name);
        let status = test_env.wait_until_ended();
        assert_eq!(status.code(), Some(0), "{name}: {status}");
        test_env.start();
    }
    test_env.finish_tasks();
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn a_signal_stops_run_once() {
    let test_env = TestEnv::new(slow());
    test_env.drop_in("x.yaml", JOB);
    let mut child =
        test_env.command(&["run", "--once"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    test_env.until("x to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert!(status.code().is_some(), "{status}: it ends by itself, not by the signal");
}
