//! Jobs that ask for the same at the same time.

use super::{
    env::Env,
    samples::{single, video},
};

const TWINS: [&str; 2] = ["x", "y"];

/// A paused queue with `x` and `y`, which ask for the same and are not created yet.
fn paused_twins(name: &str) -> Env {
    let mut env = Env::new();
    env.start();
    env.command_done(&["pause"]);
    for key in TWINS {
        env.drop_in(&format!("{key}.yaml"), single(name));
        env.until_known(&[key]);
    }
    env.scanned();
    env.assert_paid(0, "while paused");
    env
}

fn assert_each_has_its_result(env: &Env, keys: &[&str]) {
    env.until_all(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(1, "for two jobs of one request");
    for key in keys {
        assert_eq!(env.result(key), env.result(keys[0]), "{key}");
    }
}

#[test]
fn twins_in_one_manifest_pay_once() {
    let mut env = Env::new();
    let audio = "https://cdn.example.com/a.mp3?duration_ms=5000";
    let video = video("one-manifest");
    env.drop_in_old(
        "batch.yaml",
        format!(
            "defaults: {{ video: \"{video}\", audio: \"{audio}\", sound_end_time: 4s }}\n\
             jobs: [{{ id: x }}, {{ id: y, priority: 5, labels: {{ team: b }} }}]\n"
        ),
    );
    env.start();
    assert_each_has_its_result(&env, &["batch/x", "batch/y"]);
    assert_ne!(env.result_path("batch/x"), env.result_path("batch/y"));
}

#[test]
fn twins_in_two_manifests_pay_once() {
    let env = paused_twins("two-manifests");
    env.command_done(&["resume"]);
    assert_each_has_its_result(&env, &TWINS);
}

#[test]
fn cancel_of_one_twin_leaves_the_other() {
    for cancelled in TWINS {
        let env = paused_twins(&format!("cancel-{cancelled}"));
        env.command_done(&["cancel", cancelled]);
        env.command_done(&["resume"]);
        let other = TWINS.into_iter().find(|key| *key != cancelled).unwrap();
        assert_each_has_its_result(&env, &[other]);
        assert_eq!(env.state(cancelled), "cancelled");
        assert!(!env.path("output").join(format!("{cancelled}.mp4")).exists());
    }
}

#[test]
fn removal_of_one_twin_leaves_the_other() {
    for removed in TWINS {
        let env = paused_twins(&format!("remove-{removed}"));
        env.remove(&format!("{removed}.yaml"));
        env.scanned();
        env.command_done(&["resume"]);
        let other = TWINS.into_iter().find(|key| *key != removed).unwrap();
        assert_each_has_its_result(&env, &[other]);
        assert!(!env.path("output").join(format!("{removed}.mp4")).exists());
    }
}

#[test]
fn foreign_file_at_one_output_leaves_the_other_twin() {
    for blocked in TWINS {
        let env = paused_twins(&format!("foreign-{blocked}"));
        let foreign = env.path("output").join(format!("{blocked}.mp4"));
        std::fs::write(&foreign, "somebody else's").unwrap();
        env.command_done(&["resume"]);
        let other = TWINS.into_iter().find(|key| *key != blocked).unwrap();
        env.until_all(&[other.to_owned()], "succeeded");
        env.until("the blocked twin to say why", |test_env| {
            let waits =
                test_env.job(blocked).is_some_and(|job| job.waiting_for.contains("move it away"));
            waits || env.problem(blocked).contains("move it away")
        });
        env.assert_paid(1, "with a foreign file at one of two outputs");
        assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "somebody else's");
    }
}
