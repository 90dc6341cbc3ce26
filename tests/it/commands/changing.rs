//! `retry`, `cancel`, `resolve`, `pause` and `resume`: what they do, and what they refuse to do.

use lipsyncd::store::{Answer, Call, Candidate, Listed, Pause, PauseKind};
use serde_json::Value;

use super::*;

const NO_DAEMON: &str = "note: the daemon does not run; `lipsyncd run` starts it\n";

#[tokio::test]
async fn retry_begins_a_fresh_attempt_and_has_the_manifest_read_again() {
    let (place, store) = Place::with_jobs().await;
    let ran = place.run(&["retry", "promo/failed", "promo/succeeded"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, NO_DAEMON));
    assert_eq!(
        ran.out,
        "promo/failed: attempt 1 begins with a look at its manifest and media\n\
         promo/succeeded: attempt 2 begins with a look at its manifest and media\n"
    );
    let again = job(&store, "promo/succeeded").await;
    assert_eq!((again.state.name(), again.attempt, again.task_id.clone()), ("waiting", 2, None));
    assert_eq!(again.external_task_id(), "base-promo-succeeded-2");
    // It failed before it was sent.
    let again = job(&store, "promo/failed").await;
    assert_eq!((again.attempt, again.external_task_id().as_str()), (1, "base-promo-failed"));
    assert_eq!(store.known_manifests().await.unwrap()[0].print, "");
}

#[tokio::test]
async fn retry_refuses_what_could_be_paid_twice_and_does_the_rest() {
    let (place, store) = Place::with_jobs().await;
    let keys = ["waiting", "queued", "submitted", "unresolved", "nobody", "failed"];
    let keys = keys.map(|name| format!("promo/{name}"));
    let arguments: Vec<&str> =
        ["retry"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 1);
    for said in [
        "promo/waiting: is waiting and goes on by itself; it waits for audio/it.mp3",
        "promo/queued: is queued and goes on by itself",
        "promo/submitted: is submitted: its task is paid for and followed to its end",
        "promo/unresolved: is unresolved",
        "hint: lipsyncd resolve promo/unresolved --task ID | --resend",
        "no job is called `promo/nobody`",
    ] {
        assert!(ran.err.contains(said), "{said}\n{}", ran.err);
    }
    assert!(ran.out.starts_with("promo/failed: attempt 1"), "{}", ran.out);
    assert_eq!(state(&store, "promo/submitted").await, "submitted");
    assert_eq!(state(&store, "promo/unresolved").await, "unresolved");
}

#[tokio::test]
async fn retry_failed_takes_all_that_failed() {
    let (place, store) = Place::with_jobs().await;
    let ran = place.run(&["retry", "--failed"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1));
    assert_eq!(state(&store, "promo/failed").await, "waiting");
    let again = place.run(&["retry", "--failed"]);
    assert_eq!((again.code, again.out.as_str()), (0, "No job has failed.\n"));
    assert_eq!(place.run(&["retry"]).code, 2);
    assert_eq!(place.run(&["retry", "promo/failed", "--failed"]).code, 2);
}

#[tokio::test]
async fn what_left_the_folder_is_put_back_and_not_retried() {
    let (place, store) = Place::with_jobs().await;
    store.remove("promo.yaml", MOMENT, policy()).await.unwrap();
    for key in ["promo/failed", "promo/queued"] {
        let ran = place.run(&["retry", key]);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("promo.yaml is not in the folder any more"), "{}", ran.err);
    }
    assert_eq!(state(&store, "promo/failed").await, "failed");
}

