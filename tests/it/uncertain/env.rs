//! The daemon and its simulated API as the scenarios set them up, and what they assert.

use std::fs;

use lipsyncd::sim::{Call, Fault, FaultRule, LedgerEntry, SimConfig};

use crate::support::{
    daemon::{House, Ran, Timeouts, job_of, quick},
    switches::Switches as _,
};

/// As `BRISK`, and lookups that fail or prove nothing are soon left to a person.
pub const HASTY: Timeouts = Timeouts { request: "600ms", settle: "800ms", give_up: "3s" };

/// An account that accepts a second task of a known name.
pub fn lenient() -> SimConfig {
    SimConfig { unique_external_ids: false, ..quick() }
}

pub fn house(config: SimConfig, slots: u32, timeouts: &Timeouts) -> House {
    let house = House::new(config);
    house.configure_with(timeouts, slots, "");
    house
}

/// Puts a manifest of one job into the folder for each of these keys; each is a request of its own.
pub fn ask_for(house: &House, keys: &[&str]) {
    for key in keys {
        house.drop_in_old(&format!("{key}.yaml"), job_of(key));
    }
}

/// The answers to the next create requests are lost. Kling accepts them, or never gets them.
pub fn lose_creates(house: &House, times: u64, accepted: bool) {
    let fault = if accepted { Fault::LoseAnswer } else { Fault::DropRequest };
    house.sim.fault(FaultRule { times: Some(times), ..FaultRule::once(Call::Create, fault) });
}

/// How the account answers lookups by name, as far as the daemon has learned it.
fn lookups(house: &House) -> Option<String> {
    let sql = "SELECT lookups FROM account WHERE lookups <> 'unknown'";
    house.database()?.query_row(sql, [], |row| row.get(0)).ok()
}

/// Waits until the daemon has learned from a task that the account answers lookups by name.
pub fn learn_lookups(house: &House) {
    ask_for(house, &["learned"]);
    house.until_state("learned", "succeeded");
    house.until("lookups to be learned", |house| lookups(house).as_deref() == Some("path"));
}

pub fn until_all(house: &House, keys: &[&str], state: &str) {
    for key in keys {
        house.until_state(key, state);
    }
}

/// Waits until these jobs have succeeded, and checks that each has the result of its own task.
pub fn until_delivered(house: &House, keys: &[&str]) {
    until_all(house, keys, "succeeded");
    for key in keys {
        assert_delivered(house, key, &task_of(house, key));
    }
}

/// The file of a job is the complete result of this task.
pub fn assert_delivered(house: &House, key: &str, task: &LedgerEntry) {
    let output = house.job(key).unwrap().output;
    house.assert_whole(&output);
    let bytes = fs::read(house.path("output").join(output)).unwrap();
    // The simulator writes the name of a result into the file.
    let mark = format!("lipsyncd-sim {}.mp4", task.result_id);
    assert!(bytes.windows(mark.len()).any(|part| part == mark.as_bytes()), "{key}: no {mark}");
}

/// The newest task at Kling of the video of this job.
pub fn task_of(house: &House, key: &str) -> LedgerEntry {
    let video = format!("/{key}.mp4");
    let mut newest_first = house.ledger().tasks.into_iter().rev();
    newest_first.find(|task| task.video.contains(&video)).unwrap_or_else(|| panic!("{key}"))
}

/// So many tasks were paid for, and each under a name of its own.
pub fn assert_names(house: &House, count: usize) {
    let ledger = house.ledger();
    let names = ledger.tasks_by_name();
    assert!(
        ledger.tasks.len() == count && names.len() == count,
        "not {count} tasks: {:#?}",
        ledger.tasks
    );
}

/// How many slots are in use, as `status` shows it.
pub fn slots_used(house: &House) -> i64 {
    let sql = "SELECT slots_used FROM queue_status";
    house.database().unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What the commands print of a job: `show`, and its line of `list`.
fn printed(house: &House, key: &str) -> [String; 2] {
    let (show, list) = (house.run(&["show", key]), house.run(&["list"]));
    let is_of = |line: &&str| line.split_whitespace().next() == Some(key);
    let line = list.out.lines().find(is_of).unwrap_or_default().to_owned();
    [show.out, line]
}

/// Waits until `show` and `list` both print each of these words about a job.
pub fn until_printed(house: &House, key: &str, words: &[&str]) {
    house.until(&format!("`show {key}` and `list` to print {words:?}"), |house| {
        let printed = printed(house, key);
        words.iter().all(|word| printed.iter().all(|text| text.contains(word)))
    });
}

/// Runs a command that must succeed.
pub fn done(house: &House, arguments: &[&str]) -> Ran {
    let ran = house.run(arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran
}

/// Runs a command that must be refused with each of these words.
pub fn refused(house: &House, arguments: &[&str], words: &[&str]) {
    let ran = house.run(arguments);
    assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{arguments:?}: no {word:?}: {ran:?}");
    }
}

/// Ends the daemon as a power failure would, and deletes its database.
pub fn lose_database(house: &mut House) {
    house.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        let _absent = fs::remove_file(house.path(name));
    }
}

/// Moves all results away.
pub fn lose_results(house: &House) {
    fs::rename(house.path("output"), house.path("moved-away")).unwrap();
}

pub fn restart(house: &mut House) {
    house.kill();
    house.start();
}
