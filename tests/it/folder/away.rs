//! Folders that go away for a while: a share that is not mounted cancels nothing.

use std::{fs, os::unix::fs::symlink};

use crate::support::daemon::{House, JOB, clip, quick, slow};

/// One job runs, `x` and `sub/y` are in line.
fn house() -> House {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("first.yaml", JOB);
    house.until("first to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("x.yaml", JOB.replace("4s", "4100"));
    house.drop_in("sub/y.yaml", JOB.replace("4s", "4200"));
    house
        .until("all to be known", |house| house.job("x").is_some() && house.job("sub/y").is_some());
    house
}

fn assert_nothing_is_cancelled(house: &House) {
    let cancelled = "SELECT count(*) FROM job_history WHERE to_state = 'cancelled'";
    let count: i64 = house.database().unwrap().query_row(cancelled, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0, "{}", house.log());
}

fn finish(house: &House, keys: &[&str]) {
    house.until("all to succeed", |house| {
        house.finish_tasks();
        keys.iter().all(|key| house.state(key) == "succeeded")
    });
    house.assert_paid_once();
    assert_eq!(house.ledger().tasks.len(), keys.len());
}

#[test]
fn a_folder_that_is_renamed_away_and_back_cancels_nothing() {
    let house = house();
    fs::rename(house.path("jobs"), house.path("away")).unwrap();
    house.until("it to be told", |house| house.log().contains("cannot be read"));
    fs::rename(house.path("away"), house.path("jobs")).unwrap();
    house.until_looked_again("later");
    assert_nothing_is_cancelled(&house);
    finish(&house, &["first", "sub/y", "x"]);
}

#[test]
fn an_empty_folder_in_its_place_cancels_nothing_not_even_over_a_restart() {
    let mut house = house();
    fs::rename(house.path("jobs"), house.path("away")).unwrap();
    fs::create_dir(house.path("jobs")).unwrap();
    house.until("it to be told", |house| house.log().contains("is a share not mounted?"));
    house.kill();
    house.spawn();
    house.until("it to be told again", |house| {
        house.log().matches("is a share not mounted?").count() == 2
    });
    let problem = "is another folder than before, and holds no manifest";
    let of_x = "SELECT waiting_for FROM job_overview WHERE key = 'x'";
    for query in ["SELECT reason FROM queue_status WHERE NOT running", of_x] {
        house.until(query, |house| {
            let said = house.database().unwrap().query_row(query, [], |row| row.get(0));
            let said: String = said.unwrap_or_default();
            said.starts_with("the first complete scan of jobs_dir") && said.contains(problem)
        });
    }
    for command in ["status", "doctor"] {
        let said = house.run(&[command]).out;
        assert!(said.contains(problem), "{said}");
    }
    fs::remove_dir(house.path("jobs")).unwrap();
    fs::rename(house.path("away"), house.path("jobs")).unwrap();
    house.until_looked_again("later");
    assert!(!house.run(&["status"]).out.contains(problem));
    assert_nothing_is_cancelled(&house);
    finish(&house, &["first", "sub/y", "x"]);
}

#[test]
fn another_folder_with_other_manifests_counts_and_what_moved_in_it_is_known_again() {
    let house = house();
    fs::rename(house.path("jobs"), house.path("away")).unwrap();
    fs::create_dir(house.path("new")).unwrap();
    fs::create_dir(house.path("new/moved")).unwrap();
    // A copy, so that only what it says can tell that it is the same.
    fs::copy(house.path("away/first.yaml"), house.path("new/moved/first.yaml")).unwrap();
    fs::write(house.path("new/z.yaml"), JOB.replace("sound_end_time: 4s", "sound_end_time: 3s"))
        .unwrap();
    fs::rename(house.path("new"), house.path("jobs")).unwrap();
    house.until_state("sub/y", "cancelled");
    house.until("the new one to be known", |house| {
        house.job("z").is_some() && house.job("moved/first").is_some()
    });
    finish(&house, &["moved/first", "z"]);
}

#[test]
fn a_part_of_the_folder_that_is_too_deep_is_told_and_not_taken_as_gone() {
    let house = house();
    let deep = "d/".repeat(40);
    house.drop_in(&format!("{deep}x.yaml"), JOB);
    house.until("it to be told", |house| house.log().contains("folders deep"));
    house.until_looked_again("later");
    house.until_looked_again("latest");
    assert_eq!(house.log().matches("folders deep").count(), 1, "told once");
    finish(&house, &["first", "sub/y", "x"]);
}

#[test]
fn a_link_in_the_place_of_the_folder_is_followed_and_leads_to_an_empty_one_for_a_while() {
    let mut house = House::with(slow(), 1, "");
    fs::rename(house.path("jobs"), house.path("share")).unwrap();
    fs::create_dir(house.path("under-it")).unwrap();
    symlink("share", house.path("jobs")).unwrap();
    house.start();
    house.drop_in("first.yaml", JOB);
    house.until("first to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("sub/y.yaml", JOB.replace("4s", "4200"));
    house.until("all to be known", |house| house.job("sub/y").is_some());
    let lead_to = |house: &House, target: &str| {
        symlink(target, house.path("new")).unwrap();
        fs::rename(house.path("new"), house.path("jobs")).unwrap();
    };
    lead_to(&house, "under-it");
    house.until("it to be told", |house| house.log().contains("is a share not mounted?"));
    lead_to(&house, "share");
    house.until_looked_again("later");
    assert_nothing_is_cancelled(&house);
    finish(&house, &["first", "sub/y"]);
}

#[test]
fn a_whole_subfolder_that_is_taken_out_and_put_back_pays_for_nothing_again() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    for (name, end) in [("sub/a.yaml", "4s"), ("sub/deep/b.yaml", "4100"), ("c.yaml", "4200")] {
        house.drop_in(name, JOB.replace("4s", end));
        let key = name.trim_end_matches(".yaml");
        house.until("it to be known", |house| house.job(key).is_some());
    }
    house.until("the first to be sent", |house| house.ledger().tasks.len() == 1);
    fs::rename(house.path("jobs/sub"), house.path("away")).unwrap();
    house.until_state("sub/deep/b", "cancelled");
    finish(&house, &["c", "sub/a"]);
    // Back under another name, with what it holds.
    fs::rename(house.path("away"), house.path("jobs/other")).unwrap();
    house.until("b to be back", |house| house.job("other/deep/b").is_some());
    finish(&house, &["c", "other/a", "other/deep/b"]);
    assert!(house.ledger().paid_twice.contents.is_empty(), "{:?}", house.ledger().paid_twice);
}

#[test]
fn a_folder_that_moves_with_its_media_is_known_again_and_another_with_the_same_names_is_not() {
    let mut house = House::with(quick(), 5, "");
    let text = "video: https://cdn.example.com/v.mp4?duration_ms=9000\naudio: say.mp3\n";
    house.drop_in("one/say.mp3", clip("welcome-en.mp3"));
    house.drop_in("one/x.yaml", text);
    house.start();
    house.until_state("one/x", "succeeded");
    house.move_in("one", "archive");
    house.until("it to be known again", |house| house.job("archive/x").is_some());
    house.until_looked_again("later");
    assert_eq!(house.ledger().tasks.len(), 1);
    fs::rename(house.path("jobs/archive"), house.path("gone")).unwrap();
    house.until("it to leave", |house| {
        house.log().contains("archive/x.yaml: no longer in the folder")
    });
    // What is called the same here is another sound.
    house.drop_in("two/say.mp3", clip("welcome-fr.mp3"));
    house.drop_in("two/x.yaml", text);
    house.until_state("two/x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 2);
}
