//! Edits: before a job is sent they count, after that they are told.

use lipsyncd::sim::{Call, FaultRule, SimConfig};

use crate::support::{
    daemon::{House, JOB, job_of, quick, slow},
    refusal,
};

fn with(more: &str) -> String {
    format!("{JOB}{more}")
}

#[test]
fn an_edit_before_it_is_sent_is_what_runs() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("first.yaml", JOB);
    house.until("first to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", job_of("x"));
    house.until("x to be known", |house| house.job("x").is_some());
    let edit = "output: other/name.mp4\nexternal_task_id: my-own\n";
    house.drop_in("x.yaml", format!("{}{edit}", job_of("x")));
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
fn edit_after_it_was_sent_is_flagged_and_runs_by_retry_alone() {
    let mut house = House::new(slow());
    house.start();
    house.drop_in("x.yaml", JOB);
    house.until("x to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", with("sound_start_time: 500\n"));
    house.until("x to be flagged", |house| house.job("x").unwrap().changed_after_sent);
    let listed = house.run(&["list"]);
    assert!(listed.out.contains("changed after it was sent"), "{listed:?}");
    let status = house.run(&["status"]);
    assert!(status.out.contains("1 job changed after it was sent"), "{status:?}");
    house.finish_tasks();
    house.until_state("x", "succeeded");
    house.until_looked_again("later");
    assert_eq!(house.ledger().tasks.len(), 1, "nothing is run again automatically");
    assert!(house.job("x").unwrap().changed_after_sent);

    let ran = house.run(&["retry", "--yes", "x"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "x: take 1 of the changed request begins; the earlier result is kept\n"),
        "{ran:?}"
    );
    house.until("x to be sent again", |house| house.ledger().tasks.len() == 2);
    house.finish_tasks();
    let job = house.until_state("x", "succeeded");
    // It is the first take of another request.
    assert_eq!((job.attempt, job.changed_after_sent), (1, false));
    let tasks = house.ledger().tasks;
    assert_ne!(tasks[0].content_digest, tasks[1].content_digest, "the new request is made");
    assert_ne!(tasks[0].external_task_id, tasks[1].external_task_id);
}

#[test]
fn own_name_is_not_used_for_an_edit() {
    let mut house = House::new(quick());
    house.start();
    house.drop_in("x.yaml", with("external_task_id: mine\n"));
    house.until_state("x", "succeeded");
    house.drop_in("x.yaml", with("external_task_id: mine\nsound_volume: 2\n"));
    house.until("x to be flagged", |house| house.job("x").unwrap().changed_after_sent);
    let ran = house.run(&["retry", "--yes", "x"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("external_task_id mine was used by job x"), "{ran:?}");
    assert_eq!(house.state("x"), "succeeded");
    house.drop_in("x.yaml", with("external_task_id: mine-louder\nsound_volume: 2\n"));
    house.until_looked_again("later");
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    house.until("the edit to be made", |house| {
        house
            .job("x")
            .is_some_and(|job| job.external_task_id == "mine-louder" && job.state == "succeeded")
    });
    // Another take of it is another task.
    assert_eq!(house.run(&["retry", "--yes", "x"]).code, Some(0));
    house.until("the second take", |house| house.ledger().tasks.len() == 3);
    assert_eq!(house.ledger().tasks[2].external_task_id.as_deref(), Some("mine-louder-2"));
    house.until_state("x", "succeeded");
}

#[test]
fn failed_job_runs_its_edit() {
    let mut house = House::new(quick());
    house.start();
    house.drop_in("x.yaml", job_of("v").replace("9000", "9000&fail=too%20dark"));
    house.until_state("x", "failed");
    house.drop_in("x.yaml", job_of("brighter"));
    let job = house.until_state("x", "succeeded");
    assert_eq!((job.attempt, job.changed_after_sent), (1, false));
    assert_eq!(house.ledger().tasks.len(), 2);
}

#[test]
fn job_that_failed_at_kling_runs_again_by_retry_alone() {
    let mut house = House::new(quick());
    house.start();
    let failing = job_of("v").replace("9000", "9000&fail=too%20dark");
    house.drop_in("x.yaml", &failing);
    house.until_state("x", "failed");
    house.drop_in("x.yaml", format!("{failing}labels: {{ a: b }}\n"));
    house.until_looked_again("later");
    assert_eq!((house.state("x").as_str(), house.ledger().tasks.len()), ("failed", 1));
    let ran = house.run(&["retry", "--yes", "x"]);
    assert_eq!(ran.out, "x: take 2 begins\n", "{ran:?}");
    house.until("the second take", |house| house.ledger().tasks.len() == 2);
}

#[test]
fn job_that_failed_before_kling_accepted_it_starts_again_on_any_edit_or_return() {
    let mut house = House::new(quick());
    house.start();
    let refuse = |house: &House| {
        house.sim.control(|sim| sim.add_fault(FaultRule::once(Call::Identify, refusal(1201))));
    };
    refuse(&house);
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "failed");
    refuse(&house);
    house.drop_in("x.yaml", with("labels: { a: b }\n"));
    house.until("it to be tried again", |house| {
        house.ledger().tasks.is_empty() && house.count_history("x", "to_state = 'failed'") == 2
    });
    house.take_out("x.yaml");
    house.until("it to leave", |house| {
        let sql = "SELECT left_at_ms IS NOT NULL FROM job WHERE key = 'x'";
        house.database().unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    });
    house.drop_in("x.yaml", with("labels: { a: b }\n"));
    let job = house.until_state("x", "succeeded");
    assert_eq!((job.attempt, house.ledger().tasks.len()), (1, 1));
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
