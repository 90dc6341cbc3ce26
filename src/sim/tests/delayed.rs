//! Create requests that are delivered after the client gave up, over real HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::{good_create, wire::Pair};
use crate::sim::{ClientSees, Endpoint, Fault, FaultRule, SimConfig};

const VIDEO: &str = "https://cdn.example/v.mp4?duration_ms=10000&faces=1";
const HOUR_MS: u64 = 3_600_000;

/// A simulator that delivers the next create request delayed, and a session.
async fn pair_that_keeps(after_ms: u64, sees: ClientSees) -> (Pair, String) {
    let pair = Pair::start(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    let rule = FaultRule::once(Endpoint::Create, Fault::DeliverLate { after_ms, sees });
    pair.server.control(|sim| sim.add_fault(rule));
    (pair, session_id)
}

impl Pair {
    /// Sends a create request, and closes the connection as soon as the request is delayed.
    async fn create_and_give_up(&self, body: &Value) {
        tokio::select! {
            answer = self.create(body) => panic!("answered: {answer:?}"),
            () = self.until_kept(1) => {}
        }
    }

    async fn until_kept(&self, count: usize) {
        while self.server.kept() != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Checks that no query finds the task while the request is delayed, and that all do after its delivery.
    async fn assert_kept_and_delivered(&self) {
        assert_eq!((self.server.kept(), self.server.ledger().tasks.len()), (1, 0));
        assert_eq!(self.found("/a").await.0, 404);
        assert_eq!(self.found("").await.1["data"], json!([]));
        self.server.deliver_kept();
        self.until_kept(0).await;
        let ledger = self.server.ledger();
        assert_eq!(ledger.tasks_by_name(), [("a".to_owned(), 1)].into());
        assert_eq!((ledger.accepted(Endpoint::Create), ledger.faults["deliver_late"]), (1, 1));
        assert_eq!(self.found("/a").await.0, 200);
    }
}

#[tokio::test]
async fn client_sees_a_broken_connection() {
    for after_ms in [0, 30] {
        let (pair, session_id) = pair_that_keeps(HOUR_MS, ClientSees::Broken { after_ms }).await;
        let error = pair.create(&good_create(&session_id, "a")).await.unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
        pair.assert_kept_and_delivered().await;
    }
}

#[tokio::test]
async fn client_sees_the_page_of_a_proxy() {
    for after_ms in [0, 30] {
        let sees = ClientSees::Page { status: 504, after_ms };
        let (pair, session_id) = pair_that_keeps(HOUR_MS, sees).await;
        let response = pair.create(&good_create(&session_id, "a")).await.unwrap();
        assert_eq!(response.status().as_u16(), 504);
        assert_eq!(response.headers()["content-type"], "text/html");
        assert!(response.text().await.unwrap().contains("504 Gateway Timeout"));
        pair.assert_kept_and_delivered().await;
    }
}

#[tokio::test]
async fn delayed_request_is_delivered_after_the_client_disconnects() {
    let far = ClientSees::Broken { after_ms: HOUR_MS };
    for sees in [ClientSees::Nothing, far] {
        let (pair, session_id) = pair_that_keeps(HOUR_MS, sees).await;
        pair.create_and_give_up(&good_create(&session_id, "a")).await;
        pair.assert_kept_and_delivered().await;
    }
}

#[tokio::test]
async fn request_is_delivered_after_its_delay() {
    let (pair, session_id) = pair_that_keeps(1, ClientSees::Nothing).await;
    pair.create_and_give_up(&good_create(&session_id, "a")).await;
    pair.until_kept(0).await;
    assert_eq!(pair.server.ledger().tasks.len(), 1);
    // The rules check the request at its delivery: this name is known by then.
    let rule =
        json!({"call": "create", "do": "deliver_late", "ms": HOUR_MS, "client_sees": "page"});
    assert_eq!(pair.post("/sim/faults", &rule).await.unwrap().status(), 204);
    assert_eq!(pair.create(&good_create(&session_id, "b")).await.unwrap().status(), 504);
    assert_eq!(pair.create(&good_create(&session_id, "b")).await.unwrap().status(), 200);
    pair.server.deliver_kept();
    pair.until_kept(0).await;
    let ledger = pair.server.ledger();
    assert_eq!((ledger.tasks.len(), ledger.refused(Endpoint::Create, 1201)), (2, 1));
}
