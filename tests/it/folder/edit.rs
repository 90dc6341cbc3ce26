//! Edits: before a job is sent they count, after that they are told.

use lipsyncd::sim::SimConfig;

use crate::support::daemon::{House, JOB, slow};

fn with(more: &str) -> String {
    format!("{JOB}{more}")
}

#[test]
fn an_edit_before_it_is_sent_is_what_runs() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("first.yaml", JOB);
    house.until("first to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", JOB);
    house.until("x to be known", |house| house.job("x").is_some());
    house.drop_in("x.yaml", with("output: other/name.mp4\nexternal_task_id: my-own\n"));
    house.until("the edit to be taken in", |house| {
        house.job("x").unwrap().output == "other/name.mp4"
    });
    house.until("x to succeed", |house| {
        house.finish_tasks();
        house.state("x") == "succeeded"
    });
    house.assert_whole("other/name.mp4");
    let job = house.job("x").unwrap();
    assert_eq!((job.external_task_id.as_str(), job.changed_after_sent), ("my-own", false));
    assert_eq!(house.ledger().tasks.len(), 2);
}

#[test]
fn an_edit_after_it_was_sent_is_told_and_runs_by_retry_alone() {
    let mut house = House::new(slow());
    house.start();
    house.drop_in("x.yaml", with("external_task_id: mine\n"));
    house.until("x to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", with("external_task_id: mine\nsound_start_time: 500\n"));
    house.until("x to be flagged", |house| house.job("x").unwrap().changed_after_sent);
    let listed = house.run(&["list"]);
    assert!(listed.out.contains("manifest changed since"), "{listed:?}");
    house.finish_tasks();
    house.until_state("x", "succeeded");
    house.until_looked_again("later");
    assert_eq!(house.ledger().tasks.len(), 1, "nothing is run anew by itself");
    assert!(house.job("x").unwrap().changed_after_sent);

    let ran = house.run(&["retry", "--yes", "x"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    house.until("x to be sent again", |house| house.ledger().tasks.len() == 2);
    house.finish_tasks();
    let job = house.until_state("x", "succeeded");
    assert_eq!((job.attempt, job.changed_after_sent), (2, false));
    assert_eq!(job.external_task_id, "mine-2");
    let tasks = house.ledger().tasks;
    assert_eq!(tasks[1].external_task_id.as_deref(), Some("mine-2"));
    assert_ne!(tasks[0].content_digest, tasks[1].content_digest, "it runs as it stands now");
}

#[test]
fn an_edit_that_is_taken_back_is_no_longer_told() {
    let mut house = House::new(slow());
    house.start();
    house.drop_in("x.yaml", JOB);
    house.until("x to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", with("sound_volume: 0.5\n"));
    house.until("x to be flagged", |house| house.job("x").unwrap().changed_after_sent);
    house.drop_in("x.yaml", JOB);
    house.until("the flag to go", |house| !house.job("x").unwrap().changed_after_sent);
    house.finish_tasks();
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn a_faulty_edit_holds_what_was_not_sent_until_it_is_mended() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    let batch = |volume: &str| {
        format!(
            "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", \
             sound_end_time: 4s, sound_volume: {volume} }}\n\
             jobs:\n\
             - {{ id: a, audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\" }}\n\
             - {{ id: b, audio: \"https://cdn.example.com/b.mp3?duration_ms=5000\" }}\n"
        )
    };
    house.drop_in("x.yaml", batch("1"));
    house.until("x/a to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", batch("7"));
    let job = house.until_state("x/b", "waiting");
    assert!(
        job.waiting_for.contains("x.yaml") && job.waiting_for.contains("sound_volume"),
        "{job:?}"
    );
    assert!(house.refusal("x.yaml").unwrap().contains("x.yaml:1:"));
    house.finish_tasks();
    house.until_state("x/a", "succeeded");
    house.until_looked_again("later");
    assert_eq!(house.state("x/b"), "waiting");
    assert_eq!(house.ledger().tasks.len(), 1);
    house.drop_in("x.yaml", batch("1"));
    house.until("x/b to be sent", |house| house.ledger().tasks.len() == 2);
    house.finish_tasks();
    house.until_state("x/b", "succeeded");
    assert!(house.is_accepted("x.yaml"));
}

#[test]
fn an_edit_while_the_create_is_on_its_way_does_not_lose_its_answer() {
    let config = SimConfig { create_latency_ms: 2_000, answers_external_lookups: false, ..slow() };
    let mut house = House::new(config);
    house.start();
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "creating");
    house.drop_in("x.yaml", with("sound_volume: 0.5\n"));
    house.until("x to be flagged", |house| house.job("x").unwrap().changed_after_sent);
    house.finish_tasks();
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}
