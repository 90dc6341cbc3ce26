//! Folders that are missing for a while: an unmounted share cancels nothing.

use std::{fs, os::unix::fs::symlink};

use crate::support::daemon::{JOB, TestEnv, clip, quick, slow};

/// One job runs, `x` and `sub/y` are queued.
fn test_env() -> TestEnv {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("first.yaml", JOB);
    test_env.until("first to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("x.yaml", JOB.replace("4s", "4100"));
    test_env.drop_in("sub/y.yaml", JOB.replace("4s", "4200"));
    test_env.until("all to be known", |test_env| {
        test_env.job("x").is_some() && test_env.job("sub/y").is_some()
    });
    test_env
}

fn assert_nothing_is_cancelled(test_env: &TestEnv) {
    let cancelled = "SELECT count(*) FROM job_history WHERE to_state = 'cancelled'";
    let count: i64 =
        test_env.database().unwrap().query_row(cancelled, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0, "{}", test_env.log());
}

fn finish(test_env: &TestEnv, keys: &[&str]) {
    test_env.until("all to succeed", |test_env| {
        test_env.finish_tasks();
        keys.iter().all(|key| test_env.state(key) == "succeeded")
    });
    test_env.assert_paid_once();
    assert_eq!(test_env.ledger().tasks.len(), keys.len());
}

#[test]
fn a_folder_that_is_renamed_away_and_back_cancels_nothing() {
    let test_env = test_env();
    fs::rename(test_env.path("jobs"), test_env.path("away")).unwrap();
    test_env.until("the warning", |test_env| test_env.log().contains("cannot read jobs_dir"));
    fs::rename(test_env.path("away"), test_env.path("jobs")).unwrap();
    test_env.until_scanned_again("later");
    assert_nothing_is_cancelled(&test_env);
    finish(&test_env, &["first", "sub/y", "x"]);
}

#[test]
fn an_empty_folder_instead_cancels_nothing_even_after_a_restart() {
    let mut test_env = test_env();
    fs::rename(test_env.path("jobs"), test_env.path("away")).unwrap();
    fs::create_dir(test_env.path("jobs")).unwrap();
    test_env.until("the warning", |test_env| test_env.log().contains("is a share not mounted?"));
    test_env.kill();
    test_env.spawn();
    test_env.until("the second warning", |test_env| {
        test_env.log().matches("is a share not mounted?").count() == 2
    });
    let problem = "is another folder than before and has no manifests";
    let of_x = "SELECT waiting_for FROM job_overview WHERE key = 'x'";
    for query in ["SELECT reason FROM queue_status WHERE NOT running", of_x] {
        test_env.until(query, |test_env| {
            let said = test_env.database().unwrap().query_row(query, [], |row| row.get(0));
            let said: String = said.unwrap_or_default();
            said.starts_with("the first complete scan of jobs_dir") && said.contains(problem)
        });
    }
    for command in ["status", "doctor"] {
        let said = test_env.run(&[command]).out;
        assert!(said.contains(problem), "{said}");
    }
    fs::remove_dir(test_env.path("jobs")).unwrap();
    fs::rename(test_env.path("away"), test_env.path("jobs")).unwrap();
    test_env.until_scanned_again("later");
    assert!(!test_env.run(&["status"]).out.contains(problem));
    assert_nothing_is_cancelled(&test_env);
    finish(&test_env, &["first", "sub/y", "x"]);
}

#[test]
fn another_folder_with_manifests_is_used_and_moved_jobs_are_recognised() {
    let test_env = test_env();
    fs::rename(test_env.path("jobs"), test_env.path("away")).unwrap();
    fs::create_dir(test_env.path("new")).unwrap();
    fs::create_dir(test_env.path("new/moved")).unwrap();
    // A copy: only its content shows that it is the same.
    fs::copy(test_env.path("away/first.yaml"), test_env.path("new/moved/first.yaml")).unwrap();
    fs::write(test_env.path("new/z.yaml"), JOB.replace("sound_end_time: 4s", "sound_end_time: 3s"))
        .unwrap();
    fs::rename(test_env.path("new"), test_env.path("jobs")).unwrap();
    test_env.until_state("sub/y", "cancelled");
    test_env.until("the new one to be known", |test_env| {
        test_env.job("z").is_some() && test_env.job("moved/first").is_some()
    });
    finish(&test_env, &["moved/first", "z"]);
}

#[test]
fn a_subfolder_that_is_too_deep_is_reported_and_cancels_nothing() {
    let test_env = test_env();
    let deep = "d/".repeat(40);
    test_env.drop_in(&format!("{deep}x.yaml"), JOB);
    test_env.until("the warning", |test_env| test_env.log().contains("folders deep"));
    test_env.until_scanned_again("later");
    test_env.until_scanned_again("latest");
    assert_eq!(test_env.log().matches("folders deep").count(), 1, "one warning");
    finish(&test_env, &["first", "sub/y", "x"]);
}

#[test]
fn a_link_as_jobs_dir_may_lead_to_an_empty_folder_for_a_while() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    fs::rename(test_env.path("jobs"), test_env.path("share")).unwrap();
    fs::create_dir(test_env.path("under-it")).unwrap();
    symlink("share", test_env.path("jobs")).unwrap();
    test_env.start();
    test_env.drop_in("first.yaml", JOB);
    test_env.until("first to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("sub/y.yaml", JOB.replace("4s", "4200"));
    test_env.until("all to be known", |test_env| test_env.job("sub/y").is_some());
    let lead_to = |test_env: &TestEnv, target: &str| {
        symlink(target, test_env.path("new")).unwrap();
        fs::rename(test_env.path("new"), test_env.path("jobs")).unwrap();
    };
    lead_to(&test_env, "under-it");
    test_env.until("the warning", |test_env| test_env.log().contains("is a share not mounted?"));
    lead_to(&test_env, "share");
    test_env.until_scanned_again("later");
    assert_nothing_is_cancelled(&test_env);
    finish(&test_env, &["first", "sub/y"]);
}

#[test]
fn a_subfolder_that_is_removed_and_put_back_pays_nothing() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    for (name, end) in [("sub/a.yaml", "4s"), ("sub/deep/b.yaml", "4100"), ("c.yaml", "4200")] {
        test_env.drop_in(name, JOB.replace("4s", end));
        let key = name.trim_end_matches(".yaml");
        test_env.until("it to be known", |test_env| test_env.job(key).is_some());
    }
    test_env.until("the first to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    fs::rename(test_env.path("jobs/sub"), test_env.path("away")).unwrap();
    test_env.until_state("sub/deep/b", "cancelled");
    finish(&test_env, &["c", "sub/a"]);
    // Back under another name, with its content.
    fs::rename(test_env.path("away"), test_env.path("jobs/other")).unwrap();
    test_env.until("b to be back", |test_env| test_env.job("other/deep/b").is_some());
    finish(&test_env, &["c", "other/a", "other/deep/b"]);
    assert!(test_env.ledger().paid_twice.contents.is_empty(), "{:?}", test_env.ledger().paid_twice);
}

#[test]
fn a_folder_that_moves_with_its_media_is_recognised_and_another_one_is_not() {
    let mut test_env = TestEnv::with(quick(), 5, "");
    let text = "video: https://cdn.example.com/v.mp4?duration_ms=9000\naudio: say.mp3\n";
    test_env.drop_in("one/say.mp3", clip("welcome-en.mp3"));
    test_env.drop_in("one/x.yaml", text);
    test_env.start();
    test_env.until_state("one/x", "succeeded");
    test_env.move_in("one", "archive");
    test_env.until("it to be known again", |test_env| test_env.job("archive/x").is_some());
    test_env.until_scanned_again("later");
    assert_eq!(test_env.ledger().tasks.len(), 1);
    fs::rename(test_env.path("jobs/archive"), test_env.path("gone")).unwrap();
    test_env.until("it to leave", |test_env| {
        test_env.log().contains("archive/x.yaml: no longer in jobs_dir")
    });
    // The file with the same name is another audio here.
    test_env.drop_in("two/say.mp3", clip("welcome-fr.mp3"));
    test_env.drop_in("two/x.yaml", text);
    test_env.until_state("two/x", "succeeded");
    assert_eq!(test_env.ledger().tasks.len(), 2);
}
