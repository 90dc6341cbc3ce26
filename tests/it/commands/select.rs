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

#[tokio::test]
async fn list_is_sorted_and_cut_as_asked() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let sorted = |sort: &str, limit: &str| -> Vec<String> {
        let json = env.run(&["list", "--json", "--sort", sort, "--limit", limit]).json();
        let jobs = json.as_array().unwrap().iter();
        jobs.map(|job| job["key"].as_str().unwrap().trim_start_matches("promo/").to_owned())
            .collect()
    };
    assert_eq!(sorted("key", "3"), ["failed", "queued", "submitted"]);
    assert_eq!(sorted("units", "2")[0], "succeeded");
    assert_eq!(sorted("read", "1"), ["queued"]);
    assert_eq!(sorted("state", "2"), ["waiting", "queued"]);
    assert_eq!((sorted("since", "100").len(), sorted("priority", "0").len()), (6, 0));
    let ran = env.run(&["list", "--sort", "name"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("allowed: read, since, key, state, units, priority"), "{}", ran.err);
}

#[tokio::test]
async fn times_are_local_if_asked_and_outputs_shown_where_keys_do_not_tell_them() {
    let (env, store) = CommandEnv::with_jobs().await;
    let mut job = wanted("other");
    job.spec.output = "films/a.mp4".to_owned();
    accept(&store, manifest("other.yaml", vec![job])).await;
    let output = env
        .command(&["list", "--local", "other", "promo/succeeded"])
        .env("TZ", "Asia/Kolkata")
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("SINCE (local)") && lines[0].ends_with("OUTPUT"), "{out}");
    assert!(out.contains("2026-03-01 17:30:07") && out.contains("films/a.mp4"), "{out}");
    assert!(!out.contains("succeeded.mp4"), "{out}");
    let show =
        env.command(&["show", "--local", "promo/succeeded"]).env("TZ", "Asia/Kolkata").output();
    let out = String::from_utf8(show.unwrap().stdout).unwrap();
    assert!(out.contains("History (local)") && out.contains("2026-03-01 17:30:07 IST"), "{out}");
    assert!(!out.contains("12:00:07"), "{out}");
}

#[tokio::test]
async fn failures_are_grouped_and_the_command_of_a_group_retries_it() {
    let (env, store) = with_failed(10).await;
    let mut other = wanted("other");
    other.media = Err(PermanentError { code: "video".to_owned(), message: "no video".to_owned() });
    accept(&store, manifest("other.yaml", vec![other])).await;
    let ran = env.run(&["failures"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for said in [
        "5 failed jobs, code audio: no audio 0\n",
        "for example many/0\n  lipsyncd retry --failed --code audio --reason 'no audio 0'\n",
        "1 failed job, code video: no video\n",
        "for example other\n  lipsyncd retry --failed --code video\n",
    ] {
        assert!(ran.out.contains(said), "{said}\n{}", ran.out);
    }
    let json = env.run(&["failures", "--label", "part=b", "--json"]).json();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["jobs"]), (1, &5.into()));
    let command = json[0]["command"].as_str().unwrap();
    assert_eq!(command, "lipsyncd retry --label part=b --failed --code audio");
    let words = command.trim_start_matches("lipsyncd ").split(' ').chain(["--yes"]);
    let ran = env.run(&words.collect::<Vec<_>>());
    assert_eq!((ran.code, ran.out.lines().count()), (0, 5), "{ran:?}");
    assert_eq!(env.run(&["failures", "--json"]).json().as_array().unwrap().len(), 2);
    assert_eq!(env.run(&["dismiss", "--state", "failed", "--yes"]).code, 0);
    let none = env.run(&["failures"]);
    assert_eq!((none.code, none.out.as_str(), none.err.as_str()), (0, "", "no failed jobs\n"));
    assert_eq!(env.run(&["failures", "--json"]).out, "[]\n");
}

#[tokio::test]
async fn manifests_show_progress_price_and_errors() {
    let (env, store) = CommandEnv::with_jobs().await;
    accept(&store, manifest("other.yaml", vec![wanted("other")])).await;
    store.refuse("bad.yaml", "stamp", "bad.yaml:1:1: unknown key", MOMENT, POLICY).await.unwrap();
    let ran = env.run(&["manifests"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!((ran.code, lines.len()), (0, 4), "{ran:?}");
    let header = ["ENDED", "JOBS", "FAILED", "UNITS", "PRICE", "LEFT", "MANIFEST", "PROBLEM"];
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), header);
    assert!(lines[1].ends_with("bad.yaml    1:1: unknown key"), "{}", ran.out);
    let promo: Vec<&str> = lines[3].split_whitespace().collect();
    assert_eq!(promo[..4], ["2", "6", "1", "1.15"], "{}", ran.out);
    assert!(lines[3].ends_with("promo.yaml  1 unresolved"), "{}", ran.out);
    let json = env.run(&["manifests", "--manifest", "promo.yaml", "--json"]).json();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["unfinished"]), (1, &4.into()));
    assert_eq!((&json[0]["price_left"]["tasks"], &json[0]["units"]), (&2.into(), &1.15.into()));
    let of_failed = env.run(&["manifests", "--state", "failed", "--json"]).json();
    assert_eq!(of_failed.as_array().unwrap().len(), 1);
    assert_eq!(of_failed[0]["path"], "promo.yaml");
}

