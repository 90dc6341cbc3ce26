//! What `status` and `doctor` print about the queue is true while it lasts, and gone afterwards.

use std::fs;

use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};

use crate::support::{
    daemon::{TestEnv, job_of, quick, slow},
    refusal,
    switches::Switches as _,
};

fn until_printed(env: &TestEnv, command: &str, words: &str) {
    env.until(&format!("`{command}` to print {words:?}"), |env| {
        env.run(&[command]).out.contains(words)
    });
}

/// `status` and `doctor` both print these words.
fn until_reported(env: &TestEnv, words: &str) {
    for command in ["status", "doctor"] {
        until_printed(env, command, words);
    }
}

/// Neither prints these words any more, and doctor finds no error.
fn until_healthy(env: &TestEnv, words: &str) {
    env.until(&format!("{words:?} to be gone"), |env| {
        !env.run(&["status"]).out.contains(words) && !env.run(&["doctor"]).out.contains(words)
    });
    let doctor = env.run(&["doctor"]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(env.run(&["status"]).out.contains("queue      not paused"));
}

/// A daemon with the tasks of these jobs in progress at Kling.
fn busy(keys: &[&str]) -> TestEnv {
    let mut env = TestEnv::new(slow());
    for key in keys {
        env.drop_in_old(&format!("{key}.yaml"), job_of(key));
    }
    env.start();
    for key in keys {
        env.until_state(key, "processing");
    }
    env
}

#[test]
fn rate_limit() {
    let mut env = busy(&["sent"]);
    let limit = Fault::Code { code: 1302, status: None, retry_after_s: Some(600), message: None };
    env.sim.fault(FaultRule::once(Endpoint::Identify, limit));
    env.drop_in_old("next.yaml", job_of("next"));
    until_reported(&env, "rate limited by the API (code 1302) until 20");
    let fix = "wait: the daemon continues automatically; if this happens often, lower limits.identify_per_second, limits.create_per_second or limits.query_per_second";
    until_printed(&env, "doctor", fix);
    until_printed(&env, "status", ": no paid calls; tasks are queried");
    let json = env.run(&["status", "--json"]);
    assert!(json.out.contains("\"limited_until\": \"20"), "{json:?}");
    // The task that is paid for is followed, and paid calls rest.
    env.finish_tasks();
    env.until_state("sent", "succeeded");
    assert_eq!(env.ledger().tasks.len(), 1);
    // The rest ends with the daemon.
    env.kill();
    env.start();
    env.until("the next job to be sent", |env| env.ledger().tasks.len() == 2);
    until_healthy(&env, "rate limited by the API");
}

/// `Retry-After: 600` on the list: the polling of paid tasks rests for `poll.max_interval` × 10, which is 2 s here.
#[test]
fn rate_limit_of_the_list() {
    let keys = ["a", "b", "c"];
    let env = busy(&keys);
    let limit = Fault::Code { code: 1302, status: None, retry_after_s: Some(600), message: None };
    env.sim.fault(FaultRule::always(Endpoint::List, limit));
    env.until("the reasons of paid jobs", |env| {
        let words = "rate limited by the API (code 1302); the status of task ";
        keys.iter().all(|key| env.job(key).is_some_and(|job| job.waiting_for.starts_with(words)))
    });
    until_printed(&env, "status", "rate limited by the API (code 1302) until 20");
    env.finish_tasks();
    for key in keys {
        env.until_state(key, "succeeded");
    }
    assert!(env.ledger().refused(Endpoint::List, 1302) < 5);
}

/// The list shows five tasks as `submitted` for ever. A query of each shows its end.
#[test]
fn list_that_lags_behind() {
    let keys = ["a", "b", "c", "d", "e"];
    let env = busy(&keys);
    env.sim.set(|config| config.list_status_lag_ms = 3_600_000);
    env.finish_tasks();
    for key in keys {
        env.until_state(key, "succeeded");
    }
}

#[test]
fn pauses() {
    for (call, code, words, fix) in [
        (
            Endpoint::Any,
            1002,
            "the API refused the credentials",
            "see credentials and api above; then: ",
        ),
        (
            Endpoint::Identify,
            1102,
            "the account is in arrears or its resource pack is used up",
            "pay, buy a resource pack, or activate the API in Kling's console; the queue is then resumed automatically",
        ),
    ] {
        let mut env = TestEnv::new(quick());
        env.configure(5, "pause: { probe_interval: 200ms }\n");
        env.sim.fault(FaultRule::always(call, refusal(code)));
        env.drop_in_old("x.yaml", job_of("x"));
        env.start();
        until_reported(&env, words);
        until_printed(&env, "status", "paused since 20");
        until_printed(&env, "status", "; next probe at 20");
        until_printed(&env, "doctor", fix);
        assert_eq!(env.ledger().tasks.len(), 0);
        env.kill();
        assert!(!env.run(&["status"]).out.contains("next probe"), "nothing probes");
        env.start();
        env.sim.control(lipsyncd::sim::Sim::clear_faults);
        env.until_state("x", "succeeded");
        until_healthy(&env, "paused since");
    }
}

#[test]
fn api_without_answers() {
    let env = busy(&["sent"]);
    env.sim.fault(FaultRule::always(Endpoint::Any, Fault::DropRequest));
    until_printed(&env, "status", "api        no usable answer since 20");
    until_printed(&env, "doctor", "no usable answer from the API since 20");
    until_printed(&env, "doctor", "see api above; the daemon tries again automatically");
    until_printed(&env, "doctor", "by external_task_id (learned from an earlier task): a task");
    until_printed(&env, "status", "shows how to fix the connection to the API");
    assert_eq!(env.run(&["doctor"]).code, Some(1));
    env.sim.control(lipsyncd::sim::Sim::clear_faults);
    until_healthy(&env, "no usable answer");
    assert_eq!(env.job("sent").unwrap().state, "processing");
}

#[test]
fn folders_that_are_gone() {
    let env = busy(&["sent"]);
    let (jobs, away) = (env.path("jobs"), env.path("away"));
    fs::rename(&jobs, &away).unwrap();
    until_reported(&env, "no jobs are cancelled");
    until_printed(&env, "status", "shows how to fix the folder of manifests");
    let fix = "see jobs_dir above, and mount the share if there is one; the daemon scans it again automatically";
    until_printed(&env, "doctor", fix);
    assert_eq!(env.job("sent").unwrap().state, "processing");
    fs::rename(&away, &jobs).unwrap();
    until_healthy(&env, "no jobs are cancelled");
    fs::remove_dir_all(env.path("output")).unwrap();
    env.finish_tasks();
    until_printed(&env, "status", "output     1 job waits: ");
    until_printed(&env, "doctor", "1 job waits: the output file cannot be written: ");
    until_printed(&env, "status", "shows how to fix the output folder");
    let fix = "see output_dir and disk above: the jobs continue automatically when the folder is writable";
    until_printed(&env, "doctor", fix);
    let created = "output does not exist, and the daemon creates it only at its start";
    until_printed(&env, "doctor", created);
    assert!(!env.run(&["status"]).out.contains("time left"));
    assert_eq!(env.job("sent").unwrap().state, "downloading");
    fs::create_dir(env.path("output")).unwrap();
    env.until_state("sent", "succeeded");
    until_healthy(&env, "1 job waits");
}

#[test]
fn person_and_unresolved_create_request() {
    let mut env = TestEnv::new(SimConfig { answers_external_lookups: false, ..slow() });
    env.configure_with(&crate::support::daemon::BRISK, 5, "");
    env.sim.fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer));
    env.drop_in_old("x.yaml", job_of("x"));
    env.start();
    env.until_state("x", "unresolved");
    until_printed(&env, "status", "1 unresolved");
    let doctor = env.run(&["doctor"]);
    let words = "1 job unresolved: Kling may have accepted the create request, and no lookup shows whether it did; you must decide";
    assert!(doctor.out.contains(words), "{doctor:?}");
    assert_eq!(env.ledger().tasks.len(), 1, "Kling has accepted it");
    assert_eq!(env.run(&["pause"]).code, Some(0));
    until_reported(&env, "paused since 20");
    until_printed(&env, "status", "  allows paid calls again\n");
    let task_id = env.ledger().tasks[0].task_id.clone();
    assert_eq!(env.run(&["resolve", "x", "--task", &task_id]).code, Some(0));
    assert_eq!(env.run(&["resume"]).code, Some(0));
    env.until("the task to be followed", |env| {
        env.finish_tasks();
        env.job("x").is_some_and(|job| job.state == "succeeded")
    });
    let doctor = env.run(&["doctor"]);
    assert!(!doctor.out.contains("unresolved:") && !doctor.out.contains("paused"), "{doctor:?}");
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
}

