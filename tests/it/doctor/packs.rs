//! What the resource packs have left: asked by `doctor`, and by the daemon for `status`.

use lipsyncd::sim::{Endpoint, FaultRule, OddAnswers, ShownPacks, SimConfig};

use super::DoctorRun;
use crate::support::{
    daemon::{TestEnv, job_of, quick, slow},
    refusal,
};

#[test]
fn doctor_shows_what_the_packs_have_left() {
    let pack_units = "100.5".parse().unwrap();
    for odd_answers in [OddAnswers::default(), OddAnswers::ALL] {
        for shown_packs in [ShownPacks::One, ShownPacks::Several] {
            let config = SimConfig { pack_units, shown_packs, odd_answers, ..quick() };
            let left = "100.5 of 100.5 units left in Simulated resource pack; ends 20";
            DoctorRun::run(&TestEnv::new(config)).expect("resource packs", "ok", left, "");
        }
    }
    let balance = SimConfig { shown_packs: ShownPacks::None, ..quick() };
    let none = "none: Kling charges the account's balance";
    DoctorRun::run(&TestEnv::new(balance)).expect("resource packs", "ok", none, "");
    let empty = SimConfig { pack_units: "0".parse().unwrap(), ..quick() };
    let (message, fix) = ("no units left: 1 resource pack, none in effect", "buy a resource pack");
    DoctorRun::run(&TestEnv::new(empty)).expect("resource packs", "warning", message, fix);
}

#[test]
fn packs_that_kling_does_not_show_are_no_problem() {
    let test_env = TestEnv::new(quick());
    test_env.sim.control(|sim| sim.add_fault(FaultRule::always(Endpoint::Costs, refusal(1203))));
    let found = DoctorRun::run(&test_env);
    found.expect("resource packs", "ok", "unknown: ", "");
    found.only(&[]);
}

/// `status` sends no request: it shows what the daemon asked.
#[test]
fn status_shows_what_the_daemon_asked() {
    let config = SimConfig { pack_units: "1000".parse().unwrap(), concurrency: 1, ..slow() };
    let mut test_env = TestEnv::with(config, 1, "");
    for name in ["x.yaml", "y.yaml"] {
        test_env.drop_in(name, job_of(name));
    }
    test_env.start();
    let status = |test_env: &TestEnv| -> serde_json::Value {
        serde_json::from_str(&test_env.run(&["status", "--json"]).out).unwrap()
    };
    test_env.until("the packs to be known", |test_env| !status(test_env)["packs"].is_null());
    let packs = &status(&test_env)["packs"];
    let left = packs["left"].as_f64().unwrap();
    assert!(left < 1000.0 && left > 990.0, "{packs}");
    assert_eq!(
        (&packs["problem"], &packs["packs"][0]["in_effect"]),
        (&serde_json::Value::Null, &true.into())
    );
    let text = test_env.run(&["status"]).out;
    assert!(
        text.contains("packs      99") && text.contains("of 1000 units left in Simulated"),
        "{text}"
    );
    assert_eq!(test_env.ledger().accepted(Endpoint::Costs), 1);
}

#[test]
fn a_queue_that_needs_more_than_the_packs_have_is_a_warning() {
    let config = SimConfig { pack_units: "3".parse().unwrap(), concurrency: 1, ..slow() };
    let mut test_env = TestEnv::with(config, 1, "prices: { identify: 0.05, per_5s: 1 }\n");
    for name in ["x", "y", "z"] {
        test_env.drop_in(&format!("{name}.yaml"), job_of(name));
    }
    test_env.start();
    test_env.until("status to warn", |test_env| {
        test_env.run(&["status"]).out.contains(" units, more than that")
    });
    let found = DoctorRun::run(&test_env);
    let needs = "units left in Simulated resource pack";
    found.expect("resource packs", "warning", needs, "buy a resource pack");
    found.expect("resource packs", "warning", "; the queue needs ", "buy a resource pack");
}
