//! The process ends after an earlier result was set aside, and before the database records it.

use crate::support::daemon::{TestEnv, job_of, quick};

/// A job that moved keeps its file at the old place until another job's result comes there.
fn end_at(point: &str) {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in_old("news.yaml", job_of("first"));
    test_env.spawn_with(&["run", "--once"], &[]);
    assert!(test_env.wait_until_ended().success(), "{}", test_env.log());
    std::fs::create_dir(test_env.path("jobs/archive")).unwrap();
    test_env.move_in("news.yaml", "archive/news.yaml");
    test_env.spawn_with(&["run", "--once"], &[]);
    assert!(test_env.wait_until_ended().success(), "{}", test_env.log());
    test_env.drop_in_old("news.yaml", job_of("second"));
    test_env.spawn_with(&["run", "--once"], &[("LIPSYNCD_FAILPOINT", point)]);
    assert!(!test_env.wait_until_ended().success(), "{point} was not hit\n{}", test_env.log());
    test_env.spawn_with(&["run", "--once"], &[]);
    test_env.wait_until_ended();
    for key in ["news", "archive/news"] {
        let shown = test_env.run(&["show", key, "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        let output = shown["output"].as_str().unwrap_or_else(|| panic!("{shown}"));
        let facts =
            std::fs::read(test_env.path("output").join(output).with_extension("json")).unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
        assert_eq!(facts["task_id"], shown["task_id"], "{point}: {key} has {output}\n{shown}");
    }
    test_env.assert_paid_once();
}

#[test]
fn move_is_recorded_after_the_process_ended_in_between() {
    for point in ["name.set_aside.after", "name.into_free.after", "name.into_free.after:2"] {
        end_at(point);
    }
}