#[test]
fn results_that_are_not_complete() {
    let mut env = TestEnv::new(quick());
    let cut = Fault::WrongLength { bytes: Some(400) };
    let of = |text: &str, fault| FaultRule {
        matching: Some(text.to_owned()),
        ..FaultRule::always(Endpoint::Download, fault)
    };
    env.sim.fault(of("watermark", Fault::Status { status: 404 }));
    // After eight tries, a copy is asked for once an hour: they last longer than the commands below.
    env.change_config("initial: 50ms, max: 500ms", "initial: 1s, max: 10s");
    env.drop_in_old("marked.yaml", job_of("marked") + "watermark: true\n");
    env.start();
    env.until_state("marked", "succeeded");
    env.sim.fault(FaultRule::always(Endpoint::Download, cut));
    env.drop_in("cut.yaml", job_of("cut"));
    env.until("the part to be kept", |env| {
        env.job("cut").is_some_and(|job| job.waiting_for.contains("3 downloads in a row"))
    });
    assert!(env.path("output/cut.incomplete.mp4").exists());
    // The result is reported after five minutes.
    let database = rusqlite::Connection::open(env.path("lipsyncd.db")).unwrap();
    let earlier =
        "UPDATE task SET failing_since_ms = failing_since_ms - 300000 WHERE state = 'downloading'";
    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(database.execute(earlier, []).unwrap(), 1);
    for words in [
        "results    1 job without the paid result: cut: try 3 failed: the result is incomplete at Kling's server: ",
        "lipsyncd show cut ",
        "  shows why its paid result does not come\n",
        "watermark  1 job lacks its watermarked copy; it is fetched again",
        "shows why a watermarked copy is missing",
    ] {
        until_printed(&env, "status", words);
    }
    until_printed(&env, "doctor", "1 job without the paid result: cut: try 3 failed: ");
    assert!(!env.path("output/marked.watermark.mp4").exists());
    env.sim.control(lipsyncd::sim::Sim::clear_faults);
    env.until("the copy", |env| env.path("output/marked.watermark.mp4").exists());
    env.until("the line to be gone", |env| !env.run(&["status"]).out.contains("watermark"));
}

