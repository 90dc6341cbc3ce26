//! A lost state database: paid tasks are found again in the account by their names.

use std::fs;

use lipsyncd::sim::SimConfig;

use crate::support::daemon::{JOB, TestEnv, quick};

/// Deletes the database, as a user does who thinks it is a cache.
fn forget(test_env: &TestEnv) {
    for entry in fs::read_dir(test_env.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("lipsyncd.db") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::remove_dir_all(test_env.path("output")).unwrap();
}

fn batch() -> String {
    let jobs: String = ["a", "b", "c"]
        .map(|id| {
            format!(
                "- {{ id: {id}, audio: \"https://cdn.example.com/{id}.mp3?duration_ms=5000\" }}\n"
            )
        })
        .concat();
    format!(
        "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", sound_end_time: 4s }}\n\
         jobs:\n{jobs}"
    )
}

#[test]
fn after_a_lost_database_nothing_is_paid_again_and_all_results_return() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", batch());
    test_env.drop_in("sub/twin.yaml", JOB);
    test_env.drop_in("twin.yaml", JOB);
    test_env.drop_in("mine.yaml", format!("{JOB}external_task_id: mine\n"));
    let keys = ["x/a", "x/b", "x/c", "sub/twin", "twin", "mine"];
    for _ in 0..2 {
        let ran = test_env.run(&["run", "--once"]);
        // The equal jobs ask for the request of `x/a`.
        assert_eq!(test_env.ledger().tasks.len(), 4, "{ran:?}");
        for key in keys {
            assert_eq!(test_env.state(key), "succeeded", "{ran:?}");
            test_env.assert_complete(&format!("{key}.mp4"));
        }
        forget(&test_env);
    }
    test_env.assert_paid_once();
}

#[test]
fn a_renamed_manifest_is_recognised() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", batch());
    test_env.start();
    test_env.until("all to succeed", |test_env| {
        test_env.states().iter().all(|(_, is)| is == "succeeded")
    });
    test_env.move_in("x.yaml", "y.yaml");
    test_env.until("y to be known", |test_env| test_env.job("y/a").is_some());
    test_env.kill();
    forget(&test_env);
    test_env.start();
    for key in ["y/a", "y/b", "y/c"] {
        test_env.until_state(key, "succeeded");
    }
    assert_eq!(test_env.ledger().tasks.len(), 3);
}

#[test]
fn an_edit_before_the_job_was_sent_is_part_of_its_name() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    test_env.drop_in("x.yaml", JOB);
    test_env.until_state("x", "queued");
    let before = test_env.job("x").unwrap().external_task_id;
    test_env.drop_in("x.yaml", format!("{JOB}sound_volume: 0.5\n"));
    test_env.until("its name to change", |test_env| {
        test_env.job("x").unwrap().external_task_id != before
    });
    test_env.move_in("x.yaml", "y.yaml");
    test_env.until("y to be known", |test_env| test_env.job("y").is_some());
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("y", "succeeded");
    test_env.kill();
    forget(&test_env);
    test_env.start();
    test_env.until_state("y", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn a_failed_task_is_adopted_as_failed_and_not_paid_again() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB.replace("duration_ms=9000", "duration_ms=9000&fail=too%20dark"));
    for _ in 0..2 {
        let ran = test_env.run(&["run", "--once"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let job = test_env.job("x").unwrap();
        assert_eq!(job.state, "failed");
        assert!(job.error.contains("too dark"), "{job:?}");
        fs::create_dir_all(test_env.path("output")).unwrap();
        forget(&test_env);
    }
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn without_lookups_a_person_decides() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let mut test_env = TestEnv::new(config);
    test_env.drop_in("x.yaml", JOB);
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(0));
    forget(&test_env);
    test_env.start();
    test_env.until_state("x", "unresolved");
    let job = test_env.job("x").unwrap();
    assert_eq!(test_env.ledger().tasks.len(), 1, "{job:?}");
    let task = test_env.ledger().tasks[0].task_id.clone();
    assert_eq!(test_env.run(&["resolve", "x", "--task", &task]).code, Some(0));
    test_env.until_state("x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}
