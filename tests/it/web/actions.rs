//! Retry, cancel and dismiss on the page: with a price, a confirmation, and only as it was shown.

use super::{ANY_PORT, HttpAnswer, address, ask, post};
use crate::support::daemon::{JOB, TestEnv, job_of, quick};

/// The hidden field of a confirmation page.
fn plan(page: &HttpAnswer) -> String {
    let (_, rest) =
        page.body.split_once("name=\"plan\" value=\"").unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().unwrap().to_owned()
}

fn started(files: &[(&str, String)]) -> (TestEnv, String) {
    let mut test_env = TestEnv::with(
        quick(),
        5,
        &format!("{ANY_PORT}prices: {{ identify: 0.05, per_5s: 0.5 }}\n"),
    );
    for (name, text) in files {
        test_env.drop_in_old(name, text);
    }
    test_env.start();
    let address = address(&test_env);
    (test_env, address)
}

#[test]
fn a_retry_names_its_price_and_is_done_once() {
    let (test_env, address) = started(&[("x.yaml", JOB.to_owned())]);
    test_env.until_state("x", "succeeded");
    let created = || test_env.ledger().tasks.len();
    let job = ask(&address, "GET", "/job?key=x", &[]);
    assert!(job.body.contains("/retry?job=x"), "{}", job.body);
    let question = ask(&address, "GET", "/retry?job=x", &[]);
    for part in ["Retry 1 job?", "1 paid task; price: ", " units", "Retry and pay"] {
        assert!(question.body.contains(part), "{part}: {}", question.body);
    }
    assert_eq!(created(), 1);
    // Without the confirmation, nothing is done.
    for form in ["job=x", "job=x&plan=1", "job=x&plan=", "job=y&plan=1"] {
        let answer = post(&address, "/retry", form);
        assert_eq!(answer.status, 200, "{form}");
        assert!(!answer.body.contains(">Done<"), "{form}: {}", answer.body);
    }
    assert_eq!(created(), 1);
    let form = format!("job=x&plan={}", plan(&question));
    let answer = post(&address, "/retry", &form);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/job?key=x")));
    test_env.until("the second take", |test_env| {
        test_env.job("x").is_some_and(|job| job.attempt == 2 && job.state == "succeeded")
    });
    // A reload of the form pays nothing more: the job is another one now.
    let again = post(&address, "/retry", &form);
    assert!(again.body.contains("Nothing was done"), "{}", again.body);
    assert_eq!(created(), 2);
    test_env.assert_paid_once();
}

#[test]
fn a_group_of_failures_is_found_and_handled() {
    let refused = |name: &str| job_of(name).replace("duration_ms=5000", "duration_ms=500");
    let (test_env, address) = started(&[
        ("a.yaml", refused("a")),
        ("b.yaml", refused("b")),
        ("good.yaml", job_of("good")),
    ]);
    for (key, state) in [("a", "failed"), ("b", "failed"), ("good", "succeeded")] {
        test_env.until_state(key, state);
    }
    let page = ask(&address, "GET", "/failures", &[]);
    assert!(page.body.contains("2 jobs"), "{}", page.body);
    let (_, link) = page.body.split_once("href=\"/dismiss?").unwrap();
    let query = link.split('"').next().unwrap().replace("&amp;", "&");
    let question = ask(&address, "GET", &format!("/dismiss?{query}"), &[]);
    assert!(question.body.contains("Dismiss 2 jobs?"), "{}", question.body);
    let answer = post(&address, "/dismiss", &format!("{query}&plan={}", plan(&question)));
    assert!(answer.body.contains("2 jobs dismissed"), "{}", answer.body);
    assert!(ask(&address, "GET", "/failures", &[]).body.contains("No job has failed"));
    let undo = ask(&address, "GET", "/undo-dismissal?job=a", &[]);
    let answer = post(&address, "/undo-dismissal", &format!("job=a&plan={}", plan(&undo)));
    assert_eq!(answer.status, 303);
    // What succeeded is not paid again by a filter.
    assert_eq!(ask(&address, "GET", "/retry?state=succeeded", &[]).status, 400);
    assert_eq!(ask(&address, "GET", "/retry?verdict=rejected", &[]).status, 400);
    assert_eq!(ask(&address, "GET", "/retry", &[]).status, 400);
    assert_eq!(post(&address, "/retry", "").status, 400);
}

#[test]
fn jobs_that_were_not_created_are_cancelled() {
    let text = format!("{JOB}not_before: 2099-01-01T00:00:00Z\n");
    let (test_env, address) = started(&[("x.yaml", text)]);
    test_env.until_state("x", "waiting");
    let question = ask(&address, "GET", "/cancel?job=x", &[]);
    assert!(question.body.contains("Cancel 1 job?"), "{}", question.body);
    assert_eq!(post(&address, "/cancel", &format!("job=x&plan={}", plan(&question))).status, 303);
    test_env.until_state("x", "cancelled");
    let refused = ask(&address, "GET", "/cancel?job=x", &[]);
    assert!(refused.body.contains("None of the selected jobs"), "{}", refused.body);
}
