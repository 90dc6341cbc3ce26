//! The end of the process between an earlier result set aside and the word about it in the database.

use crate::support::daemon::{House, job_of, quick};

/// A job that moved keeps its file at the old place until another job's result comes there.
fn end_at(point: &str) {
    let mut house = House::new(quick());
    house.drop_in_old("news.yaml", job_of("first"));
    house.spawn_with(&["run", "--once"], &[]);
    assert!(house.ended().success(), "{}", house.log());
    std::fs::create_dir(house.path("jobs/archive")).unwrap();
    house.move_in("news.yaml", "archive/news.yaml");
    house.spawn_with(&["run", "--once"], &[]);
    assert!(house.ended().success(), "{}", house.log());
    house.drop_in_old("news.yaml", job_of("second"));
    house.spawn_with(&["run", "--once"], &[("LIPSYNCD_FAILPOINT", point)]);
    assert!(!house.ended().success(), "{point} was not hit\n{}", house.log());
    house.spawn_with(&["run", "--once"], &[]);
    house.ended();
    for key in ["news", "archive/news"] {
        let shown = house.run(&["show", key, "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        let output = shown["output"].as_str().unwrap_or_else(|| panic!("{shown}"));
        let facts =
            std::fs::read(house.path("output").join(output).with_extension("json")).unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
        assert_eq!(facts["task_id"], shown["task_id"], "{point}: {key} has {output}\n{shown}");
    }
    house.assert_paid_once();
}

#[test]
fn move_is_written_after_an_end_in_between() {
    for point in ["name.set_aside.after", "name.into_free.after", "name.into_free.after:2"] {
        end_at(point);
    }
}
