//! `lipsyncd status`.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use lipsyncd::{
    job::State,
    store::{Lock, Reader},
};

use super::*;

#[tokio::test]
async fn json_has_the_promised_shape() {
    let (place, store) = Place::with_jobs().await;
    store.begin(std::process::id(), NOW_MS, 3, Some(5_000_000)).await.unwrap();
    let ran = place.run(&["status", "--json"]);
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
    for nothing in ["pause", "hold", "trouble", "folder_problem", "blocked", "eta_seconds"] {
        assert!(json[nothing].is_null(), "{nothing}: {json}");
    }
    assert_eq!(json["units"]["total"], 1.15);
    assert_eq!(json["units"]["cap"], 5.0);
    assert_eq!(
        json["daemon"],
        serde_json::json!({"running": false, "pid": null, "since": null, "trouble": null})
    );
}

#[tokio::test]
async fn a_running_daemon_is_told_by_its_lock() {
    let (place, store) = Place::with_jobs().await;
    let lock = Lock::take(&place.database()).unwrap();
    store.begin(std::process::id(), NOW_MS, 5, None).await.unwrap();
    store.set_median_task_ms(60_000).await.unwrap();
    let json = place.run(&["status", "--json"]).json();
    assert_eq!(
        json["daemon"],
        serde_json::json!({"running": true, "pid": std::process::id(),
            "since": "2026-03-01T12:00:07.050Z", "trouble": null})
    );
    assert_eq!(json["eta_seconds"], 60);
    drop(lock);
    assert_eq!(place.run(&["status", "--json"]).json()["daemon"]["running"], false);
}

#[tokio::test]
async fn text_says_what_is_amiss_and_what_to_type() {
    let (place, store) = Place::with_jobs().await;
    let refused = "sub/bad.yaml:2:1: unknown key `vidoe`; did you mean `video`?\nsecond fault";
    store.refuse("sub/bad.yaml", "stamp", refused, MOMENT, POLICY).await.unwrap();
    place.run(&["pause"]);
    let ran = place.run(&["status"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for said in [
        "not running",
        "paused since",
        "sub/bad.yaml:2:1: unknown key `vidoe`; did you mean `video`?\n",
        "lipsyncd resume",
        "lipsyncd run",
        "lipsyncd check",
        "lipsyncd list --state unresolved",
        "lipsyncd list --state failed",
        "1 queued",
    ] {
        assert!(ran.out.contains(said), "{said}\n{}", ran.out);
    }
    assert!(!ran.out.contains("second fault"), "{}", ran.out);
    for key in ["sub/bad", "sub/bad/en"] {
        let ran = place.run(&["show", key]);
        let told = "its manifest is refused: sub/bad.yaml:2:1: unknown key `vidoe`";
        assert!(ran.code == 1 && ran.err.contains(told), "{}", ran.err);
    }
    assert!(!place.run(&["show", "sub/bad/en/x"]).err.contains("refused"));
}

#[tokio::test]
async fn watch_without_a_terminal_prints_lines_until_nobody_reads() {
    let (place, _store) = Place::with_jobs().await;
    for arguments in [&["status", "--watch"][..], &["status", "--watch", "--json"]] {
        let mut child = place.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
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
    let (place, _store) = Place::with_jobs().await;
    let mut child = place.command(&["status", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A job asks for another take while the create request of its first one has an unknown outcome.
#[tokio::test]
async fn an_unresolved_task_that_no_job_points_to_is_shown_and_can_be_decided() {
    let (place, store) = Place::with_jobs().await;
    let job = "promo/unresolved";
    let earlier = task(&store, job).await;
    let mut again = wanted(job);
    (again.spec_hash, again.spec.take) = ("another take".to_owned(), Some(2));
    accept(&store, manifest("promo.yaml", vec![again])).await;
    assert_ne!(task(&store, job).await.id, earlier.id);

    let json = place.run(&["status", "--json"]).json();
    assert_eq!(json["jobs"]["unresolved"], 0);
    let command = "lipsyncd resolve promo/unresolved --task ID | --resend";
    let expected = serde_json::json!({"tasks": 1, "jobs": [{"key": job, "command": command}]});
    assert_eq!(json["superseded"], expected);
    let left = Reader::open(&place.database()).unwrap().remaining().unwrap();
    assert_eq!(left.unresolved, 1, "`run --once` must not end as if all were known");
    let said = place.run(&["status"]).out;
    for line in [
        "earlier    1 unresolved task of an earlier request, which Kling may have accepted\n",
        "lipsyncd show promo/unresolved     1 unresolved task of an earlier request; you decide\n",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let listed = place.run(&["list", "--state", "unresolved"]);
    assert!(listed.err.contains("decide by `lipsyncd show promo/unresolved`\n"), "{listed:?}");
    assert!(!place.run(&["list", "--state", "failed"]).err.contains("not listed"));
    let shown = place.run(&["show", job]).out;
    let name = earlier.external_task_id();
    let fact =
        format!("  unresolved    an earlier request, sent at 2026-03-01 12:00:07 UTC as {name}: ");
    for said in [fact.as_str(), "do not --resend yet"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    let json = place.run(&["show", job, "--json"]).json();
    assert_eq!(json["earlier_unresolved"]["external_task_id"], name);

    let ran = place.run(&["resolve", job, "--task", "task-9"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(place.run(&["status", "--json"]).json()["superseded"].is_null());
    let earlier = store.task(earlier.id).await.unwrap().unwrap();
    assert_eq!(earlier.task_id.as_deref(), Some("task-9"));
}
