//! `pause` and `resume`.

use lipsyncd::store::{Pause, PauseKind};

use super::*;

#[tokio::test]
async fn pause_and_resume_are_stored() {
    let (env, store) = CommandEnv::with_jobs().await;
    let ran = env.run(&["pause"]);
    assert!(ran.code == 0 && ran.out.starts_with("Queue paused:"), "{ran:?}");
    let pause = store.pause().await.unwrap().unwrap();
    assert_eq!(pause.kind, PauseKind::Person);
    assert!(env.run(&["pause"]).out.starts_with("The queue was already paused, since "));
    assert_eq!(store.pause().await.unwrap().unwrap(), pause);
    let json = env.run(&["status", "--json"]).json();
    assert_eq!(json["pause"]["kind"], "person");
    assert!(json["pause"]["code"].is_null() && json["pause"]["next_probe"].is_null());
    let ran = env.run(&["resume"]);
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("Queue resumed: paid calls are allowed again.\n", NO_DAEMON)
    );
    assert_eq!(store.pause().await.unwrap(), None);
    assert_eq!(env.run(&["resume"]).out, "The queue was not paused.\n");
}

#[tokio::test]
async fn resume_also_ends_a_pause_of_the_api() {
    let (env, store) = CommandEnv::with_jobs().await;
    let pause = Pause {
        kind: PauseKind::Account,
        reason: "account balance not enough".to_owned(),
        code: Some(1102),
        since_ms: NOW_MS,
        next_probe_at_ms: Some(NOW_MS + 60_000),
    };
    store.set_pause(Some(pause)).await.unwrap();
    let ran = env.run(&["resume"]);
    assert!(ran.out.contains("account balance not enough"), "{}", ran.out);
    assert_eq!(store.pause().await.unwrap(), None);
}
