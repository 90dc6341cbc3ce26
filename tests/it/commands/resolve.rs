//! `resolve`, and what `show` says before it.

use lipsyncd::store::{ApiCall, Candidate, HistoryAnswer, ListScan};
use serde_json::Value;

use super::*;

#[tokio::test]
async fn resolve_as_a_task_adopts_it() {
    let (env, store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["resolve", "promo/unresolved", "--task", "task-9"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let resolved = task(&store, "promo/unresolved").await;
    assert_eq!((resolved.state.name(), resolved.task_id.as_deref()), ("submitted", Some("task-9")));
}

/// What the daemon writes down once it has read the account's tasks.
pub(super) fn listed(what: &str) -> ListScan {
    let answer = HistoryAnswer {
        call: ApiCall::List,
        http_status: Some(200),
        code: Some(0),
        request_id: Some("r-7".to_owned()),
        cost: None,
    };
    ListScan { what: what.to_owned(), answer, at_ms: NOW_MS }
}

async fn with_candidate() -> (CommandEnv, Store) {
    let (env, store) = CommandEnv::with_jobs().await;
    let id = task(&store, "promo/unresolved").await.id;
    store.set_candidates(id, vec![candidate()], Some(listed("listed: 1"))).await.unwrap();
    (env, store)
}

fn candidate() -> Candidate {
    Candidate {
        task_id: "8600".to_owned(),
        status: "succeed".to_owned(),
        video: Some("https://cdn.example.com/v.mp4".to_owned()),
        created_at_ms: Some(NOW_MS),
    }
}

#[tokio::test]
async fn show_lists_candidates_of_an_unresolved_job_with_commands() {
    let (env, _store) = with_candidate().await;
    let shown = env.run(&["show", "promo/unresolved"]).out;
    for said in [
        "8600  succeed, created 2026-03-01 12:00:07 UTC, of https://cdn.example.com/v.mp4\n",
        "    lipsyncd resolve promo/unresolved --task 8600\n",
    ] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    let json = env.run(&["show", "promo/unresolved", "--json"]).json();
    assert_eq!(json["candidates"][0]["task_id"], "8600");
    assert_eq!(json["candidates"][0]["command"], "lipsyncd resolve promo/unresolved --task 8600");
    assert!(env.run(&["show", "promo/queued", "--json"]).json().get("candidates").is_none());
    let next = "\nNext: lipsyncd resolve promo/unresolved --task ID | --resend\n";
    assert!(shown.contains(next), "{shown}");
}

#[tokio::test]
async fn show_suggests_resend_only_after_the_task_list_was_read() {
    let (env, store) = CommandEnv::with_jobs().await;
    let unread = env.run(&["show", "promo/unresolved"]).out;
    assert!(unread.contains("was not read far enough yet; it may contain the\n"), "{unread}");
    assert!(unread.contains("Wait, and do not use --resend.\n"), "{unread}");
    assert!(unread.contains("  do not use --resend yet: "), "{unread}");
    assert!(!unread.contains("Next:"), "{unread}");
    assert!(!unread.contains("No task of the account can be"), "{unread}");
    let json = env.run(&["show", "promo/unresolved", "--json"]).json();
    assert_eq!((&json["candidates_listed_at"], &json["next"]), (&Value::Null, &Value::Null));

    let id = task(&store, "promo/unresolved").await.id;
    store.set_candidates(id, Vec::new(), Some(listed("listed: none"))).await.unwrap();
    let read = env.run(&["show", "promo/unresolved"]).out;
    let none = "No task of the account can be this job's (list read at 2026-03-01 12:00:07 UTC).";
    for said in [none, "--resend\n", "list: HTTP 200, code 0, request_id r-7\n"] {
        assert!(read.contains(said), "{said}\n{read}");
    }
    assert!(!read.contains("not read far enough") && !read.contains("not use --resend"), "{read}");
    let next = "\nNext: lipsyncd resolve promo/unresolved --task ID | --resend\n";
    assert!(read.contains(next), "{read}");
    let json = env.run(&["show", "promo/unresolved", "--json"]).json();
    assert_eq!(json["candidates_listed_at"], "2026-03-01T12:00:07.050Z");
}

#[tokio::test]
async fn resolve_accepts_an_unlisted_task_with_a_warning() {
    let (env, store) = with_candidate().await;
    let ran = env.run(&["resolve", "promo/unresolved", "--task", "8601"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("warning: `lipsyncd show promo/unresolved` did not list this task"),
        "{}",
        ran.err
    );
    assert_eq!(task(&store, "promo/unresolved").await.task_id.as_deref(), Some("8601"));
    let (env, _store) = with_candidate().await;
    let ran = env.run(&["resolve", "promo/unresolved", "--task", "8600"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, NO_DAEMON));
}

#[tokio::test]
async fn resolve_never_gives_one_task_to_two_jobs() {
    let (env, store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["resolve", "promo/unresolved", "--task", "task-submitted"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("task task-submitted belongs to job promo/submitted"), "{}", ran.err);
    assert_eq!(state(&store, "promo/unresolved").await, "unresolved");
}

#[tokio::test]
async fn resend_uses_the_same_external_task_id() {
    let (env, store) = CommandEnv::with_jobs().await;
    let id = task(&store, "promo/unresolved").await.external_task_id();
    // Not before the account's tasks were read, and not while one of them may be the job's.
    let ran = env.run(&["resolve", "promo/unresolved", "--resend"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("was not read far enough, and may contain its task"), "{}", ran.err);
    let row = task(&store, "promo/unresolved").await.id;
    store.set_candidates(row, vec![candidate()], Some(listed("listed: 1"))).await.unwrap();
    let ran = env.run(&["resolve", "promo/unresolved", "--resend"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("task 8600 may be this job's; sending again would pay twice"),
        "{}",
        ran.err
    );
    assert_eq!(state(&store, "promo/unresolved").await, "unresolved");
    store.set_candidates(row, Vec::new(), Some(listed("listed: none"))).await.unwrap();
    let ran = env.run(&["resolve", "promo/unresolved", "--resend"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let resolved = task(&store, "promo/unresolved").await;
    assert_eq!((resolved.state.name(), resolved.external_task_id()), ("identified", id));
}

#[tokio::test]
async fn resend_with_yes_ignores_the_risk() {
    let (env, store) = with_candidate().await;
    let ran = env.run(&["resolve", "promo/unresolved", "--resend", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(state(&store, "promo/unresolved").await, "identified");
}

#[tokio::test]
async fn resolve_needs_one_decision_and_an_unresolved_job() {
    let (env, _store) = CommandEnv::with_jobs().await;
    assert_eq!(env.run(&["resolve", "promo/unresolved"]).code, 2);
    assert_eq!(env.run(&["resolve", "promo/unresolved", "--task", "x", "--resend"]).code, 2);
    assert_eq!(env.run(&["resolve", "promo/unresolved", "--task", " "]).code, 2);
    let ran = env.run(&["resolve", "promo/queued", "--resend"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("is queued: there is nothing to decide"), "{}", ran.err);
}
