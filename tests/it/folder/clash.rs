//! Two manifests that want the same: the later one is refused, until the first goes away.

use crate::support::daemon::{House, JOB, clip, job_of, quick, slow};

#[test]
fn output_of_another_request_is_refused_by_name_and_freed_with_its_owner() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("busy.yaml", JOB);
    house.until("busy to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("a.yaml", format!("{}output: same.mp4\n", job_of("a")));
    house.until("a to be known", |house| house.job("a").is_some());
    house.drop_in("b.yaml", format!("{}output: same.mp4\n", job_of("b")));
    house.until("b.yaml to be refused", |house| house.refusal("b.yaml").is_some());
    let refusal = house.refusal("b.yaml").unwrap();
    assert!(refusal.contains("same.mp4") && refusal.contains("job a"), "{refusal}");
    assert!(house.job("b").is_none());
    house.take_out("a.yaml");
    house.until("b.yaml to be read again, untouched", |house| house.is_accepted("b.yaml"));
    house.until("b to succeed", |house| {
        house.finish_tasks();
        house.state("b") == "succeeded"
    });
    house.assert_whole("same.mp4");
}

#[test]
fn own_name_is_freed_by_an_edit_by_a_cancel_and_over_a_restart() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("busy.yaml", JOB);
    house.until("busy to be sent", |house| house.ledger().tasks.len() == 1);
    for round in ["edit", "cancel", "restart"] {
        let (first, second) = (format!("{round}-a"), format!("{round}-b"));
        let named = |key: &str| format!("{}external_task_id: {round}-mine\n", job_of(key));
        house.drop_in(&format!("{first}.yaml"), named(&first));
        house.until("the first to be known", |house| house.job(&first).is_some());
        house.drop_in(&format!("{second}.yaml"), named(&second));
        let refused = format!("{second}.yaml");
        house.until("the second to be refused", |house| house.refusal(&refused).is_some());
        let refusal = house.refusal(&refused).unwrap();
        assert!(refusal.contains(&format!("job {first}")), "{refusal}");
        match round {
            "edit" => house.drop_in(&format!("{first}.yaml"), job_of(&first)),
            "cancel" => assert_eq!(house.run(&["cancel", &first]).code, Some(0)),
            _ => {
                house.kill();
                house.take_out(&format!("{first}.yaml"));
                house.start();
            }
        }
        house.until("the second to be accepted", |house| house.is_accepted(&refused));
    }
}

#[test]
fn a_key_that_is_taken_is_refused_by_name_and_freed_with_its_owner() {
    let mut house = House::new(quick());
    house.start();
    house.drop_in("a.yaml", JOB);
    house.until_state("a", "succeeded");
    house.drop_in("a.yml", JOB);
    house.until("a.yml to be refused", |house| house.refusal("a.yml").is_some());
    let refusal = house.refusal("a.yml").unwrap();
    assert!(refusal.contains("job a") && refusal.contains("a.yaml"), "{refusal}");
    house.take_out("a.yaml");
    house.until("a.yml to be accepted", |house| house.is_accepted("a.yml"));
    assert_eq!(house.job("a").unwrap().manifest, "a.yml");
    assert_eq!(house.ledger().tasks.len(), 1, "it asks for the same");
}

#[test]
fn check_finds_what_the_daemon_would_refuse() {
    let house = House::new(quick());
    house.drop_in("a.yaml", format!("{JOB}external_task_id: mine\n"));
    house.drop_in("b.yaml", format!("{}external_task_id: mine\n", job_of("b")));
    house.drop_in("c.yaml", format!("{}output: a.mp4\n", job_of("c")));
    house.drop_in("a.yml", JOB);
    let ran = house.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for name in ["b.yaml:1:1: ", "c.yaml:1:1: ", "a.yml:1:1: "] {
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
    }
}

#[test]
fn check_says_which_jobs_share_a_task() {
    let house = House::new(quick());
    house.drop_in("en.mp3", clip("welcome-en.mp3"));
    house.drop_in("copy/en-too.mp3", clip("welcome-en.mp3"));
    let local = |audio: &str| {
        format!("video: https://cdn.example.com/l.mp4?duration_ms=9000\naudio: {audio}\n")
    };
    house.drop_in("local.yaml", local("en.mp3"));
    house.drop_in("copy/local.yaml", local("en-too.mp3"));
    house.drop_in("one.yaml", format!("{JOB}external_task_id: mine\noutput: same.mp4\n"));
    house.drop_in("two.yaml", format!("{JOB}external_task_id: mine\noutput: same.mp4\n"));
    house.drop_in("zwei.yaml", format!("{JOB}external_task_id: mine\ntake: 2\n"));
    house.drop_in(
        "batch.yaml",
        "defaults: { video: \"https://cdn.example.com/b.mp4?duration_ms=9000\", audio: \
        \"https://cdn.example.com/b.mp3?duration_ms=5000\", sound_end_time: 4s }\njobs: [{ id: a }, { id: b }]\n",
    );
    let ran = house.run(&["check"]);
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
    assert!(ran.err.contains("4 tasks at Kling; 3 of them are shared by jobs"), "{}", ran.err);
    // The daemon does the same.
    let ran = house.run(&["run", "--once"]);
    assert_eq!((ran.code, house.ledger().tasks.len()), (Some(0), 4), "{ran:?}");
}
