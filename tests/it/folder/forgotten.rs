//! A state database that is lost: what was paid for is found again in the account, by its name.

use std::fs;

use lipsyncd::sim::SimConfig;

use crate::support::daemon::{House, JOB, quick};

/// As a user would who takes the database for a cache.
fn forget(house: &House) {
    for entry in fs::read_dir(house.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("lipsyncd.db") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::remove_dir_all(house.path("output")).unwrap();
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
fn nothing_is_paid_for_again_and_all_results_are_there_again() {
    let house = House::new(quick());
    house.drop_in("x.yaml", batch());
    house.drop_in("sub/twin.yaml", JOB);
    house.drop_in("twin.yaml", JOB);
    house.drop_in("mine.yaml", format!("{JOB}external_task_id: mine\n"));
    let keys = ["x/a", "x/b", "x/c", "sub/twin", "twin", "mine"];
    for _ in 0..2 {
        let ran = house.run(&["run", "--once"]);
        // The twins ask for what `x/a` asks for.
        assert_eq!(house.ledger().tasks.len(), 4, "{ran:?}");
        for key in keys {
            assert_eq!(house.state(key), "succeeded", "{ran:?}");
            house.assert_whole(&format!("{key}.mp4"));
        }
        forget(&house);
    }
    house.assert_paid_once();
}

#[test]
fn a_manifest_that_was_renamed_is_known_all_the_same() {
    let mut house = House::new(quick());
    house.drop_in("x.yaml", batch());
    house.start();
    house.until("all to succeed", |house| house.states().iter().all(|(_, is)| is == "succeeded"));
    house.move_in("x.yaml", "y.yaml");
    house.until("y to be known", |house| house.job("y/a").is_some());
    house.kill();
    forget(&house);
    house.start();
    for key in ["y/a", "y/b", "y/c"] {
        house.until_state(key, "succeeded");
    }
    assert_eq!(house.ledger().tasks.len(), 3);
}

#[test]
fn an_edit_before_the_job_was_sent_is_part_of_its_name() {
    let mut house = House::new(quick());
    house.start();
    assert_eq!(house.run(&["pause"]).code, Some(0));
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "queued");
    let before = house.job("x").unwrap().external_task_id;
    house.drop_in("x.yaml", format!("{JOB}sound_volume: 0.5\n"));
    house.until("its name to change", |house| house.job("x").unwrap().external_task_id != before);
    house.move_in("x.yaml", "y.yaml");
    house.until("y to be known", |house| house.job("y").is_some());
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("y", "succeeded");
    house.kill();
    forget(&house);
    house.start();
    house.until_state("y", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn a_task_that_failed_then_is_told_as_failed_and_not_paid_for_again() {
    let house = House::new(quick());
    house.drop_in("x.yaml", JOB.replace("duration_ms=9000", "duration_ms=9000&fail=too%20dark"));
    for _ in 0..2 {
        let ran = house.run(&["run", "--once"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let job = house.job("x").unwrap();
        assert_eq!(job.state, "failed");
        assert!(job.error.contains("too dark"), "{job:?}");
        fs::create_dir_all(house.path("output")).unwrap();
        forget(&house);
    }
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn where_lookups_find_nothing_a_person_decides() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let mut house = House::new(config);
    house.drop_in("x.yaml", JOB);
    assert_eq!(house.run(&["run", "--once"]).code, Some(0));
    forget(&house);
    house.start();
    house.until_state("x", "unresolved");
    let job = house.job("x").unwrap();
    assert_eq!(house.ledger().tasks.len(), 1, "{job:?}");
    let task = house.ledger().tasks[0].task_id.clone();
    assert_eq!(house.run(&["resolve", "x", "--task", &task]).code, Some(0));
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}
