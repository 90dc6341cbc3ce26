//! `lipsyncd pause`: nothing is created after the command has returned.

use std::{
    fs,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use super::env::{done, lenient, test_env};
use crate::support::{
    daemon::{STEADY, job_of},
    switches::Switches as _,
};

const ROUNDS: usize = 12;
const JOBS: usize = 240;
/// A create request that was on its way when `pause` returned arrives well within this.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

#[test]
fn nothing_is_created_after_pause_has_returned() {
    let config = lipsyncd::sim::SimConfig { concurrency: 100, task_ms: (20, 60), ..lenient() };
    let mut test_env = test_env(config, 40, &STEADY);
    let jobs: String = (0..JOBS)
        .map(|n| {
            let text = job_of(&format!("busy-{}", n % 20));
            // Requests of the same video differ by their audio.
            let text = text.replace("/a.mp3", &format!("/a{n}.mp3"));
            format!("- {{ id: j{n}, {} }}\n", text.trim().replace('\n', ", "))
        })
        .collect();
    test_env.start();
    done(&test_env, &["pause"]);
    test_env.drop_in_old("busy.yaml", format!("jobs:\n{jobs}"));
    test_env.until("all jobs to be known", |test_env| test_env.states().len() == JOBS);
    for round in 1..=ROUNDS {
        let before = test_env.ledger().tasks.len();
        if before == JOBS {
            break;
        }
        done(&test_env, &["resume"]);
        test_env.until("tasks to be created", |test_env| test_env.ledger().tasks.len() > before);
        done(&test_env, &["pause"]);
        let created = test_env.ledger().tasks.len();
        sleep(ON_ITS_WAY);
        assert_eq!(test_env.ledger().tasks.len(), created, "in round {round}");
    }
    done(&test_env, &["resume"]);
    test_env.until("all to succeed", |test_env| {
        let states = test_env.states();
        states.len() == JOBS && states.iter().all(|(_, state)| state == "succeeded")
    });
    test_env.sim.assert_requests(JOBS);
}

#[test]
fn pause_waits_for_a_request_that_was_written_and_not_sent_yet() {
    let mut test_env = test_env(lenient(), 5, &STEADY);
    let hold = test_env.path("hold");
    fs::write(&hold, "").unwrap();
    let held = format!("create.intend.after:{}", hold.display());
    test_env.drop_in_old("x.yaml", job_of("x"));
    test_env.start_with(&[("LIPSYNCD_HOLD", &held)]);
    test_env.until_state("x", "creating");
    let mut pausing = test_env.command(&["pause"]).stdout(Stdio::null()).spawn().unwrap();
    test_env.until("the queue to be paused", |test_env| {
        let sql = "SELECT paused_by FROM queue_status";
        let read = test_env.database().unwrap().query_row(sql, [], |row| row.get(0));
        read.ok().flatten() == Some("person".to_owned())
    });
    let began = Instant::now();
    while began.elapsed() < ON_ITS_WAY {
        assert!(
            pausing.try_wait().unwrap().is_none(),
            "pause returned before the request was sent"
        );
        sleep(Duration::from_millis(10));
    }
    fs::remove_file(&hold).unwrap();
    assert!(pausing.wait().unwrap().success());
    test_env.sim.assert_requests(1);
    test_env.until_state("x", "succeeded");
}
