//! What means the same starts nothing again, wherever the job stands.

use std::fs::{self, File};

use crate::support::daemon::{House, JOB, job_of, slow};

const BATCH: &str = "defaults: { video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", \
                     sound_end_time: 4s }\n\
                     jobs:\n\
                     - { id: a, audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\" }\n\
                     - { id: b, audio: \"https://cdn.example.com/b.mp3?duration_ms=5000\" }\n";
/// The same, in other words.
const REWRITTEN: &str = "# the same\n\
                         jobs:\n\
                         - audio: \"https://cdn.example.com/b.mp3?duration_ms=5000\"\n  id: b\n\
                         - audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\"\n  id: a\n\
                         defaults:\n  sound_end_time: 4000\n  \
                         video: \"https://cdn.example.com/v.mp4?duration_ms=9000\"\n";

/// One slot: `done` has succeeded, `batch/a` runs, `batch/b` and `last` are in line.
fn house() -> House {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("done.yaml", job_of("done"));
    house.until("done to be sent", |house| house.ledger().tasks.len() == 1);
    house.finish_tasks();
    house.until_state("done", "succeeded");
    house.drop_in("batch.yaml", BATCH);
    house.until("batch/a to be sent", |house| house.ledger().tasks.len() == 2);
    house.drop_in("last.yaml", format!("{}priority: -1\n", job_of("last")));
    house.until("last to be known", |house| house.job("last").is_some());
    house
}

/// Lets all tasks end until `keys` have succeeded; each was paid once.
fn finish(house: &House, keys: &[&str]) {
    house.until("all to succeed", |house| {
        house.finish_tasks();
        keys.iter().all(|key| house.state(key) == "succeeded")
    });
    house.assert_paid_once();
    assert_eq!(house.ledger().tasks.len(), keys.len());
    for key in keys {
        let job = house.job(key).unwrap();
        house.assert_whole(&job.output);
        assert_eq!((job.attempt, job.changed_after_sent), (1, false), "{key}");
    }
}

#[test]
fn touching_and_rewriting_start_nothing_again() {
    let house = house();
    for name in ["done.yaml", "last.yaml"] {
        let file = File::options().write(true).open(house.path("jobs").join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    }
    house.drop_in("batch.yaml", REWRITTEN);
    house.until("batch.yaml to be read again", |house| {
        house.log().matches("batch.yaml: accepted").count() == 2
    });
    finish(&house, &["batch/a", "batch/b", "done", "last"]);
}

#[test]
fn renaming_and_moving_start_nothing_again_and_keys_follow() {
    let house = house();
    house.move_in("done.yaml", "fertig.yaml");
    house.move_in("batch.yaml", "sub/folder/stapel.yml");
    house.move_in("last.yaml", "sub/letzter.yaml");
    let keys = ["fertig", "sub/folder/stapel/a", "sub/folder/stapel/b", "sub/letzter"];
    house.until("the jobs to have their new names", |house| {
        keys.iter().all(|key| house.job(key).is_some())
    });
    assert_eq!(house.states().len(), 4, "{:?}", house.states());
    let (running, queued) = (house.job(keys[1]).unwrap(), house.job(keys[3]).unwrap());
    assert_eq!(running.manifest, "sub/folder/stapel.yml");
    assert_eq!(queued.output, "sub/letzter.mp4", "what was not sent goes to its new place");
    finish(&house, &keys);
}

#[test]
fn twins_that_are_renamed_together_keep_their_results() {
    let mut house = House::new(crate::support::daemon::quick());
    house.drop_in("one.yaml", JOB);
    house.drop_in("two.yaml", JOB);
    house.start();
    house.until_state("one", "succeeded");
    house.until_state("two", "succeeded");
    fs::create_dir(house.path("jobs/done")).unwrap();
    house.move_in("one.yaml", "done/one.yaml");
    house.move_in("two.yaml", "done/two.yaml");
    house.until("both to have their new names", |house| {
        house.job("done/one").is_some() && house.job("done/two").is_some()
    });
    house.until_looked_again("later");
    assert_eq!(house.ledger().tasks.len(), 1);
    for (key, output) in [("done/one", "one.mp4"), ("done/two", "two.mp4")] {
        let job = house.job(key).unwrap();
        assert_eq!((job.state.as_str(), job.output.as_str()), ("succeeded", output));
        house.assert_whole(output);
    }
}
