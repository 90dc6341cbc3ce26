//! Jobs that move between keys and manifests, and manifests that replace others: a paid request is not paid again.

use crate::support::daemon::{JOB, TestEnv, job_of, quick, slow};

/// A batch of these jobs: id and name of the audio.
fn batch(jobs: &[(&str, &str)]) -> String {
    let job = |(id, audio): &(&str, &str)| {
        format!(
            "- {{ id: {id}, audio: \"https://cdn.example.com/{audio}.mp3?duration_ms=5000\" }}\n"
        )
    };
    let jobs: String = jobs.iter().map(job).collect();
    format!(
        "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", sound_end_time: 4s }}\n\
         jobs:\n{jobs}"
    )
}

/// A daemon that has read these manifests and completed their jobs, `keys`.
fn done(manifests: &[(&str, String)], keys: &[&str]) -> TestEnv {
    let mut test_env = TestEnv::new(quick());
    for (name, text) in manifests {
        test_env.drop_in(name, text);
    }
    test_env.start();
    for key in keys {
        test_env.until_state(key, "succeeded");
    }
    assert_eq!(test_env.ledger().tasks.len(), keys.len());
    test_env
}

/// What is done to the folder is seen at once, as after a start.
fn meanwhile(test_env: &mut TestEnv, change: impl FnOnce(&TestEnv)) {
    test_env.kill();
    change(test_env);
    test_env.start();
}

/// Checks that only `tasks` tasks were paid, and that each of these jobs succeeded with its own request.
fn assert_paid(test_env: &TestEnv, tasks: usize, keys: &[&str]) {
    for key in keys {
        test_env.until_state(key, "succeeded");
    }
    test_env.until_scanned_again("later");
    assert_eq!(test_env.ledger().tasks.len(), tasks, "{:?}\n{}", test_env.states(), test_env.log());
    for key in keys {
        let job = test_env.job(key).unwrap();
        assert!(!job.changed_after_sent, "{key}");
        test_env.assert_complete(&job.output);
    }
    test_env.assert_paid_once();
}

fn assert_flagged(test_env: &TestEnv, keys: &[&str]) {
    test_env.until("all to be flagged", |test_env| {
        keys.iter().all(|key| test_env.job(key).is_some_and(|job| job.changed_after_sent))
    });
}

fn task_of(test_env: &TestEnv, key: &str) -> String {
    test_env.job(key).unwrap().external_task_id
}

#[test]
fn rename_with_a_new_job_pays_the_new_job() {
    let mut test_env = done(&[("x.yaml", batch(&[("a", "a"), ("b", "b")]))], &["x/a", "x/b"]);
    let tasks = ["x/a", "x/b"].map(|key| task_of(&test_env, key));
    meanwhile(&mut test_env, |test_env| {
        test_env.remove("x.yaml");
        // As `sed -i` does: another file with the same name.
        test_env.drop_in("y.yaml", batch(&[("a", "a"), ("b", "b"), ("c", "c")]));
    });
    assert_paid(&test_env, 3, &["y/a", "y/b", "y/c"]);
    assert_eq!(["y/a", "y/b"].map(|key| task_of(&test_env, key)), tasks);
    for (key, output) in [("y/a", "x/a.mp4"), ("y/b", "x/b.mp4"), ("y/c", "y/c.mp4")] {
        assert_eq!(test_env.job(key).unwrap().output, output, "a result stays where it is");
    }
    assert!(test_env.job("x/a").is_none(), "{:?}", test_env.states());
}

#[test]
fn rename_with_an_edit_is_a_new_request() {
    let mut test_env = done(&[("x.yaml", JOB.to_owned())], &["x"]);
    meanwhile(&mut test_env, |test_env| {
        test_env.remove("x.yaml");
        test_env.drop_in("y.yaml", format!("{JOB}sound_volume: 0.5\n"));
    });
    assert_paid(&test_env, 2, &["y"]);
}

