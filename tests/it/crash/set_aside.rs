//! The process ends after an earlier result was set aside, and before the database records it.

use std::fs;

use crate::support::daemon::{TestEnv, job_of, quick};

/// A job that moved keeps its file at the old place until another job's result comes there. `meanwhile` changes the output
/// folder before the next start.
fn end_at(point: &str, meanwhile: impl Fn(&TestEnv)) {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in_old("news.yaml", job_of("first"));
    test_env.spawn_with(&["run", "--once"], &[]);
    assert!(test_env.wait_until_ended().success(), "{}", test_env.log());
    fs::create_dir(test_env.path("jobs/archive")).unwrap();
    test_env.move_in("news.yaml", "archive/news.yaml");
    test_env.spawn_with(&["run", "--once"], &[]);
    assert!(test_env.wait_until_ended().success(), "{}", test_env.log());
    test_env.drop_in_old("news.yaml", job_of("second"));
    test_env.spawn_with(&["run", "--once"], &[("LIPSYNCD_FAILPOINT", point)]);
    assert!(!test_env.wait_until_ended().success(), "{point} was not hit\n{}", test_env.log());
    meanwhile(&test_env);
    test_env.spawn_with(&["run", "--once"], &[]);
    test_env.wait_until_ended();
    for key in ["news", "archive/news"] {
        let shown = test_env.run(&["show", key, "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        let output = shown["output"].as_str().unwrap_or_else(|| panic!("{shown}"));
        let facts = fs::read(test_env.path("output").join(output).with_extension("json")).unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
        assert_eq!(facts["task_id"], shown["task_id"], "{point}: {key} has {output}\n{shown}");
    }
    test_env.assert_paid_once();
}

#[test]
fn move_is_recorded_after_the_process_ended_in_between() {
    for point in ["name.set_aside.after", "name.into_free.after", "name.into_free.after:2"] {
        end_at(point, |_| {});
    }
}

/// The file system kept the name of the new result, and not the earlier one of its metadata.
#[test]
fn move_is_recorded_after_a_power_failure_between_the_names_of_a_result() {
    end_at("name.into_free.after:3", |test_env| {
        let aside = |name: &String| name.starts_with("news.") && name.ends_with(".json");
        let names = fs::read_dir(test_env.path("output")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let earlier = names.filter(aside).find(|name| name != "news.json").unwrap();
        let output = test_env.path("output");
        fs::copy(output.join(earlier), output.join("news.json")).unwrap();
    });
}
