//! Receivers that are gone for long, and daemons that are killed: each message arrives at least once.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use lipsyncd::{
    config::{NotifyChannel, NotifyEvent, NotifyTarget, WebhookFormat},
    job::Moment,
    notify::{MessageTarget, Sender, TimeLimits},
    store::{Pause, PauseKind, Store},
};

use super::*;
use crate::support::daemon::job_of;

const HOUR_MS: i64 = 3_600_000;
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until the condition is true.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn after_an_hour_without_a_receiver_each_event_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("lipsyncd.db")).unwrap();
    // Nothing listens at this address at first.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}/").parse().unwrap();
    let channel = NotifyChannel::Webhook { url, format: WebhookFormat::Json };
    let events = vec![NotifyEvent::QueuePaused, NotifyEvent::QueueResumed];
    let configured = [NotifyTarget { channel, events }];
    let target = MessageTarget::new(&configured[0], None, TimeLimits::default());
    // The triggers read the system's clock.
    let start_ms = jiff::Timestamp::now().as_millisecond();
    let clock = Arc::new(AtomicI64::new(start_ms));
    let its_clock = Arc::clone(&clock);
    let moment = move || Moment { now_ms: its_clock.load(Ordering::Relaxed), chance: 0.0 };
    let sender = Sender::start(store.clone(), &configured, vec![target], moment).await.unwrap();
    let steps = async {
        for number in 0..10 {
            let (kind, reason) = (PauseKind::Person, format!("lunch {number}"));
            let pause =
                Pause { kind, reason, code: None, since_ms: start_ms, next_probe_at_ms: None };
            store.set_pause(Some(pause)).await.unwrap();
            store.set_pause(None).await.unwrap();
        }
        let problems = async || store.queue_status(start_ms).await.unwrap().notifications;
        // The clock runs ahead of the delays between two tries.
        let advance = || clock.fetch_add(1_000, Ordering::Relaxed);
        until("two failed tries", async || {
            advance();
            problems().await.failing >= 2
        })
        .await;
        clock.fetch_add(HOUR_MS, Ordering::Relaxed);
        let receiver = Receiver::start_at(address, Mode::Status(200));
        until("all messages", async || {
            advance();
            let received = receiver.received();
            received.iter().map(|one| one.id().to_owned()).collect::<BTreeSet<_>>().len() == 20
        })
        .await;
        let of_event = |event: &str| -> BTreeSet<String> {
            let received = receiver.received();
            let these = received.iter().filter(|one| one.event() == event);
            these.map(|one| one.json()["data"]["reason"].to_string()).collect()
        };
        assert_eq!((of_event("queue.paused").len(), of_event("queue.resumed").len()), (10, 10));
        until("the last answer", async || problems().await.failing == 0).await;
    };
    tokio::select! {
        never = sender.run() => panic!("{never:?}"),
        () = steps => {}
    }
}

#[test]
fn kills_lose_no_message() {
    const JOBS: usize = 24;
    let receiver = Receiver::start(Mode::Status(200));
    let mut env = reporting_to(&receiver, "job.succeeded, manifest.finished");
    for number in 0..JOBS {
        env.drop_in_old(&format!("{number}.yaml"), job_of(&format!("video{number}")));
    }
    let succeeded =
        |env: &TestEnv| env.states().iter().filter(|(_, state)| state == "succeeded").count();
    for number in 1..=8 {
        env.spawn();
        env.until("some jobs to succeed", |env| succeeded(env) >= number * JOBS / 8);
        env.kill();
    }
    env.start();
    let arrived = |event: &str, about: &str| -> BTreeSet<String> {
        let received = receiver.received();
        let these = received.iter().filter(|one| one.event() == event);
        these.map(|one| one.json()["data"][about].to_string()).collect()
    };
    env.until("each job and each manifest to be reported", |_| {
        arrived("job.succeeded", "job").len() == JOBS
            && arrived("manifest.finished", "manifest").len() == JOBS
    });
    // A message that was tried twice has the same id.
    let ids: BTreeSet<String> = receiver.received().iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids.len(), 2 * JOBS);
    env.assert_paid_once();
}