#[tokio::test]
async fn a_retry_whose_output_is_anothers_by_now_says_so() {
    let (place, store) = Place::with_jobs().await;
    place.run(&["cancel", "promo/queued"]);
    let mut heir = wanted("heir");
    heir.spec.output = "promo/queued.mp4".to_owned();
    accept(&store, manifest("heir.yaml", vec![heir])).await;
    let ran = place.run(&["retry", "promo/queued"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("another job has its output"), "{}", ran.err);
    assert_eq!(state(&store, "promo/queued").await, "cancelled");
}

#[tokio::test]
async fn cancel_takes_back_what_was_not_sent() {
    let (place, store) = Place::with_jobs().await;
    let ran = place.run(&["cancel", "promo/queued", "promo/waiting", "promo/queued"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
    assert_eq!(state(&store, "promo/waiting").await, "cancelled");
    let again = place.run(&["cancel", "promo/queued"]);
    assert_eq!((again.code, again.out.as_str()), (0, "promo/queued: was cancelled already\n"));
    assert_eq!(place.run(&["retry", "promo/queued"]).code, 0);
}

#[tokio::test]
async fn cancel_of_a_sent_job_says_that_the_api_cannot() {
    let (place, store) = Place::with_jobs().await;
    for key in ["promo/submitted", "promo/unresolved", "promo/succeeded", "promo/failed"] {
        let before = job(&store, key).await;
        let ran = place.run(&["cancel", key]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{key}");
        assert_eq!(job(&store, key).await, before);
    }
    let ran = place.run(&["cancel", "promo/submitted"]);
    assert!(
        ran.err.contains("the API cannot cancel a task. It is followed to its end"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn resolve_as_a_task_adopts_it() {
    let (place, store) = Place::with_jobs().await;
    let ran = place.run(&["resolve", "promo/unresolved", "--task", "task-9"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let resolved = job(&store, "promo/unresolved").await;
    assert_eq!((resolved.state.name(), resolved.task_id.as_deref()), ("submitted", Some("task-9")));
}

/// What the daemon writes down once it has read the account's tasks.
fn listed(what: &str) -> Listed {
    let answer = Answer {
        call: Call::List,
        http_status: Some(200),
        code: Some(0),
        request_id: Some("r-7".to_owned()),
        units_micro: None,
    };
    Listed { what: what.to_owned(), answer, at_ms: NOW_MS }
}

async fn with_candidate() -> (Place, Store) {
    let (place, store) = Place::with_jobs().await;
    let candidate = Candidate {
        task_id: "8600".to_owned(),
        status: "succeed".to_owned(),
        video: Some("https://cdn.example.com/v.mp4".to_owned()),
        created_at_ms: Some(NOW_MS),
    };
    let id = job(&store, "promo/unresolved").await.id;
    store.set_candidates(id, vec![candidate], Some(listed("listed: 1"))).await.unwrap();
    (place, store)
}

#[tokio::test]
async fn show_lists_what_an_unresolved_job_could_be_with_the_command_to_type() {
    let (place, _store) = with_candidate().await;
    let shown = place.run(&["show", "promo/unresolved"]).out;
    for said in [
        "8600  succeed, created 2026-03-01T12:00:07.050Z, of https://cdn.example.com/v.mp4\n",
        "    lipsyncd resolve promo/unresolved --task 8600\n",
    ] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    let json = place.run(&["show", "promo/unresolved", "--json"]).json();
    assert_eq!(json["candidates"][0]["task_id"], "8600");
    assert_eq!(json["candidates"][0]["command"], "lipsyncd resolve promo/unresolved --task 8600");
    assert!(place.run(&["show", "promo/queued", "--json"]).json().get("candidates").is_none());
    let next = "\nNext: lipsyncd resolve promo/unresolved --task ID | --resend\n";
    assert!(shown.contains(next), "{shown}");
}

#[tokio::test]
async fn show_offers_to_send_again_only_once_the_accounts_tasks_were_read() {
    let (place, store) = Place::with_jobs().await;
    let unread = place.run(&["show", "promo/unresolved"]).out;
    assert!(unread.contains("was not read to its end yet, and may hold it.\n"), "{unread}");
    assert!(unread.contains("wait, and do not --resend\n"), "{unread}");
    assert!(unread.contains("  not --resend yet: "), "{unread}");
    assert!(!unread.contains("Next:"), "{unread}");
    assert!(!unread.contains("No task of the account could be it"), "{unread}");
    let json = place.run(&["show", "promo/unresolved", "--json"]).json();
    assert_eq!((&json["candidates_listed_at"], &json["next"]), (&Value::Null, &Value::Null));

    let id = job(&store, "promo/unresolved").await.id;
    store.set_candidates(id, Vec::new(), Some(listed("listed: none"))).await.unwrap();
    let read = place.run(&["show", "promo/unresolved"]).out;
    let none =
        "No task of the account could be it, by the list as read at 2026-03-01T12:00:07.050Z";
    for said in [none, "--resend\n", "list: HTTP 200, code 0, request_id r-7\n"] {
        assert!(read.contains(said), "{said}\n{read}");
    }
    assert!(!read.contains("not read to its end") && !read.contains("not --resend"), "{read}");
    let next = "\nNext: lipsyncd resolve promo/unresolved --task ID | --resend\n";
    assert!(read.contains(next), "{read}");
    let json = place.run(&["show", "promo/unresolved", "--json"]).json();
    assert_eq!(json["candidates_listed_at"], "2026-03-01T12:00:07.050Z");
}

#[tokio::test]
async fn resolve_warns_of_a_task_that_was_not_listed_and_takes_it() {
    let (place, store) = with_candidate().await;
    let ran = place.run(&["resolve", "promo/unresolved", "--task", "8601"]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.starts_with("warning: that task is not among those"), "{}", ran.err);
    assert_eq!(job(&store, "promo/unresolved").await.task_id.as_deref(), Some("8601"));
    let (place, _store) = with_candidate().await;
    let ran = place.run(&["resolve", "promo/unresolved", "--task", "8600"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, NO_DAEMON));
}

#[tokio::test]
async fn resolve_never_gives_one_task_to_two_jobs() {
    let (place, store) = Place::with_jobs().await;
    let ran = place.run(&["resolve", "promo/unresolved", "--task", "task-submitted"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("task task-submitted is job promo/submitted's"), "{}", ran.err);
    assert_eq!(state(&store, "promo/unresolved").await, "unresolved");
}

#[tokio::test]
async fn resolve_as_unsent_sends_it_again_under_the_same_id() {
    let (place, store) = Place::with_jobs().await;
    let id = job(&store, "promo/unresolved").await.external_task_id();
    let ran = place.run(&["resolve", "promo/unresolved", "--resend"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let resolved = job(&store, "promo/unresolved").await;
    assert_eq!((resolved.state.name(), resolved.external_task_id()), ("identified", id));
}

#[tokio::test]
async fn resolve_wants_one_decision_and_an_unresolved_job() {
    let (place, _store) = Place::with_jobs().await;
    assert_eq!(place.run(&["resolve", "promo/unresolved"]).code, 2);
    assert_eq!(place.run(&["resolve", "promo/unresolved", "--task", "x", "--resend"]).code, 2);
    assert_eq!(place.run(&["resolve", "promo/unresolved", "--task", " "]).code, 2);
    let ran = place.run(&["resolve", "promo/queued", "--resend"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("is queued, not unresolved"), "{}", ran.err);
}

#[tokio::test]
async fn pause_and_resume_are_kept() {
    let (place, store) = Place::with_jobs().await;
    let ran = place.run(&["pause"]);
    assert!(ran.code == 0 && ran.out.starts_with("Paused:"), "{ran:?}");
    let pause = store.pause().await.unwrap().unwrap();
    assert_eq!(pause.kind, PauseKind::Person);
    assert!(place.run(&["pause"]).out.starts_with("Paused already"));
    assert_eq!(store.pause().await.unwrap().unwrap(), pause);
    let json = place.run(&["status", "--json"]).json();
    assert_eq!(json["pause"]["kind"], "person");
    assert!(json["pause"]["code"].is_null() && json["pause"]["next_probe"].is_null());
    let ran = place.run(&["resume"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("Resumed: paid calls go on.\n", NO_DAEMON));
    assert_eq!(store.pause().await.unwrap(), None);
    assert_eq!(place.run(&["resume"]).out, "Was not paused.\n");
}

#[tokio::test]
async fn resume_also_ends_a_pause_of_the_api() {
    let (place, store) = Place::with_jobs().await;
    let pause = Pause {
        kind: PauseKind::Account,
        reason: "account balance not enough".to_owned(),
        code: Some(1102),
        since_ms: NOW_MS,
        next_probe_at_ms: Some(NOW_MS + 60_000),
    };
    store.set_pause(Some(pause)).await.unwrap();
    let ran = place.run(&["resume"]);
    assert!(ran.out.contains("account balance not enough"), "{}", ran.out);
    assert_eq!(store.pause().await.unwrap(), None);
}
