//! `lipsyncd pause`: nothing is created after the command has returned.

use std::{
    fs,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use super::env::{done, house, lenient};
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
    let mut house = house(config, 40, &STEADY);
    let jobs: String = (0..JOBS)
        .map(|n| {
            let text = job_of(&format!("busy-{}", n % 20));
            // Requests of the same video differ by their audio.
            let text = text.replace("/a.mp3", &format!("/a{n}.mp3"));
            format!("- {{ id: j{n}, {} }}\n", text.trim().replace('\n', ", "))
        })
        .collect();
    house.start();
    done(&house, &["pause"]);
    house.drop_in_old("busy.yaml", format!("jobs:\n{jobs}"));
    house.until("all jobs to be known", |house| house.states().len() == JOBS);
    for round in 1..=ROUNDS {
        let before = house.ledger().tasks.len();
        if before == JOBS {
            break;
        }
        done(&house, &["resume"]);
        house.until("tasks to be created", |house| house.ledger().tasks.len() > before);
        done(&house, &["pause"]);
        let created = house.ledger().tasks.len();
        sleep(ON_ITS_WAY);
        assert_eq!(house.ledger().tasks.len(), created, "in round {round}");
    }
    done(&house, &["resume"]);
    house.until("all to succeed", |house| {
        let states = house.states();
        states.len() == JOBS && states.iter().all(|(_, state)| state == "succeeded")
    });
    house.sim.assert_requests(JOBS);
}

#[test]
fn pause_waits_for_a_request_that_was_written_and_not_sent_yet() {
    let mut house = house(lenient(), 5, &STEADY);
    let hold = house.path("hold");
    fs::write(&hold, "").unwrap();
    let held = format!("create.intend.after:{}", hold.display());
    house.drop_in_old("x.yaml", job_of("x"));
    house.start_with(&[("LIPSYNCD_HOLD", &held)]);
    house.until_state("x", "creating");
    let mut pausing = house.command(&["pause"]).stdout(Stdio::null()).spawn().unwrap();
    house.until("the queue to be paused", |house| {
        let sql = "SELECT paused_by FROM queue_status";
        let read = house.database().unwrap().query_row(sql, [], |row| row.get(0));
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
    house.sim.assert_requests(1);
    house.until_state("x", "succeeded");
}