#[tokio::test]
async fn wait_ends_with_the_jobs() {
    let (env, store) = CommandEnv::with_jobs().await;
    accept(&store, manifest("w.yaml", vec![wanted("w/1"), wanted("w/2")])).await;
    let ended = env.run(&["wait", "promo/succeeded"]);
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (0, "1 succeeded\n", ""));
    let failed = env.run(&["wait", "promo/succeeded", "promo/failed"]);
    assert_eq!((failed.code, failed.out.as_str()), (1, "1 succeeded, 1 failed\n"));
    let ran = env.run(&["wait", "--manifest", "w.yaml", "--timeout", "300ms"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("2 jobs have not ended"), "{}", ran.err);
    assert_eq!(env.run(&["wait", "--timeout", "soon"]).code, 2);
    store.refuse("bad.yaml", "stamp", "bad.yaml:1:1: unknown key", MOMENT, POLICY).await.unwrap();
    let ran = env.run(&["wait", "--manifest", "bad.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "1 manifest with errors\n"), "{ran:?}");

    let child = |arguments: &[&str]| {
        let mut command = env.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let waiting =
        [child(&["wait", "--manifest", "w*"]), child(&["wait", "--state", "queued", "w/1", "w/2"])];
    assert_eq!(env.run(&["cancel", "w/1"]).code, 0);
    let session = session(&store).await;
    drive(&store, "w/2", until_submitted(&session, "task-w2")).await;
    drive(&store, "w/2", until_succeeded()).await;
    for (child, is_selected_once) in waiting.into_iter().zip([false, true]) {
        let output = child.wait_with_output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        // The second may have begun after the jobs left their state.
        let is_complete = out == "1 succeeded, 1 cancelled\n";
        assert!(output.status.success() && (is_complete || is_selected_once), "{out}");
    }
}

#[tokio::test]
async fn resend_of_a_selection_shows_the_price_and_never_sends_what_kling_may_have() {
    let (env, store) = CommandEnv::with_jobs().await;
    let select = ["resolve", "--resend", "--manifest", "promo.yaml"];
    let ran = env.run(&[&select[..], &["--yes"]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "the list was not read: {ran:?}");
    assert!(
        ran.err.contains("promo/unresolved: the list of the account's tasks was not read"),
        "{ran:?}"
    );
    let id = task(&store, "promo/unresolved").await.id;
    store.set_candidates(id, Vec::new(), Some(resolve::listed("nothing"))).await.unwrap();
    let ran = env.run(&select);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    let shown =
        "confirmation needed to resend 1 job (promo/unresolved): 1 paid task; price: unknown";
    assert!(ran.err.contains(shown), "{}", ran.err);
    let asking = env.ask(&["resolve", "promo/unresolved", "--resend"]);
    assert!(
        asking.question.starts_with("Resend 1 job (promo/unresolved): 1 paid task"),
        "{}",
        asking.question
    );
    assert_eq!(asking.answer("n").err, "Nothing was changed.\n");
    let ran = env.run(&[&select[..], &["--yes"]].concat());
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1), "{ran:?}");
    assert_eq!(state(&store, "promo/unresolved").await, "identified");
    let ran = env.run(&["resolve", "--task", "7", "--manifest", "promo.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("must be named by its key"), "{}", ran.err);
}

#[tokio::test]
async fn spending_of_selected_jobs_is_counted_alone() {
    let (env, store) = CommandEnv::with_jobs().await;
    accept(&store, manifest("other.yaml", vec![wanted("other")])).await;
    let session = session(&store).await;
    drive(&store, "other", until_submitted(&session, "task-other")).await;
    drive(&store, "other", until_succeeded()).await;
    let spent = |arguments: &[&str]| {
        let ran = env.run(&[&["spend", "--json"], arguments].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        (ran.json()["total"]["tasks"].clone(), ran.json()["rows"].as_array().unwrap().len())
    };
    assert_eq!(spent(&[]), (3.into(), 1));
    assert_eq!(spent(&["--manifest", "other.yaml"]), (1.into(), 1));
    assert_eq!(spent(&["--label", "language=xx"]), (0.into(), 0));
    assert_eq!(spent(&["--manifest", "*", "--by", "manifest"]), (3.into(), 2));
    assert_eq!(spent(&["--manifest", "p*", "--by", "label=language"]), (2.into(), 1));
}
