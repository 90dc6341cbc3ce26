//! What `lipsyncd doctor` prints while the outcome of a create request is unknown must be true.

use super::env::{ask_for, house, lenient, lose_creates, until_printed};
use crate::support::{
    daemon::{House, Timeouts},
    switches::Switches as _,
};

/// No line says that the request was not sent, or that Kling has no task of its name.
fn assert_true(house: &House) {
    let ran = house.run(&["doctor"]);
    let text = format!("{}{}", ran.out, ran.err);
    for claim in ["job not sent", "was not sent", "Kling has no task of", "no task goes"] {
        assert!(!text.contains(claim), "{claim}: {text}");
    }
}

#[test]
fn open_request_is_not_called_unsent() {
    for (settle, state) in [("1h", "creating"), ("800ms", "unresolved")] {
        let timeouts = Timeouts { request: "600ms", settle, give_up: "24h" };
        let mut house = house(lenient(), 1, &timeouts);
        house.sim.answer_names(false);
        lose_creates(&house, 1, true);
        ask_for(&house, &["x"]);
        house.start();
        until_printed(&house, "x", &[state]);
        if state == "creating" {
            until_printed(&house, "x", &["sent once, at ", "next lookup"]);
        }
        assert_true(&house);
        house.kill();
        assert_true(&house);
        house.sim.assert_requests(1);
    }
}
