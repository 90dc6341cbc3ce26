//! SELECT, and what commands do to many jobs: the question, batches, and an interruption.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::*;

/// Labels half of `count` failed jobs of `many/NUMBER` with `part=a`, the others with `part=b`.
async fn with_failed(count: usize) -> (CommandEnv, Store) {
    let env = CommandEnv::new();
    let store = env.store();
    let job = |number: usize| {
        let mut job = wanted(&format!("many/{number}"));
        let part = if number.is_multiple_of(2) { "a" } else { "b" };
        job.spec.labels.insert("part".to_owned(), part.to_owned());
        let message = format!("no audio {}", number % 2);
        job.media = Err(PermanentError { code: "audio".to_owned(), message });
        job
    };
    accept(&store, manifest("many.yaml", (0..count).map(job).collect())).await;
    (env, store)
}

fn keys(env: &CommandEnv, arguments: &[&str]) -> usize {
    let ran = env.run(&[&["list", "--json"], arguments].concat());
    ran.json().as_array().unwrap().len()
}

#[tokio::test]
async fn conditions_are_combined_by_and() {
    let (env, _store) = with_failed(10).await;
    for (arguments, count) in [
        (&["--label", "part=a"][..], 5),
        (&["--label", "part=a", "--label", "part=b"], 10),
        (&["--label", "part=a", "--state", "failed,queued", "--code", "audio"], 5),
        (&["--label", "part=a", "--state", "queued"], 0),
        (&["--manifest", "m*.yaml", "--since", "2000-01-01"], 10),
        (&["--code", "1301"], 0),
        (&["--reason", "no audio 1"], 5),
        (&["many/1", "many/2", "--label", "part=a"], 1),
    ] {
        assert_eq!(keys(&env, arguments), count, "{arguments:?}");
    }
    let ran = env.run(&["list", "many/1", "many/x"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 2), "{ran:?}");
    assert!(ran.err.contains("no job is called `many/x`"), "{}", ran.err);
    for wrong in [&["--label", "part"][..], &["--since", "soon"], &["--state", "fail"]] {
        assert_eq!(env.run(&[&["list"], wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_change_of_selected_jobs_needs_a_confirmation() {
    let (env, store) = with_failed(30).await;
    for (verb, said) in [("dismiss", "dismissed"), ("retry", "retried")] {
        let select = [verb, "--label", "part=a"];
        let ran = env.run(&select);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.err.contains(&format!("confirmation needed to {verb} 15 jobs (many/0, ")),
            "{ran:?}"
        );
        let ran = env.run(&[&select[..], &["--dry-run"]].concat());
        assert!(ran.out.starts_with(&format!("Would {verb} 15 jobs (many/0, many/2, ")), "{ran:?}");
        let ran = env.ask(&select).answer("n");
        assert_eq!((ran.code, ran.err.as_str()), (0, "Nothing was changed.\n"));
        assert_eq!(state(&store, "many/0").await, "failed");
        let ran = env.run(&[&select[..], &["--yes"]].concat());
        assert_eq!((ran.code, ran.out.lines().count()), (0, 15), "{said}: {ran:?}");
    }
    assert_eq!(keys(&env, &["--state", "failed"]), 15);
    let ran = env.run(&["cancel", "--manifest", "many.yaml", "--yes"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 15), "{ran:?}");
    assert_eq!(keys(&env, &["--state", "cancelled"]), 15);
    for verb in ["retry", "cancel", "dismiss"] {
        assert_eq!(env.run(&[verb]).code, 2);
        assert_eq!(env.run(&[verb, "--yes"]).code, 2, "nothing is selected");
        let ran = env.run(&[verb, "--code", "1301", "--yes"]);
        assert_eq!((ran.code, ran.out.as_str()), (0, "No job matches.\n"), "{ran:?}");
    }
    let ran = env.run(&["retry", "--state", "succeeded", "--yes"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("must be named by its key"), "{}", ran.err);
}

#[tokio::test]
async fn dismissed_jobs_are_selected_to_undo_it() {
    let (env, _store) = with_failed(4).await;
    assert_eq!(env.run(&["dismiss", "--label", "part=a", "--yes"]).out.lines().count(), 2);
    let ran = env.run(&["dismiss", "--undo", "--manifest", "*", "--yes"]);
    assert_eq!(ran.out, "many/0: counted again\nmany/2: counted again\n");
    assert_eq!(env.run(&["retry", "--failed", "--yes"]).out.lines().count(), 4);
}

#[tokio::test]
async fn many_jobs_are_counted_and_not_all_printed() {
    let (env, _store) = with_failed(600).await;
    let ran = env.run(&["retry", "--failed", "--yes"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, NO_DAEMON));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!((lines.len(), lines[20]), (21, "… and 580 more jobs; 600 jobs retried in all"));
    assert_eq!(keys(&env, &["--state", "queued"]), 600);
}

#[tokio::test]
async fn an_interrupted_change_says_how_far_it_came_and_continues() {
    let (env, _store) = with_failed(600).await;
    let lock = rusqlite::Connection::open(env.database()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut command = env.command(&["retry", "--failed", "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    // It handles the signal before it opens the database for writing, which the lock keeps waiting.
    let begun = Instant::now();
    while !handles_sigint(child.id()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not handle SIGINT");
        thread::sleep(Duration::from_millis(5));
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    lock.execute_batch("ROLLBACK").unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    let left = keys(&env, &["--state", "failed"]);
    assert!([344, 88].contains(&left), "complete batches are written: {left}");
    let done = 600 - left;
    let said = format!(
        "error: interrupted: {done} jobs retried, the others are unchanged\n\
         hint: run the same command again to continue\n"
    );
    assert_eq!(err, said);
    assert_eq!(env.run(&["retry", "--failed", "--yes"]).code, 0);
    assert_eq!(keys(&env, &["--state", "failed"]), 0);
}

fn handles_sigint(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}
