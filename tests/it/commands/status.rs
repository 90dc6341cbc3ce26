//! `lipsyncd status`.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use lipsyncd::{job::State, store::Lock};

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
    store.refuse("sub/bad.yaml", "stamp", refused, MOMENT, policy()).await.unwrap();
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
