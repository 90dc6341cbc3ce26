//! Manifests with the same meaning start nothing again, in any state of the job.

use std::fs::{self, File};

use crate::support::daemon::{JOB, TestEnv, job_of, slow};

const BATCH: &str = "defaults: { video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", \
                     sound_end_time: 4s }\n\
                     jobs:\n\
                     - { id: a, audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\" }\n\
                     - { id: b, audio: \"https://cdn.example.com/b.mp3?duration_ms=5000\" }\n";
/// The same request, written differently.
const REWRITTEN: &str = "# the same\n\
                         jobs:\n\
                         - audio: \"https://cdn.example.com/b.mp3?duration_ms=5000\"\n  id: b\n\
                         - audio: \"https://cdn.example.com/a.mp3?duration_ms=5000\"\n  id: a\n\
                         defaults:\n  sound_end_time: 4000\n  \
                         video: \"https://cdn.example.com/v.mp4?duration_ms=9000\"\n";

/// One slot: `done` has succeeded, `batch/a` runs, `batch/b` and `last` are queued.
fn test_env() -> TestEnv {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("done.yaml", job_of("done"));
    test_env.until("done to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.finish_tasks();
    test_env.until_state("done", "succeeded");
    test_env.drop_in("batch.yaml", BATCH);
    test_env.until("batch/a to be sent", |test_env| test_env.ledger().tasks.len() == 2);
    test_env.drop_in("last.yaml", format!("{}priority: -1\n", job_of("last")));
    test_env.until("last to be known", |test_env| test_env.job("last").is_some());
    test_env
}

/// Lets all tasks end until `keys` have succeeded; each was paid once.
fn finish(test_env: &TestEnv, keys: &[&str]) {
    test_env.until("all to succeed", |test_env| {
        test_env.finish_tasks();
        keys.iter().all(|key| test_env.state(key) == "succeeded")
    });
    test_env.assert_paid_once();
    assert_eq!(test_env.ledger().tasks.len(), keys.len());
    for key in keys {
        let job = test_env.job(key).unwrap();
        test_env.assert_complete(&job.output);
        assert_eq!((job.attempt, job.changed_after_sent), (1, false), "{key}");
    }
}

#[test]
fn touched_and_rewritten_manifests_start_nothing() {
    let test_env = test_env();
    for name in ["done.yaml", "last.yaml"] {
        let file = File::options().write(true).open(test_env.path("jobs").join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now()).unwrap();
    }
    test_env.drop_in("batch.yaml", REWRITTEN);
    test_env.until("batch.yaml to be read again", |test_env| {
        test_env.log().matches("batch.yaml: accepted").count() == 2
    });
    finish(&test_env, &["batch/a", "batch/b", "done", "last"]);
}

#[test]
fn renamed_and_moved_manifests_start_nothing_and_change_the_keys() {
    let test_env = test_env();
    test_env.move_in("done.yaml", "fertig.yaml");
    test_env.move_in("batch.yaml", "sub/folder/stapel.yml");
    test_env.move_in("last.yaml", "sub/letzter.yaml");
    let keys = ["fertig", "sub/folder/stapel/a", "sub/folder/stapel/b", "sub/letzter"];
    test_env.until("the jobs to have their new names", |test_env| {
        keys.iter().all(|key| test_env.job(key).is_some())
    });
    assert_eq!(test_env.states().len(), 4, "{:?}", test_env.states());
    let (running, queued) = (test_env.job(keys[1]).unwrap(), test_env.job(keys[3]).unwrap());
    assert_eq!(running.manifest, "sub/folder/stapel.yml");
    assert_eq!(queued.output, "sub/letzter.mp4", "what was not sent goes to its new place");
    finish(&test_env, &keys);
}

#[test]
fn equal_jobs_that_are_renamed_together_keep_their_results() {
    let mut test_env = TestEnv::new(crate::support::daemon::quick());
    test_env.drop_in("one.yaml", JOB);
    test_env.drop_in("two.yaml", JOB);
    test_env.start();
    test_env.until_state("one", "succeeded");
    test_env.until_state("two", "succeeded");
    fs::create_dir(test_env.path("jobs/done")).unwrap();
    test_env.move_in("one.yaml", "done/one.yaml");
    test_env.move_in("two.yaml", "done/two.yaml");
    test_env.until("both to have their new names", |test_env| {
        test_env.job("done/one").is_some() && test_env.job("done/two").is_some()
    });
    test_env.until_scanned_again("later");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    for (key, output) in [("done/one", "one.mp4"), ("done/two", "two.mp4")] {
        let job = test_env.job(key).unwrap();
        assert_eq!((job.state.as_str(), job.output.as_str()), ("succeeded", output));
        test_env.assert_complete(output);
    }
}
