//! `lipsyncd status`.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use lipsyncd::{
    job::{Caps, State},
    store::{Lock, Reader},
};

use super::*;

#[tokio::test]
async fn json_has_the_documented_shape() {
    let (env, store) = CommandEnv::with_jobs().await;
    store
        .begin(
            std::process::id(),
            NOW_MS,
            3,
            Caps { units_micro: Some(5_000_000), money_micro: None },
        )
        .await
        .unwrap();
    let ran = env.run(&["status", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let json = ran.json();
    let jobs = json["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), State::ALL.len());
    for state in State::ALL {
        let expected = match state {
            State::Identified
            | State::Creating
            | State::Processing
            | State::Downloading
            | State::Cancelled => 0,
            _ => 1,
        };
        assert_eq!(jobs[state.name()], expected, "{state}");
    }
    assert_eq!(json["manifests"], serde_json::json!({"accepted": 1, "refused": 0}));
    assert_eq!(json["slots"], serde_json::json!({"used": 1, "limit": 3, "configured": 3}));
    let rate = serde_json::json!({"finished_per_minute": null, "limited_by": null, "reason": null, "api": null});
    assert_eq!(json["rate"], rate);
    for nothing in
        ["pause", "held_reason", "api_problem", "folder_problem", "blocked", "eta_seconds"]
    {
        assert!(json[nothing].is_null(), "{nothing}: {json}");
    }
    assert_eq!(json["units"]["total"], 1.15);
    assert_eq!(json["units"]["cap"], 5.0);
    assert_eq!(json["money"], serde_json::json!({"today": 0.0, "total": 0.0, "cap": null}));
    // Nothing was learned, and nothing is assumed.
    let left = &json["price_left"];
    assert_eq!((left["units"].is_null(), &left["tasks"]), (true, &left["unknown_tasks"]), "{left}");
    assert_eq!(
        json["daemon"],
        serde_json::json!({"running": false, "pid": null, "since": null, "problem": null})
    );
}

#[tokio::test]
async fn help_names_every_member_of_the_json() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let json = env.run(&["status", "--json"]).json();
    let help = env.run(&["status", "--help"]).out;
    let words: Vec<&str> = help.split(|c: char| !c.is_ascii_alphabetic() && c != '_').collect();
    let part = |name: &str| json[name].as_object().unwrap().keys();
    for member in json.as_object().unwrap().keys().chain(part("price_left")).chain(part("rate")) {
        assert!(words.contains(&member.as_str()), "{member} is not in the help");
    }
}

#[tokio::test]
async fn a_running_daemon_is_recognised_by_its_lock() {
    let (env, store) = CommandEnv::with_jobs().await;
    let lock = Lock::take(&env.database()).unwrap();
    store.begin(std::process::id(), NOW_MS, 1, Caps::default()).await.unwrap();
    store.set_median_task_ms(60_000).await.unwrap();
    let json = env.run(&["status", "--json"]).json();
    assert_eq!(
        json["daemon"],
        serde_json::json!({"running": true, "pid": std::process::id(),
            "since": "2026-03-01T12:00:07.050Z", "problem": null})
    );
    assert_eq!(json["eta_seconds"], 120);
    drop(lock);
    assert_eq!(env.run(&["status", "--json"]).json()["daemon"]["running"], false);
}

#[tokio::test]
async fn text_shows_problems_and_the_next_commands() {
    let (env, store) = CommandEnv::with_jobs().await;
    let refused = "sub/bad.yaml:2:1: unknown key `vidoe`; did you mean `video`?\nsecond error";
    store.refuse("sub/bad.yaml", "stamp", refused, MOMENT, POLICY).await.unwrap();
    env.run(&["pause"]);
    let ran = env.run(&["status"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for said in [
        "not running",
        "paused since",
        "sub/bad.yaml:2:1: unknown key `vidoe`; did you mean `video`?\n",
        "lipsyncd resume",
        "lipsyncd run",
        "lipsyncd check",
        "lipsyncd list --state unresolved",
        "lipsyncd failures",
        "1 queued",
    ] {
        assert!(ran.out.contains(said), "{said}\n{}", ran.out);
    }
    assert!(!ran.out.contains("second error"), "{}", ran.out);
    for key in ["sub/bad", "sub/bad/en"] {
        let ran = env.run(&["show", key]);
        let reported = "its manifest has errors: sub/bad.yaml:2:1: unknown key `vidoe`";
        assert!(ran.code == 1 && ran.err.contains(reported), "{}", ran.err);
    }
    assert!(!env.run(&["show", "sub/bad/en/x"]).err.contains("has errors"));
}

#[tokio::test]
async fn watch_without_a_terminal_prints_lines_until_the_pipe_closes() {
    let (env, _store) = CommandEnv::with_jobs().await;
    for arguments in [&["status", "--watch"][..], &["status", "--watch", "--json"]] {
        let mut child = env.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let [first, second] = [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()];
        for line in [first, second] {
            match arguments.len() {
                2 => assert!(line.contains("2 of 6 done, 1 failed"), "{line}"),
                _ => assert_eq!(
                    serde_json::from_str::<serde_json::Value>(&line).unwrap()["jobs"]["failed"],
                    1
                ),
            }
        }
        drop(lines);
        assert!(child.wait().unwrap().success());
    }
}

#[tokio::test]
async fn watch_ends_quietly_on_a_signal() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let mut child = env.command(&["status", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A job asks for another take while the create request of its first one has an unknown outcome.
#[tokio::test]
async fn an_unresolved_task_of_an_earlier_request_is_shown_and_can_be_decided() {
    let (env, store) = CommandEnv::with_jobs().await;
    let job = "promo/unresolved";
    let earlier = task(&store, job).await;
    let mut again = wanted(job);
    (again.spec_hash, again.spec.take) = ("another take".to_owned(), Some(2));
    accept(&store, manifest("promo.yaml", vec![again])).await;
    assert_ne!(task(&store, job).await.id, earlier.id);

    let json = env.run(&["status", "--json"]).json();
    assert_eq!(json["jobs"]["unresolved"], 0);
    let command = "lipsyncd resolve promo/unresolved --task ID | --resend";
    let expected = serde_json::json!({"tasks": 1, "jobs": [{"key": job, "command": command}]});
    assert_eq!(json["superseded"], expected);
    let left = Reader::open(&env.database()).unwrap().remaining().unwrap();
    assert_eq!(left.unresolved, 1, "`run --once` must not end as if all were known");
    let said = env.run(&["status"]).out;
    for line in [
        "earlier    1 unresolved task of an earlier request, which Kling may have accepted\n",
        "lipsyncd show promo/unresolved     1 unresolved task of an earlier request; please decide\n",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let doctor = env.run(&["doctor"]).out;
    let earlier_request = "1 job unresolved (1 of them for an earlier request of its job): ";
    assert!(doctor.contains(earlier_request), "{doctor}");
    let listed = env.run(&["list", "--state", "unresolved"]);
    assert!(listed.err.contains("decide with `lipsyncd show promo/unresolved`\n"), "{listed:?}");
    assert!(!env.run(&["list", "--state", "failed"]).err.contains("not listed"));
    let shown = env.run(&["show", job]).out;
    let name = earlier.external_task_id();
    let fact =
        format!("  unresolved    an earlier request, sent at 2026-03-01 12:00:07 UTC as {name}; ");
    for said in [fact.as_str(), "do not use --resend yet"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    let json = env.run(&["show", job, "--json"]).json();
    assert_eq!(json["earlier_unresolved"]["external_task_id"], name);

    let ran = env.run(&["resolve", job, "--task", "task-9"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(env.run(&["status", "--json"]).json()["superseded"].is_null());
    let earlier = store.task(earlier.id).await.unwrap().unwrap();
    assert_eq!(earlier.task_id.as_deref(), Some("task-9"));
}
