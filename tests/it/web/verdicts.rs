//! Verdicts as the page sends them, and as others do.

use std::fs;

use super::{
    ANY_PORT, address, ask,
    media::{media, with_a_result},
    post,
};

/// Task and SHA-256 of the result of the only job.
fn result(at: &str) -> [String; 2] {
    let [result, ..] = media(at);
    let mut parts = result.rsplit('/').map(str::to_owned);
    let (digest, task) = (parts.next().unwrap(), parts.next().unwrap());
    [task, digest]
}

/// The metadata beside the result have it.
#[test]
fn a_verdict_survives_the_loss_of_the_database() {
    let (mut env, at) = with_a_result(ANY_PORT);
    let [task, digest] = result(&at);
    let form = format!("key=en&task={task}&sha256={digest}&verdict=rejected&note=too+late");
    assert_eq!(post(&at, "/verdict", &form).status, 303);
    let metadata = |name: &str| fs::read_to_string(env.path(name)).unwrap();
    env.until("the verdict in the metadata", |_| metadata("output/en.json").contains("too late"));
    env.kill();
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        let _absent = fs::remove_file(env.path(name));
    }
    env.start();
    env.until_state("en", "succeeded");
    env.assert_paid_once();
    let listed = env.run(&["list", "--verdict", "rejected", "--json"]);
    assert!(listed.out.contains("\"verdict_note\":\"too late\""), "{listed:?}");
    assert_eq!(ask(&address(&env), "GET", "/jobs?verdict=rejected", &[]).status, 200);
}

#[test]
fn wrong_verdicts_are_refused() {
    let (env, at) = with_a_result(ANY_PORT);
    let [task, digest] = result(&at);
    let form = |verdict: &str, digest: &str, note: &str| {
        format!("key=en&task={task}&sha256={digest}&verdict={verdict}&note={note}")
    };
    for wrong in [
        form("perfect", &digest, ""),
        form("approved", &"0".repeat(64), ""),
        form("approved", &digest, &"x".repeat(1_001)),
        form("approved", &digest, "").replace(&format!("task={task}"), "task=99"),
    ] {
        assert_eq!(post(&at, "/verdict", &wrong).status, 400, "{wrong}");
    }
    assert!(matches!(post(&at, "/verdict", "key=en").status, 400 | 422));
    assert_eq!(env.run(&["list", "--verdict", "approved,rejected"]).out, "");
    let given = post(&at, "/verdict", &form("rejected", &digest, "a%0Ab%3Cscript%3E"));
    assert_eq!(
        (given.status, given.header("location")),
        (303, Some(&*format!("/job?key=en#take-{task}")))
    );
    let page = ask(&at, "GET", "/job?key=en", &[]).body;
    assert!(page.contains("a\nb&lt;script&gt;") && !page.contains("b<script>"), "{page}");
    // It is in the log, on one line.
    assert!(env.log().contains("verdict: rejected: a b<script>"), "{}", env.log());
}

#[test]
fn a_page_that_only_shows_takes_no_verdict() {
    let (env, at) = with_a_result("web: { listen: 127.0.0.1:0, read_only: true }\n");
    let [task, digest] = result(&at);
    let form = format!("key=en&task={task}&sha256={digest}&verdict=approved");
    assert_eq!(post(&at, "/verdict", &form).status, 403);
    assert!(!ask(&at, "GET", "/job?key=en", &[]).body.contains("action=\"/verdict\""));
    assert_eq!(env.run(&["list", "--verdict", "approved"]).out, "");
}
