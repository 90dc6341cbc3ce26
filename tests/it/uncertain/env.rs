//! The daemon and its simulated API as the scenarios set them up, and what they assert.

use std::fs;

use lipsyncd::sim::{Endpoint, Fault, FaultRule, LedgerEntry, SimConfig};

use crate::support::{
    daemon::{Ran, TestEnv, Timeouts, job_of, quick},
    switches::Switches as _,
};

/// As `BRISK`, but a job whose lookups fail or prove nothing is soon left to a person.
pub const HASTY: Timeouts = Timeouts { request: "600ms", settle: "800ms", give_up: "3s" };

/// An account that accepts a second task of a known name.
pub fn lenient() -> SimConfig {
    SimConfig { unique_external_ids: false, ..quick() }
}

pub fn test_env(config: SimConfig, slots: u32, timeouts: &Timeouts) -> TestEnv {
    let test_env = TestEnv::new(config);
    test_env.configure_with(timeouts, slots, "");
    test_env
}

/// Puts a manifest of one job into the folder for each of these keys; each is a request of its own.
pub fn ask_for(test_env: &TestEnv, keys: &[&str]) {
    for key in keys {
        test_env.drop_in_old(&format!("{key}.yaml"), job_of(key));
    }
}

/// The answers to the next create requests are lost. Kling accepts them, or never gets them.
pub fn lose_creates(test_env: &TestEnv, times: u64, accepted: bool) {
    let fault = if accepted { Fault::LoseAnswer } else { Fault::DropRequest };
    test_env
        .sim
        .fault(FaultRule { times: Some(times), ..FaultRule::once(Endpoint::Create, fault) });
}

/// Kills the daemon while the outcome of the create requests of `keys` is unknown. No lookup shows a task until then.
pub fn leave_creates_open(test_env: &mut TestEnv, keys: &[&str], accepted: bool) {
    let count = keys.len() as u64;
    test_env.sim.set(|config| config.visibility_lag_ms = 600_000);
    lose_creates(test_env, count, accepted);
    ask_for(test_env, keys);
    test_env.until("all requests to be sent", |test_env| {
        test_env.ledger().faults.values().sum::<u64>() == count
    });
    test_env.kill();
    test_env.sim.set(|config| config.visibility_lag_ms = 0);
}

/// How the account answers lookups by name, as far as the daemon has learned it.
fn lookups(test_env: &TestEnv) -> Option<String> {
    let sql = "SELECT lookups FROM account WHERE lookups <> 'unknown'";
    test_env.database()?.query_row(sql, [], |row| row.get(0)).ok()
}

/// Waits until the daemon has learned from a task that the account answers lookups by name.
pub fn learn_lookups(test_env: &TestEnv) {
    ask_for(test_env, &["learned"]);
    test_env.until_state("learned", "succeeded");
    test_env
        .until("lookups to be learned", |test_env| lookups(test_env).as_deref() == Some("path"));
}

pub fn until_all(test_env: &TestEnv, keys: &[&str], state: &str) {
    for key in keys {
        test_env.until_state(key, state);
    }
}

/// Waits until these jobs have succeeded, and checks that each has the result of its own task.
pub fn until_delivered(test_env: &TestEnv, keys: &[&str]) {
    until_all(test_env, keys, "succeeded");
    for key in keys {
        assert_delivered(test_env, key, &task_of(test_env, key));
    }
}

/// The file of a job is the complete result of this task.
pub fn assert_delivered(test_env: &TestEnv, key: &str, task: &LedgerEntry) {
    let output = test_env.job(key).unwrap().output;
    test_env.assert_complete(&output);
    let bytes = fs::read(test_env.path("output").join(output)).unwrap();
    // The simulator writes the name of a result into the file.
    let mark = format!("lipsyncd-sim {}.mp4", task.result_id);
    assert!(bytes.windows(mark.len()).any(|part| part == mark.as_bytes()), "{key}: no {mark}");
}

/// The newest task at Kling of the video of this job.
pub fn task_of(test_env: &TestEnv, key: &str) -> LedgerEntry {
    let video = format!("/{key}.mp4");
    let mut newest_first = test_env.ledger().tasks.into_iter().rev();
    newest_first.find(|task| task.video.contains(&video)).unwrap_or_else(|| panic!("{key}"))
}

/// So many tasks were paid for, and each under a name of its own.
pub fn assert_names(test_env: &TestEnv, count: usize) {
    let ledger = test_env.ledger();
    let names = ledger.tasks_by_name();
    assert!(
        ledger.tasks.len() == count && names.len() == count,
        "not {count} tasks: {:#?}",
        ledger.tasks
    );
}

/// How many slots are in use, as `status` shows it.
pub fn slots_used(test_env: &TestEnv) -> i64 {
    let sql = "SELECT slots_used FROM queue_status";
    test_env.database().unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What the commands print of a job: `show`, and its line of `list`.
fn printed(test_env: &TestEnv, key: &str) -> [String; 2] {
    let (show, list) = (test_env.run(&["show", key]), test_env.run(&["list"]));
    // After state, day and time.
    let is_of = |line: &&str| line.split_whitespace().nth(3) == Some(key);
    let line = list.out.lines().find(is_of).unwrap_or_default().to_owned();
    [show.out, line]
}

/// Waits until `show` and `list` both print each of these words about a job.
pub fn until_printed(test_env: &TestEnv, key: &str, words: &[&str]) {
    test_env.until(&format!("`show {key}` and `list` to print {words:?}"), |test_env| {
        let printed = printed(test_env, key);
        words.iter().all(|word| printed.iter().all(|text| text.contains(word)))
    });
}

/// Runs a command that must succeed.
pub fn done(test_env: &TestEnv, arguments: &[&str]) -> Ran {
    let ran = test_env.run(arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran
}

/// Runs a command that must be refused with each of these words.
pub fn refused(test_env: &TestEnv, arguments: &[&str], words: &[&str]) {
    let ran = test_env.run(arguments);
    assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{arguments:?}: no {word:?}: {ran:?}");
    }
}

/// Ends the daemon as a power failure would, and deletes its database.
pub fn lose_database(test_env: &mut TestEnv) {
    test_env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        let _absent = fs::remove_file(test_env.path(name));
    }
}

/// Moves all results away.
pub fn lose_results(test_env: &TestEnv) {
    fs::rename(test_env.path("output"), test_env.path("moved-away")).unwrap();
}

pub fn restart(test_env: &mut TestEnv) {
    test_env.kill();
    test_env.start();
}
