//! `take:` in a manifest: more than one result of the same request, on purpose.

use super::{env::Env, samples::single};

fn take(name: &str, take: u32) -> String {
    format!("{}take: {take}\n", single(name))
}

/// `lipsyncd-` and 32 hex digits, then nothing.
fn is_first_name(name: &str) -> bool {
    name.strip_prefix("lipsyncd-").is_some_and(|hash| {
        hash.len() == 32 && hash.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
    })
}

#[test]
fn second_take_is_a_task_of_its_own() {
    let mut env = Env::new();
    env.drop_in_old("first.yaml", single("takes"));
    env.drop_in_old("second.yaml", take("takes", 2));
    env.start();
    env.until_all(&["first", "second"].map(str::to_owned), "succeeded");
    env.assert_paid(2, "for two takes");
    let mut names = env.paid_names();
    names.sort();
    assert!(is_first_name(&names[0]), "{names:?}");
    assert_eq!(names[1], format!("{}-2", names[0]));
    assert_eq!(env.column("second", "external_task_id"), Some(names[1].clone()));
    assert_ne!(env.result("first"), env.result("second"));
}

#[test]
fn edited_take_runs_with_flag() {
    let mut env = Env::new();
    env.drop_in_old("x.yaml", single("edited-take"));
    env.start();
    env.until_all(&["x".to_owned()], "succeeded");
    env.drop_in("x.yaml", take("edited-take", 2));
    env.until("the second take to be paid", |test_env| test_env.ledger().tasks.len() == 2);
    env.until_all(&["x".to_owned()], "succeeded");
    env.scanned();
    env.assert_paid(2, "after the edit of take");
    assert_eq!(env.column("x", "changed_after_sent").as_deref(), Some("0"));
    assert_eq!(env.earlier_results("x").len(), 1, "{:?}", env.output_files());
    env.assert_all_results_kept();
}

#[test]
fn take_outside_of_its_range_is_an_error() {
    let env = Env::new();
    for (key, number) in [("low", 0), ("high", 100)] {
        env.drop_in_old(&format!("{key}.yaml"), take(key, number));
    }
    for key in ["low", "high"] {
        let ran = env.run(&["check", &format!("jobs/{key}.yaml")]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        for part in [&format!("{key}.yaml:4:"), "take", "1 to 99"] {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
    }
    let ran = env.run_once();
    env.assert_paid(0, "with errors in both manifests");
    assert_eq!(ran.code, Some(1), "{ran:?}");
}
