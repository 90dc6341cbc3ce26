//! A request that is refused for its size was certainly not accepted; a 504 leaves the outcome unknown.

use lipsyncd::sim::{Endpoint, Fault, FaultRule, Sim};

use super::env::{
    ask_for, done, learn_lookups, lenient, slots_used, test_env, until_delivered, until_printed,
};
use crate::{
    support::{
        daemon::{BRISK, Timeouts, clip, quick},
        switches::Switches as _,
    },
    testing::media::wav,
};

/// A job whose audio is sent inline.
const INLINE: &str = "video: https://cdn.example.com/x.mp4?duration_ms=9000\naudio: en.mp3\n";

#[test]
fn refused_size_fails_the_job_at_once_and_says_why() {
    for status in [413, 414, 431] {
        for is_html in [false, true] {
            let mut test_env = test_env(lenient(), 1, &BRISK);
            test_env.sim.refuse_bodies(status, is_html);
            test_env.drop_in_old("en.mp3", clip("welcome-en.mp3"));
            test_env.drop_in_old("x.yaml", INLINE);
            test_env.start();
            let words = ["failed", &format!("HTTP {status}"), "too large"];
            until_printed(&test_env, "x", &words);
            until_printed(&test_env, "x", &["the proxy at 127.0.0.1", "accepts at most"]);
            let sent = test_env.ledger().faults["too_large"];
            assert_eq!((sent, slots_used(&test_env)), (1, 0), "{status} {is_html}");

            // The slot is free, and the same request may be sent by a person.
            test_env.sim.control(Sim::clear_faults);
            ask_for(&test_env, &["next"]);
            until_delivered(&test_env, &["next"]);
            done(&test_env, &["retry", "x", "--yes"]);
            until_delivered(&test_env, &["x"]);
            test_env.sim.assert_requests(2);
        }
    }
}

#[test]
fn refused_method_or_length_fails_the_job_at_once() {
    for status in [405, 411] {
        let mut test_env = test_env(lenient(), 1, &BRISK);
        test_env.sim.refuse_bodies(status, true);
        ask_for(&test_env, &["x"]);
        test_env.start();
        let words =
            ["failed", &format!("HTTP {status}"), "the proxy at 127.0.0.1", "no such request"];
        until_printed(&test_env, "x", &words);
        assert_eq!((test_env.ledger().faults["too_large"], slots_used(&test_env)), (1, 0));
        test_env.sim.assert_requests(0);
    }
}

#[test]
fn body_that_the_network_is_too_slow_for_is_said_so_and_was_not_accepted() {
    // A debug build takes longer than `BRISK` allows to read the complete body.
    let timeouts = Timeouts { request: "3s", settle: "4s", give_up: "24h" };
    let mut test_env = test_env(lenient(), 1, &timeouts);
    test_env.sim.set(|config| config.stalled_upload_bytes = Some(100_000));
    test_env.drop_in_old("en.wav", wav(44_100, 16, &vec![1; 4_400_000]));
    test_env.drop_in_old("x.yaml", INLINE.replace("en.mp3", "en.wav"));
    test_env.start();
    let words = "the request body of 5.9 MB was not sent within kling.request_timeout (3s)";
    until_printed(&test_env, "x", &["identified", words]);
    // The next try begins soon.
    test_env.until("the slot to be free in between", |test_env| slots_used(test_env) == 0);
    assert_eq!(test_env.count_history("x", "what LIKE 'no answer to the create%'"), 0);
    test_env.sim.set(|config| config.stalled_upload_bytes = None);
    until_delivered(&test_env, &["x"]);
    test_env.sim.assert_requests(1);
}

#[test]
fn refused_size_of_a_second_send_does_not_hide_that_the_first_was_accepted() {
    // The first send shows up only after the second was refused for its size.
    let mut test_env = test_env(lenient(), 1, &BRISK);
    test_env.start();
    learn_lookups(&test_env);
    test_env.sim.set(|config| config.visibility_lag_ms = 1_300);
    test_env.sim.fault(FaultRule::once(Endpoint::Create, Fault::LoseAnswer));
    let too_large = Fault::TooLarge { status: 413, html: true };
    test_env.sim.fault(FaultRule { nth: 2, ..FaultRule::once(Endpoint::Create, too_large) });
    ask_for(&test_env, &["x"]);
    until_delivered(&test_env, &["x"]);
    test_env.sim.assert_requests(2);
}

#[test]
fn gateway_timeouts_leave_it_open_and_the_reason_counts_the_sends() {
    let mut test_env = test_env(quick(), 1, &BRISK);
    test_env.start();
    learn_lookups(&test_env);
    let page = FaultRule {
        accept: Some(false),
        ..FaultRule::always(Endpoint::Create, Fault::Html { status: 504 })
    };
    test_env.sim.fault(page);
    ask_for(&test_env, &["x"]);
    until_printed(&test_env, "x", &["creating", "504", "sent once, at "]);
    until_printed(&test_env, "x", &["creating", "504", "sent 2 times, first at ", "last at "]);
    test_env.sim.control(Sim::clear_faults);
    until_delivered(&test_env, &["x"]);
    test_env.sim.assert_requests(2);
}