#[test]
fn jobs_that_wait_for_files() {
    let mut env = TestEnv::new(quick());
    env.drop_in_old(
        "x.yaml",
        job_of("x")
            .replace("https://cdn.example.com/a.mp3?duration_ms=5000", "late.mp3")
            .replace("sound_end_time: 4s\n", ""),
    );
    env.start();
    env.until_state("x", "waiting");
    until_printed(&env, "doctor", "none needs a decision; 1 job in state waiting: ");
    until_printed(&env, "status", "shows why 1 job waits");
    env.drop_in("late.mp3", crate::testing::media::clip("welcome-en.mp3"));
    env.until_state("x", "succeeded");
    until_printed(&env, "doctor", "none needs a person");
}

#[test]
fn tasks_that_kling_does_not_show() {
    let env = busy(&["sent"]);
    let hidden = Some(1_000_000_000);
    env.sim.lag(lipsyncd::sim::Lags { by_id_ms: hidden, by_name_ms: hidden, list_ms: hidden });
    let task_id = env.ledger().tasks[0].task_id.clone();
    let words = format!(
        "(Kling does not show task {task_id}, by its name or by its id); if it does not, two"
    );
    until_printed(&env, "doctor", &words);
    env.sim.lag(lipsyncd::sim::Lags::default());
    until_printed(
        &env,
        "doctor",
        "the account answers lookups by external_task_id (tried with task ",
    );
}
