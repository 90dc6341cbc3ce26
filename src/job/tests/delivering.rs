//! The delivery of a job's own file: each attempt's result, its delays, and that it is never given up.

use super::*;
use crate::job::{Delivery, DeliveryOutcome, deliver};

fn attempt(
    before: &Delivery,
    attempt: &DeliveryOutcome,
) -> (State, Delivery, Option<String>, String) {
    let (state, delivery, failure, what) = deliver(before, attempt, &moment(NOW_MS), &POLICY);
    (state, delivery, failure.map(|failure| failure.code), what)
}

#[test]
fn delivered_file_ends_the_delivery() {
    let failed = attempt(&Delivery::default(), &DeliveryOutcome::Failed(transient_error())).1;
    let delivered = DeliveryOutcome::Delivered { sha256: "0123456789abcdef".into(), bytes: 9 };
    let (state, delivery, failure, what) = attempt(&failed, &delivered);
    assert_eq!((state, delivery, failure), (State::Succeeded, Delivery::default(), None));
    assert_eq!(what, "delivered: 9 bytes, sha256 0123456789ab…");
}

#[test]
fn failed_delivery_is_tried_again_later_each_time() {
    let mut delivery = Delivery::default();
    for (tries, delay_ms) in [(1, 1_000), (2, 2_000), (3, 4_000)] {
        let (state, next, failure, what) =
            attempt(&delivery, &DeliveryOutcome::Failed(transient_error()));
        assert_eq!((state, failure), (State::Downloading, None));
        assert_eq!((next.tries, next.due_at_ms), (tries, NOW_MS + delay_ms));
        assert_eq!(next.failing_since_ms, Some(NOW_MS));
        assert_eq!(next.wait_reason.as_deref(), Some("server busy"));
        assert_eq!(what, format!("delivery attempt {tries} failed: server busy"));
        delivery = next;
    }
}

#[test]
fn paid_result_is_never_given_up() {
    let year_ago = NOW_MS - 365 * POLICY.give_up_after_ms;
    let before =
        Delivery { tries: u32::MAX, failing_since_ms: Some(year_ago), ..Delivery::default() };
    let (state, delivery, failure, _) =
        attempt(&before, &DeliveryOutcome::Failed(transient_error()));
    assert_eq!((state, failure), (State::Downloading, None));
    assert_eq!((delivery.tries, delivery.failing_since_ms), (u32::MAX, Some(year_ago)));
    assert_eq!(delivery.due_at_ms, NOW_MS + POLICY.retry_max_ms);
}

#[test]
fn server_that_asks_for_time_gets_it() {
    let asked = |ms| {
        DeliveryOutcome::Failed(TransientError { retry_after_ms: Some(ms), ..transient_error() })
    };
    let due_in = |ms| attempt(&Delivery::default(), &asked(ms)).1.due_at_ms - NOW_MS;
    assert_eq!([due_in(30_000), due_in(-5), due_in(i64::MAX)], [30_000, 1_000, 3_600_000]);
}

#[test]
fn refused_delivery_fails_the_job_alone() {
    let expired =
        PermanentError { code: "result_expired".into(), message: "Kling deleted it".into() };
    let (state, delivery, failure, what) =
        attempt(&Delivery::default(), &DeliveryOutcome::Refused(expired));
    assert_eq!((state, delivery), (State::Failed, Delivery::default()));
    assert_eq!(failure.as_deref(), Some("result_expired"));
    assert_eq!(what, "Kling deleted it");
}
