//! Two manifests with the same key, output or name: the later one is refused until the first one leaves.

use crate::support::daemon::{JOB, TestEnv, clip, job_of, quick, slow};

#[test]
fn output_of_another_request_is_refused_and_released_with_its_owner() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("busy.yaml", JOB);
    test_env.until("busy to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("a.yaml", format!("{}output: same.mp4\n", job_of("a")));
    test_env.until("a to be known", |test_env| test_env.job("a").is_some());
    test_env.drop_in("b.yaml", format!("{}output: same.mp4\n", job_of("b")));
    test_env.until("b.yaml to be refused", |test_env| test_env.refusal("b.yaml").is_some());
    let refusal = test_env.refusal("b.yaml").unwrap();
    assert!(refusal.contains("same.mp4") && refusal.contains("job a"), "{refusal}");
    assert!(test_env.job("b").is_none());
    test_env.remove("a.yaml");
    test_env.until("b.yaml to be read again, untouched", |test_env| test_env.is_accepted("b.yaml"));
    test_env.until("b to succeed", |test_env| {
        test_env.finish_tasks();
        test_env.state("b") == "succeeded"
    });
    test_env.assert_complete("same.mp4");
}

#[test]
fn own_name_is_released_by_edit_and_cancel_also_across_a_restart() {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("busy.yaml", JOB);
    test_env.until("busy to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    for round in ["edit", "cancel", "restart"] {
        let (first, second) = (format!("{round}-a"), format!("{round}-b"));
        let named = |key: &str| format!("{}external_task_id: {round}-mine\n", job_of(key));
        test_env.drop_in(&format!("{first}.yaml"), named(&first));
        test_env.until("the first to be known", |test_env| test_env.job(&first).is_some());
        test_env.drop_in(&format!("{second}.yaml"), named(&second));
        let refused = format!("{second}.yaml");
        test_env.until("the second to be refused", |test_env| test_env.refusal(&refused).is_some());
        let refusal = test_env.refusal(&refused).unwrap();
        assert!(refusal.contains(&format!("job {first}")), "{refusal}");
        match round {
            "edit" => test_env.drop_in(&format!("{first}.yaml"), job_of(&first)),
            "cancel" => assert_eq!(test_env.run(&["cancel", &first]).code, Some(0)),
            _ => {
                test_env.kill();
                test_env.remove(&format!("{first}.yaml"));
                test_env.start();
            }
        }
        test_env.until("the second to be accepted", |test_env| test_env.is_accepted(&refused));
    }
}

#[test]
fn a_used_key_is_refused_and_released_with_its_owner() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    test_env.drop_in("a.yaml", JOB);
    test_env.until_state("a", "succeeded");
    test_env.drop_in("a.yml", JOB);
    test_env.until("a.yml to be refused", |test_env| test_env.refusal("a.yml").is_some());
    let refusal = test_env.refusal("a.yml").unwrap();
    assert!(refusal.contains("job a") && refusal.contains("a.yaml"), "{refusal}");
    test_env.remove("a.yaml");
    test_env.until("a.yml to be accepted", |test_env| test_env.is_accepted("a.yml"));
    assert_eq!(test_env.job("a").unwrap().manifest, "a.yml");
    assert_eq!(test_env.ledger().tasks.len(), 1, "it asks for the same");
}

#[test]
fn check_finds_what_the_daemon_would_refuse() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("a.yaml", format!("{JOB}external_task_id: mine\n"));
    test_env.drop_in("b.yaml", format!("{}external_task_id: mine\n", job_of("b")));
    test_env.drop_in("c.yaml", format!("{}output: a.mp4\n", job_of("c")));
    test_env.drop_in("a.yml", JOB);
    let ran = test_env.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for name in ["b.yaml:1:1: ", "c.yaml:1:1: ", "a.yml:1:1: "] {
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
    }
}

#[test]
fn check_says_which_jobs_share_a_task() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("en.mp3", clip("welcome-en.mp3"));
    test_env.drop_in("copy/en-too.mp3", clip("welcome-en.mp3"));
    let local = |audio: &str| {
        format!("video: https://cdn.example.com/l.mp4?duration_ms=9000\naudio: {audio}\n")
    };
    test_env.drop_in("local.yaml", local("en.mp3"));
    test_env.drop_in("copy/local.yaml", local("en-too.mp3"));
    test_env.drop_in("one.yaml", format!("{JOB}external_task_id: mine\noutput: same.mp4\n"));
    test_env.drop_in("two.yaml", format!("{JOB}external_task_id: mine\noutput: same.mp4\n"));
    test_env.drop_in("zwei.yaml", format!("{JOB}external_task_id: mine\ntake: 2\n"));
    test_env.drop_in(
        "batch.yaml",
        "defaults: { video: \"https://cdn.example.com/b.mp4?duration_ms=9000\", audio: \
        \"https://cdn.example.com/b.mp3?duration_ms=5000\", sound_end_time: 4s }\njobs: [{ id: a }, { id: b }]\n",
    );
    let ran = test_env.run(&["check", "--plan"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let line = |key: &str| {
        let of = format!("{key}  ");
        ran.out.lines().find(|line| line.starts_with(&of)).unwrap_or_else(|| panic!("{ran:?}"))
    };
    for (key, other) in [("batch/b", "batch/a"), ("local", "copy/local"), ("two", "one")] {
        assert!(line(key).ends_with(&format!(", shares the task of {other}")), "{}", line(key));
    }
    for key in ["batch/a", "copy/local", "one", "zwei"] {
        assert!(!line(key).contains("shares"), "{}", line(key));
    }
    assert!(line("zwei").ends_with("zwei.mp4, take 2"), "{}", line("zwei"));
    assert!(!line("one").contains("take"), "{}", line("one"));
    assert!(
        ran.err.contains("4 tasks at Kling; 3 of them are shared by several jobs"),
        "{}",
        ran.err
    );
    // The daemon does the same.
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!((ran.code, test_env.ledger().tasks.len()), (Some(0), 4), "{ran:?}");
}