#[test]
fn flag_stays_over_a_rename() {
    let mut test_env = done(&[("x.yaml", JOB.to_owned())], &["x"]);
    let edited = format!("{JOB}sound_volume: 0.5\n");
    test_env.drop_in("x.yaml", &edited);
    assert_flagged(&test_env, &["x"]);
    meanwhile(&mut test_env, |test_env| {
        test_env.remove("x.yaml");
        test_env.drop_in("sub/y.yaml", &edited);
    });
    test_env.until("y to be known", |test_env| test_env.job("sub/y").is_some());
    test_env.until_scanned_again("two");
    let job = test_env.job("sub/y").unwrap();
    assert_eq!((job.state.as_str(), job.changed_after_sent), ("succeeded", true));
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn flag_stays_over_a_rename_that_settles_later_than_the_rescan_interval() {
    let mut test_env = TestEnv::new(quick());
    test_env.change_config(" settle: 150ms", " settle: 2s");
    test_env.drop_in_old("x.yaml", JOB);
    test_env.start();
    test_env.until_state("x", "succeeded");
    test_env.drop_in("x.yaml", format!("{JOB}sound_volume: 0.5\n"));
    assert_flagged(&test_env, &["x"]);
    test_env.move_in("x.yaml", "sub/y.yaml");
    test_env.until("y to be known", |test_env| test_env.job("sub/y").is_some());
    test_env.until_two_more_scans();
    let job = test_env.job("sub/y").unwrap();
    assert_eq!((job.state.as_str(), job.changed_after_sent), ("succeeded", true));
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn job_leaves_although_another_manifest_never_settles() {
    let mut test_env = TestEnv::new(quick());
    test_env.change_config(" settle: 150ms", " settle: 1h");
    test_env.change_config("rescan_interval: 500ms", "rescan_interval: 200ms");
    test_env.drop_in_old("x.yaml", format!("{JOB}not_before: 2099-01-01T00:00:00Z\n"));
    test_env.start();
    test_env.until_state("x", "waiting");
    test_env.drop_in("unread.yaml", job_of("unread"));
    test_env.remove("x.yaml");
    test_env.until_state("x", "cancelled");
    assert!(test_env.job("unread").is_none());
}

#[test]
fn split_into_other_manifests_pays_nothing() {
    let all = batch(&[("a", "a"), ("b", "b"), ("c", "c")]);
    let mut test_env = done(&[("x.yaml", all)], &["x/a", "x/b", "x/c"]);
    meanwhile(&mut test_env, |test_env| {
        test_env.remove("x.yaml");
        test_env.drop_in("one.yaml", batch(&[("a", "a"), ("c", "c")]));
        // A single job has no id.
        test_env.drop_in("b.yaml", JOB.replace("a.mp3", "b.mp3"));
    });
    assert_paid(&test_env, 3, &["one/a", "one/c", "b"]);
}

#[test]
fn job_that_moves_between_manifests_pays_nothing_in_any_order_of_reading() {
    let (two, one) = (batch(&[("a", "a"), ("b", "b")]), batch(&[("c", "c")]));
    // Its old manifest is read first, and last.
    for (from, to) in [("m.yaml", "n.yaml"), ("n.yaml", "m.yaml")] {
        let (left, joined) = (from.trim_end_matches(".yaml"), to.trim_end_matches(".yaml"));
        let [a, b, c] = [format!("{left}/a"), format!("{left}/b"), format!("{joined}/c")];
        let mut test_env = done(&[(from, two.clone()), (to, one.clone())], &[&a, &b, &c]);
        meanwhile(&mut test_env, |test_env| {
            test_env.drop_in(from, batch(&[("a", "a")]));
            test_env.drop_in(to, batch(&[("c", "c"), ("b", "b")]));
        });
        let moved = format!("{joined}/b");
        assert_paid(&test_env, 3, &[&a, &moved, &c]);
        assert_eq!(test_env.job(&moved).unwrap().manifest, to);
        assert!(test_env.job(&b).is_none(), "it is the same job: {:?}", test_env.states());
    }
}

#[test]
fn job_that_left_earlier_is_recognised_where_it_appears() {
    let both = batch(&[("a", "a"), ("b", "b")]);
    let test_env = done(&[("x.yaml", both)], &["x/a", "x/b"]);
    test_env.drop_in("x.yaml", batch(&[("a", "a")]));
    test_env.until_scanned_again("one");
    test_env.drop_in("y.yaml", batch(&[("b", "b")]));
    assert_paid(&test_env, 2, &["x/a", "y/b"]);
    // Another id is the same request, too.
    test_env.drop_in("y.yaml", batch(&[("bee", "b")]));
    assert_paid(&test_env, 2, &["x/a", "y/bee"]);
}

#[test]
fn jobs_that_are_swapped_between_manifests_pay_nothing() {
    let first = batch(&[("a", "a"), ("b", "b")]);
    let second = batch(&[("c", "c"), ("d", "d")]);
    let keys = ["x/a", "x/b", "y/c", "y/d"];
    let mut test_env = done(&[("x.yaml", first), ("y.yaml", second)], &keys);
    meanwhile(&mut test_env, |test_env| {
        test_env.drop_in("x.yaml", batch(&[("a", "a"), ("d", "d")]));
        test_env.drop_in("y.yaml", batch(&[("c", "c"), ("b", "b")]));
    });
    assert_paid(&test_env, 4, &["x/a", "x/d", "y/b", "y/c"]);
}

#[test]
fn swapped_manifests_are_flagged_and_a_retry_pays_nothing() {
    let mut test_env = done(&[("x.yaml", JOB.to_owned()), ("y.yaml", job_of("y"))], &["x", "y"]);
    let [x, y] = ["x", "y"].map(|key| task_of(&test_env, key));
    meanwhile(&mut test_env, |test_env| {
        test_env.move_in("x.yaml", "t");
        test_env.move_in("y.yaml", "x.yaml");
        test_env.move_in("t", "y.yaml");
    });
    assert_flagged(&test_env, &["x", "y"]);
    let ran = test_env.run(&["retry", "--yes", "x", "y"]);
    assert_eq!(ran.out.matches("nothing is paid").count(), 2, "{ran:?}");
    assert_paid(&test_env, 2, &["x", "y"]);
    assert_eq!(["x", "y"].map(|key| task_of(&test_env, key)), [y, x]);
}

#[test]
fn swap_with_a_job_not_sent_yet_pays_once() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("x.yaml", job_of("x"));
    test_env.until("x to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("y.yaml", job_of("y"));
    test_env.until("y to be known", |test_env| test_env.job("y").is_some());
    meanwhile(&mut test_env, |test_env| {
        test_env.move_in("x.yaml", "t");
        test_env.move_in("y.yaml", "x.yaml");
        test_env.move_in("t", "y.yaml");
    });
    assert_flagged(&test_env, &["x"]);
    test_env.until("both to succeed", |test_env| {
        test_env.finish_tasks();
        ["x", "y"].iter().all(|key| test_env.state(key) == "succeeded")
    });
    // `y` asks for the request that was sent for `x`.
    assert_paid(&test_env, 1, &["y"]);
    assert_eq!(task_of(&test_env, "x"), task_of(&test_env, "y"));
    assert!(test_env.job("x").unwrap().changed_after_sent);
}

#[test]
fn manifest_in_the_place_of_one_that_was_renamed_is_an_edit() {
    let mut test_env = done(&[("x.yaml", JOB.to_owned())], &["x"]);
    meanwhile(&mut test_env, |test_env| {
        test_env.move_in("x.yaml", "y.yaml");
        test_env.drop_in("x.yaml", job_of("new"));
    });
    assert_flagged(&test_env, &["x"]);
    assert_paid(&test_env, 1, &["y"]);
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    test_env.until("the new request to be sent", |test_env| test_env.ledger().tasks.len() == 2);
    assert_paid(&test_env, 2, &["x", "y"]);
}

#[test]
fn manifest_that_replaces_another_is_an_edit_that_pays_nothing() {
    let mut test_env = done(&[("x.yaml", JOB.to_owned()), ("y.yaml", job_of("y"))], &["x", "y"]);
    meanwhile(&mut test_env, |test_env| test_env.move_in("y.yaml", "x.yaml"));
    assert_flagged(&test_env, &["x"]);
    assert_eq!(test_env.run(&["retry", "--yes", "x"]).code, Some(0));
    assert_paid(&test_env, 2, &["x"]);
    assert_eq!(test_env.state("y"), "succeeded", "its result stays");
}

#[test]
fn job_of_a_manifest_with_errors_does_not_move_or_change() {
    let both = batch(&[("a", "a"), ("b", "b")]);
    let mut test_env = done(&[("x.yaml", both)], &["x/a", "x/b"]);
    meanwhile(&mut test_env, |test_env| {
        test_env.drop_in("x.yaml", "jobs: [");
        test_env.drop_in("w.yaml", batch(&[("b", "b")]));
    });
    test_env.until("x.yaml to be refused", |test_env| test_env.refusal("x.yaml").is_some());
    // Both ask for it until the manifest with errors can be read.
    assert_paid(&test_env, 2, &["x/a", "x/b", "w/b"]);
    assert_eq!(test_env.job("w/b").unwrap().shares_task_with, "x/b");
    test_env.drop_in("x.yaml", batch(&[("a", "a")]));
    test_env.until("x.yaml to be accepted", |test_env| test_env.is_accepted("x.yaml"));
    assert_paid(&test_env, 2, &["x/a", "w/b"]);
}

#[test]
fn one_of_two_equal_jobs_can_move() {
    let mut test_env = TestEnv::new(quick());
    for name in ["x.yaml", "y.yaml"] {
        test_env.drop_in(name, JOB);
    }
    test_env.start();
    assert_paid(&test_env, 1, &["x", "y"]);
    meanwhile(&mut test_env, |test_env| {
        test_env.remove("x.yaml");
        test_env.drop_in("a/z.yaml", JOB);
    });
    assert_paid(&test_env, 1, &["a/z", "y"]);
    assert_eq!(
        (test_env.job("x"), test_env.job("a/z").unwrap().output),
        (None, "x.mp4".to_owned())
    );
}
