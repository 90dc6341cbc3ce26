//! What is taken out of the folder, and put back.

use crate::support::daemon::{House, JOB, slow};

fn batch(ids: &[&str]) -> String {
    let job = |id: &&str| {
        format!("- {{ id: {id}, audio: \"https://cdn.example.com/{id}.mp3?duration_ms=5000\" }}\n")
    };
    let jobs: String = ids.iter().map(job).collect();
    format!(
        "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", sound_end_time: 4s }}\n\
         jobs:\n{jobs}"
    )
}

fn finish(house: &House, key: &str) {
    house.until(&format!("{key} to succeed"), |house| {
        house.finish_tasks();
        house.state(key) == "succeeded"
    });
}

#[test]
fn a_job_out_of_a_batch_is_cancelled_or_followed_and_runs_when_put_back() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("x.yaml", batch(&["a", "b", "c"]));
    house.until("x/a to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", batch(&["c"]));
    let job = house.until_state("x/b", "cancelled");
    assert!(job.error.contains("left the folder before its task was created"), "{job:?}");
    finish(&house, "x/a");
    house.assert_whole("x/a.mp4");
    finish(&house, "x/c");
    house.drop_in("x.yaml", batch(&["a", "b", "c"]));
    finish(&house, "x/b");
    house.until_looked_again("later");
    assert_eq!(house.ledger().tasks.len(), 3, "a and c are known to be done");
    house.assert_paid_once();
}

#[test]
fn a_manifest_that_leaves_is_cancelled_or_followed_and_runs_when_put_back() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("x.yaml", batch(&["a", "b"]));
    house.until("x/a to be sent", |house| house.ledger().tasks.len() == 1);
    house.take_out("x.yaml");
    house.until_state("x/b", "cancelled");
    finish(&house, "x/a");
    house.drop_in("x.yaml", batch(&["a", "b"]));
    finish(&house, "x/b");
    assert_eq!(house.ledger().tasks.len(), 2);
    house.assert_paid_once();
}

#[test]
fn what_a_person_cancelled_stays_so_whatever_becomes_of_its_manifest() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("first.yaml", JOB);
    house.until("first to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", batch(&["b"]));
    house.until("x/b to be known", |house| house.job("x/b").is_some());
    let ran = house.run(&["cancel", "x/b"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    house.until_state("x/b", "cancelled");
    // Gone and back.
    house.take_out("x.yaml");
    house.until("x.yaml to be seen gone", |house| {
        house.log().contains("x.yaml: no longer in the folder")
    });
    house.drop_in("x.yaml", batch(&["b"]));
    house.until_looked_again("one");
    assert_eq!(house.state("x/b"), "cancelled");
    // Edited: not run.
    house.drop_in("x.yaml", batch(&["b"]).replace("4s", "4500"));
    house.until_looked_again("two");
    assert_eq!(house.state("x/b"), "cancelled");
    finish(&house, "first");
    assert_eq!(house.ledger().tasks.len(), 1);
    // A retry runs it as it stands now.
    let ran = house.run(&["retry", "--yes", "x/b"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    finish(&house, "x/b");
    assert_eq!(house.ledger().tasks.len(), 2);
}

#[test]
fn missing_job_is_not_cancelled_before_the_rescan_interval() {
    let mut house = House::with(slow(), 1, "");
    let settings = std::fs::read_to_string(house.path("lipsyncd.yaml")).unwrap();
    let rarely = settings.replace("rescan_interval: 500ms", "rescan_interval: 1h");
    std::fs::write(house.path("lipsyncd.yaml"), rarely).unwrap();
    house.start();
    house.drop_in("x.yaml", batch(&["a", "b"]));
    house.until("x/a to be sent", |house| house.ledger().tasks.len() == 1);
    house.take_out("x.yaml");
    let job = house.until_state("x/b", "waiting");
    assert!(job.waiting_for.contains("to return to the folder"), "{job:?}");
    house.until_looked_again("later");
    assert_eq!(house.state("x/b"), "waiting");
    // Nothing of it is created while it is missing.
    finish(&house, "x/a");
    house.until_looked_again("latest");
    assert_eq!((house.state("x/b").as_str(), house.ledger().tasks.len()), ("waiting", 1));
    house.drop_in("x.yaml", batch(&["a", "b"]));
    finish(&house, "x/b");
    assert_eq!(house.ledger().tasks.len(), 2);
    let cancelled = "SELECT count(*) FROM job_history WHERE to_state = 'cancelled'";
    let count = house.database().unwrap().query_row(cancelled, [], |row| row.get(0));
    assert_eq!(count, Ok(0));
}
