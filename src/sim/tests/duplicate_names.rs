//! A second create request with a known `external_task_id`, over real HTTP.

use serde_json::json;

use super::{good_create, wire::Pair};
use crate::sim::{DuplicateNameError, Endpoint, SimConfig};

const VIDEO: &str = "https://cdn.example/v.mp4?duration_ms=10000&faces=1";

#[tokio::test]
async fn names_are_enforced_or_not() {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    assert_eq!(pair.created(&good_create(&session_id, "a")).await.0, 200);
    let (status, answer) = pair.created(&good_create(&session_id, "a")).await;
    assert_eq!((status, &answer["code"]), (400, &json!(1201)));
    let ledger = pair.server.ledger();
    assert_eq!(ledger.tasks_by_name(), [("a".to_owned(), 1)].into());
    assert_eq!(ledger.refused(Endpoint::Create, 1201), 1);

    pair.set(|config| config.unique_external_ids = false);
    let (status, second) = pair.created(&good_create(&session_id, "a")).await;
    assert_eq!(status, 200);
    assert_eq!(pair.created(&good_create(&session_id, "a-2")).await.0, 200);
    assert_eq!(pair.created(&good_create(&session_id, "")).await.0, 200);
    let mut quiet = good_create(&session_id, "quiet");
    quiet["face_choose"][0]["sound_volume"] = json!(0);
    assert_eq!(pair.created(&quiet).await.0, 200);
    let ledger = pair.server.ledger();
    let names = [("a", 2), ("a-2", 1), ("quiet", 1)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(ledger.tasks_by_name(), names.into());
    let mut requests: Vec<usize> = ledger.tasks_by_request().into_values().collect();
    requests.sort_unstable();
    assert_eq!(requests, [1, 4]);
    let (_, found) = pair.found("/a").await;
    assert_eq!(found["data"]["task_id"], second["data"]["task_id"], "the newest is found");
}

#[tokio::test]
async fn known_name_is_refused_with_the_configured_message() {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    assert_eq!(pair.created(&good_create(&session_id, "a")).await.0, 200);
    for duplicate_name in DuplicateNameError::all() {
        pair.set(|config| config.duplicate_name = duplicate_name);
        let (status, answer) = pair.created(&good_create(&session_id, "a")).await;
        let http_status = if duplicate_name.code == 1201 { 400 } else { 404 };
        assert_eq!((status, &answer["code"]), (http_status, &json!(duplicate_name.code)));
        assert_eq!(answer["message"], duplicate_name.message.replace("{}", "a"));
    }
    assert_eq!(pair.server.ledger().tasks.len(), 1);
    let mentions = |message: &&str| message.contains("external_task_id");
    assert_eq!(DuplicateNameError::MESSAGES.iter().filter(|message| mentions(message)).count(), 4);
}
