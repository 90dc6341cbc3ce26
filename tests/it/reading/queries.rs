//! Every query of the page runs, and finds what there is to find.

use std::process::Command;

use rusqlite::types::ValueRef;

use super::{
    eventful,
    page::{Query, queries},
};
use crate::support::daemon::TestEnv;

/// How many rows it finds, by the library that lipsyncd has built in.
fn rows(test_env: &TestEnv, query: &Query) -> usize {
    let database = test_env.database().unwrap();
    let mut statement = database
        .prepare(&query.sql)
        .unwrap_or_else(|error| panic!("{}: {error}\n{}", query.heading, query.sql));
    assert!(statement.readonly(), "{}: {}", query.heading, query.sql);
    let mut rows = statement.query([]).unwrap();
    let mut count = 0;
    while rows.next().unwrap_or_else(|error| panic!("{}: {error}", query.heading)).is_some() {
        count += 1;
    }
    count
}

/// What SQLite's own program, which is older as a rule, finds; none where it is not installed.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
fn told_by_sqlite3(test_env: &TestEnv, query: &Query) -> Option<String> {
    let mut sqlite3 = Command::new("sqlite3");
    sqlite3
        .args(["-readonly", "-batch", "-bail"])
        .arg(test_env.path("lipsyncd.db"))
        .arg(&query.sql);
    let Ok(output) = sqlite3.output() else {
        eprintln!("skipped: sqlite3 is not installed here");
        return None;
    };
    let reported = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && reported.is_empty(),
        "{}: {reported}\n{}",
        query.heading,
        query.sql
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ask_all(test_env: &TestEnv, when: &str) {
    for query in queries() {
        let found = rows(test_env, &query) > 0;
        let what = format!("{when}: {}: {}", query.heading, query.sql);
        assert!(found || query.may_find_nothing, "finds nothing, {what}");
        if let Some(reported) = told_by_sqlite3(test_env, &query) {
            assert_eq!(!reported.trim().is_empty(), found, "sqlite3, {what}");
        }
    }
}

/// What the first query under the heading finds: a line a row, its values with `|` between them.
fn reported(test_env: &TestEnv, heading: &str) -> String {
    let query = queries().into_iter().find(|query| query.heading == heading).unwrap();
    let database = test_env.database().unwrap();
    let mut statement = database.prepare(&query.sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut reported = String::new();
    while let Some(row) = rows.next().unwrap() {
        let values = (0..columns).map(|column| match row.get_ref(column).unwrap() {
            ValueRef::Null => "NULL".to_owned(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Blob(_) => "a blob".to_owned(),
        });
        reported += &(values.collect::<Vec<_>>().join("|") + "\n");
    }
    reported
}

/// The only number that a query finds.
fn sum(test_env: &TestEnv, query: &str) -> f64 {
    test_env.database().unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn the_queries_of_the_page_answer_while_the_daemon_runs_and_when_it_does_not() {
    let mut test_env = eventful();
    ask_all(&test_env, "while it runs");
    let of = |heading| reported(&test_env, heading);
    assert!(of("Is the queue paused, and why?").starts_with("person|paused by `lipsyncd pause`"));
    assert!(of("What waits for media?").starts_with("late|there is no audio file"));
    assert!(of("Which manifests have failures left?").starts_with("promo.yaml|3|2|1|0|0|"));
    assert!(of("Which job made this file?").starts_with("promo/en|promo.yaml|"));
    assert!(of("Which jobs were retried, and what did it cost?").starts_with("2|"));
    assert!(of("Which jobs share a task?").starts_with("promo/en|twin|"));
    assert!(of("How long do tasks take?").starts_with("3|"));
    assert!(of("How far is a campaign?").starts_with("spring|3|2|1|0|"));
    assert!(of("What does the API refuse?").contains("1201"));
    assert!(of("How much is left of the cap?").starts_with("1000|"));
    // What it cost is the same whichever view is asked.
    let spent = sum(&test_env, "SELECT sum(units) FROM spend_by_day");
    let by_job = sum(&test_env, "SELECT sum(units) FROM job_overview");
    let by_history = sum(&test_env, "SELECT sum(units) FROM job_history");
    let by_manifest = sum(&test_env, "SELECT sum(units) FROM manifest_overview");
    assert!((spent - by_job).abs() < 1e-6, "{spent} {by_job}");
    assert!((spent - by_history).abs() < 1e-6, "{spent} {by_history}");
    assert!((spent - by_manifest).abs() < 1e-6, "{spent} {by_manifest}");
    test_env.signal("TERM");
    assert!(test_env.wait_until_ended().success());
    ask_all(&test_env, "when it has ended");
    test_env.start();
    test_env.kill();
    ask_all(&test_env, "when it was killed");
}
