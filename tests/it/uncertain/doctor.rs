//! What `lipsyncd doctor` prints while the outcome of a create request is unknown must be true.

use super::env::{ask_for, lenient, lose_creates, test_env, until_printed};
use crate::support::{
    daemon::{TestEnv, Timeouts},
    switches::Switches as _,
};

/// No line says that the request was not sent, or that Kling has no task of its name.
fn assert_true(test_env: &TestEnv) {
    let ran = test_env.run(&["doctor"]);
    let text = format!("{}{}", ran.out, ran.err);
    for claim in ["job not sent", "was not sent", "Kling has no task of", "no task goes"] {
        assert!(!text.contains(claim), "{claim}: {text}");
    }
}

#[test]
fn open_request_is_not_called_unsent() {
    for (settle, state) in [("1h", "creating"), ("800ms", "unresolved")] {
        let timeouts = Timeouts { request: "600ms", settle, give_up: "24h" };
        let mut test_env = test_env(lenient(), 1, &timeouts);
        test_env.sim.answer_names(false);
        lose_creates(&test_env, 1, true);
        ask_for(&test_env, &["x"]);
        test_env.start();
        until_printed(&test_env, "x", &[state]);
        if state == "creating" {
            until_printed(&test_env, "x", &["sent once, at ", "checking whether Kling accepted"]);
        }
        assert_true(&test_env);
        test_env.kill();
        assert_true(&test_env);
        test_env.sim.assert_requests(1);
    }
}
