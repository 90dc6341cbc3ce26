//! One line for each change of a job, with its key first and its fields beside it.

use lipsyncd::sim::{Endpoint, Fault, FaultRule};
use serde_json::Value;

use crate::support::{
    daemon::{JOB, TestEnv, clip, job_of, quick},
    switches::Switches as _,
};

/// The lines of a log in JSON.
fn lines(test_env: &TestEnv) -> Vec<Value> {
    let log = test_env.log();
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap()
}

/// The state changes of a job in the log, as `from → to`.
fn changes(test_env: &TestEnv, key: &str) -> Vec<String> {
    let of_job = |line: &Value| line["job"] == key && line["to_state"].is_string();
    let found = lines(test_env).into_iter().filter(of_job);
    found
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("new").to_owned();
            assert_eq!(line["level"], "INFO", "{line}");
            let (from, to) = (text("from_state"), text("to_state"));
            assert!(message(&line).starts_with(&format!("{key}: {from} → {to}: ")), "{line}");
            format!("{from} → {to}")
        })
        .collect()
}

fn json_test_env() -> TestEnv {
    TestEnv::with(quick(), 5, "log: { format: json }\n")
}

#[test]
fn each_state_change_of_a_job_is_logged() {
    let mut test_env = json_test_env();
    test_env.drop_in("a.yaml", JOB);
    test_env.start();
    test_env.until_state("a", "succeeded");
    let job = test_env.database().unwrap().query_row(
        "SELECT task_id FROM job_overview WHERE key = 'a'",
        [],
        |row| row.get::<_, String>(0),
    );
    let task_id = job.unwrap();
    test_env.until("its last line", |test_env| {
        changes(test_env, "a").last().is_some_and(|last| last.ends_with("→ succeeded"))
    });
    let found = changes(&test_env, "a");
    for change in ["queued → identified", "identified → creating", "creating → submitted"] {
        assert!(found.iter().any(|found| found == change), "{found:?}");
    }
    let all = lines(&test_env);
    let accepted = all.iter().find(|line| line["to_state"] == "submitted").unwrap();
    assert_eq!(accepted["manifest"], "a.yaml");
    assert_eq!(accepted["task_id"], task_id.as_str());
    assert!(accepted["request_id"].is_string(), "{accepted}");
    assert_eq!(accepted["code"], 0);
    for line in all.iter().filter(|line| line["job"].is_string()) {
        assert!(line["manifest"].is_string(), "{line}");
        assert!(!line.to_string().contains("Some("), "{line}");
    }
}

#[test]
fn a_warning_of_a_manifest_is_logged_once() {
    let mut test_env = json_test_env();
    test_env
        .drop_in("a.yaml", JOB.replace("https://cdn.example.com/v.mp4", "http://nas.local/v.mp4"));
    let checked = test_env.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    let warning = "a.yaml:1:8: warning: `video` is at a private address (nas.local)";
    assert!(checked.err.contains(warning), "{}", checked.err);
    assert!(
        checked.err.contains("1 job, 0 errors, 1 warning, 0 waiting for files"),
        "{}",
        checked.err
    );
    test_env.start();
    test_env.until_state("a", "succeeded");
    let all = lines(&test_env);
    let warned: Vec<&Value> =
        all.iter().filter(|line| message(line).starts_with(warning)).collect();
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert_eq!((&warned[0]["level"], &warned[0]["manifest"]), (&"WARN".into(), &"a.yaml".into()));
}

#[test]
fn reasons_and_commands_are_logged() {
    let mut test_env = json_test_env();
    test_env.start();
    let has = |what: &str| {
        let what = what.to_owned();
        move |test_env: &TestEnv| lines(test_env).iter().any(|line| message(line).contains(&what))
    };
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    test_env.until("the pause", has("queue paused: paused by `lipsyncd pause`"));
    test_env
        .drop_in("a.yaml", JOB.replace("https://cdn.example.com/a.mp3?duration_ms=5000", "en.mp3"));
    test_env.until(
        "the wait",
        has("a: new → waiting: found in its manifest; waits: there is no audio file `en.mp3`"),
    );
    test_env.drop_in("en.mp3", clip("welcome-en.mp3"));
    test_env.until("the audio", has("a: waiting → queued: its media are complete"));
    test_env.drop_in("b.yaml", JOB);
    test_env.drop_in("c.yaml", JOB);
    let shares =
        "c: new → queued: found in its manifest; its media are complete; shares the task of b";
    test_env.until("the shared task", has(shares));
    assert_eq!(test_env.run(&["cancel", "a"]).code, Some(0));
    test_env.until("the cancel", has("a: queued → cancelled: cancelled by `lipsyncd cancel`"));
    assert_eq!(test_env.run(&["retry", "a", "--yes"]).code, Some(0));
    test_env.until("the retry", has("a: cancelled → queued: retry: take 1 begins"));
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until("the end of the pause", has("queue resumed by a person"));
    test_env.until_state("a", "succeeded");
    test_env.remove("a.yaml");
    test_env.until("the removal", has("a.yaml: no longer in jobs_dir"));
}

#[test]
fn a_refusal_is_logged_with_its_request_id() {
    let mut test_env = json_test_env();
    let refusal = Fault::Code { code: 1201, status: None, retry_after_s: None, message: None };
    test_env.sim.control(|sim| sim.add_fault(FaultRule::once(Endpoint::Identify, refusal)));
    test_env.drop_in("a.yaml", JOB);
    test_env.start();
    test_env.until_state("a", "failed");
    test_env.until("its line", |test_env| {
        lines(test_env).iter().any(|line| line["to_state"] == "failed")
    });
    let all = lines(&test_env);
    let failed = all.iter().find(|line| line["to_state"] == "failed").unwrap();
    assert_eq!((&failed["job"], &failed["code"]), (&"a".into(), &1201.into()));
    let request_id = failed["request_id"].as_str().unwrap();
    let history: String = test_env
        .database()
        .unwrap()
        .query_row("SELECT request_id FROM job_history WHERE to_state = 'failed'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(request_id, history);
}

#[test]
fn a_daemon_that_starts_in_a_pause_logs_it() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    test_env.until("the pause", |test_env| test_env.log().contains("queue paused"));
    test_env.kill();
    test_env.start();
    test_env
        .until("the pause again", |test_env| test_env.log().matches("queue paused").count() == 2);
}

/// The API refuses three Identify Face calls.
#[test]
fn rate_limits_are_logged_once_with_their_number_at_the_end() {
    let mut test_env = json_test_env();
    for n in 0..6 {
        test_env.drop_in_old(&format!("j{n}.yaml"), job_of(&format!("j{n}")));
    }
    let limit = Fault::Code { code: 1302, status: None, retry_after_s: None, message: None };
    let rule = FaultRule { times: Some(3), ..FaultRule::always(Endpoint::Identify, limit) };
    test_env.sim.fault(rule);
    test_env.start();
    test_env.until("three refusals", |env| env.ledger().refused(Endpoint::Identify, 1302) >= 3);
    test_env.until_state("j5", "succeeded");
    test_env.signal("TERM");
    assert!(test_env.wait_until_ended().success());
    let all = lines(&test_env);
    let info = all.iter().filter(|line| line["level"] == "INFO");
    let limited: Vec<&str> =
        info.clone().map(message).filter(|text| text.contains("rate limited")).collect();
    assert_eq!(limited.len(), 2, "{limited:?}");
    assert!(limited[0].ends_with("`lipsyncd status` shows how often"), "{limited:?}");
    let number = "rate limited by the API: it refused 3 calls within ";
    assert!(limited[1].starts_with(number), "{limited:?}");
    assert!(info.clone().any(|line| line["times"] == 3));
}
