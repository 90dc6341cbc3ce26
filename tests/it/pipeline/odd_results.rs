//! Results as file servers really send them: with bytes behind the video, without a length, or only in part.

use std::{fs, time::Duration};

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::open_reader,
};
use serde_json::Value;

use crate::{
    support::{TestEnv, patch, quick, wanted},
    testing::media::clip,
};

const HOUR_MS: i64 = 60 * 60 * 1_000;

#[tokio::test]
async fn bytes_behind_a_complete_video_are_delivered_with_it() {
    let random: String = (1..120_u32).map(|n| char::from(n as u8 ^ 0x55)).collect();
    for extra in ["\r\n".to_owned(), "\0".repeat(1_000), random] {
        let test_env = TestEnv::new(quick()).await;
        let fault = Fault::Trailing { text: extra.clone() };
        test_env.fault(FaultRule::always(Endpoint::Download, fault));
        test_env.put("m.yaml", vec![wanted("m/a")]).await;
        assert_eq!(test_env.run().await, End::Idle);
        test_env.assert_all_succeeded(1).await;
        let file = fs::read(test_env.output("m/a.mp4")).unwrap();
        assert!(file.ends_with(extra.as_bytes()), "byte for byte");
        assert_eq!(test_env.ledger().faults["trailing"], 1, "one download");
    }
}

/// Files as Kling's server sent them, with a true length: 2 line breaks, 1000 zeros, 100 random bytes behind the video.
#[tokio::test]
async fn results_of_a_real_server_are_delivered_byte_for_byte() {
    for name in ["result-two-newlines.mp4", "result-zeros-1000.mp4", "result-random-100.mp4"] {
        let test_env = TestEnv::new(quick()).await;
        test_env.clip(name);
        let to = format!("{}/media/{name}", test_env.sim.base_url());
        test_env.fault(FaultRule::always(Endpoint::Download, Fault::Redirect { to }));
        test_env.put("m.yaml", vec![wanted("m/a")]).await;
        assert_eq!(test_env.run().await, End::Idle, "{name}");
        assert_eq!(test_env.state("m/a").await, State::Succeeded, "{name}");
        assert_eq!(fs::read(test_env.output("m/a.mp4")).unwrap(), clip(name), "{name}");
        let metadata = fs::read(test_env.output("m/a.json")).unwrap();
        let metadata: Value = serde_json::from_slice(&metadata).unwrap();
        assert_eq!(metadata["duration_ms"], 3_000, "{name}: {metadata}");
        let ledger = test_env.ledger();
        assert_eq!((ledger.tasks.len(), ledger.faults["redirect"]), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn result_without_length_etag_and_ranges_is_delivered() {
    let test_env = TestEnv::new(SimConfig { min_result_bytes: 300_000, ..quick() }).await;
    test_env.fault(FaultRule::always(Endpoint::Download, Fault::Plain));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.ledger().faults["plain"], 1);
}

/// The job has succeeded, and nothing but its result and the metadata is left.
async fn assert_only_the_result(test_env: &TestEnv) {
    test_env.assert_all_succeeded(1).await;
    let left = fs::read_dir(test_env.output("m")).unwrap().count();
    assert_eq!(left, 2, "only the result and its metadata");
}

#[tokio::test]
async fn incomplete_result_is_kept_and_asked_for_rarely() {
    let test_env = TestEnv::new(quick()).await;
    let cut = Fault::WrongLength { bytes: Some(400) };
    test_env.fault(FaultRule::always(Endpoint::Download, cut));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    let requests = || test_env.ledger().faults["wrong_length"];
    let waits_for = |what: &str| test_env.waits_for("m/a").is_some_and(|why| why.contains(what));
    test_env.until("the reason", async || waits_for("the result is incomplete")).await;
    assert_eq!(requests(), 3, "three downloads");
    assert!(waits_for("3 downloads in a row brought the same 400 bytes, which are kept as "));
    assert!(waits_for("; lipsyncd asks again, later once an hour"));
    assert_eq!(fs::read(test_env.output("m/a.incomplete.mp4")).unwrap().len(), 400);
    // A server that completes the file within minutes is asked again soon.
    let rest_ms = test_env.task("m/a").await.due_at_ms - test_env.now_ms();
    assert!((40_000..=60_000).contains(&rest_ms), "{rest_ms}");
    let undelivered = async |after_ms| {
        let at_ms = test_env.now_ms() + after_ms;
        test_env.store.queue_status(at_ms).await.unwrap().undelivered
    };
    assert_eq!(undelivered(0).await, None, "the network may be the reason for a while");
    let reported = undelivered(5 * 60_000).await.unwrap();
    assert_eq!((reported.jobs, reported.first_job.as_str()), (1, "m/a"));
    assert!(
        reported.reason.contains("the result is incomplete at Kling's server: "),
        "{reported:?}"
    );
    // At growing distances, at last once an hour, the bytes are downloaded again; later the announcement shows that nothing has changed.
    let times = || -> u64 {
        let reader = open_reader(test_env.store.path()).unwrap();
        reader.query_row("SELECT times FROM incomplete_download", [], |row| row.get(0)).unwrap()
    };
    for hour in 1..=8 {
        let before = requests();
        test_env.set_ahead(hour * (HOUR_MS + 60_000));
        running.nudge();
        test_env.until("a request", async || requests() == before + 1).await;
        let rest_ms = [5, 20].get(hour as usize - 1).map_or(HOUR_MS, |minutes| minutes * 60_000);
        let due = async || test_env.task("m/a").await.due_at_ms > test_env.now_ms() + rest_ms / 2;
        test_env.until("the next rest", due).await;
        assert_eq!(times(), requests().min(8), "hour {hour}");
    }
    running.stop().await;
    // The server completes the file.
    test_env.clear_faults();
    test_env.set_ahead(11 * HOUR_MS);
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    assert_only_the_result(&test_env).await;
}

#[tokio::test]
async fn newer_incomplete_bytes_replace_those_that_are_kept() {
    let test_env = TestEnv::new(quick()).await;
    let cut_to = |bytes| {
        let cut = Fault::WrongLength { bytes: Some(bytes) };
        test_env.clear_faults();
        test_env.fault(FaultRule::always(Endpoint::Download, cut));
    };
    let kept = || fs::read(test_env.output("m/a.incomplete.mp4")).map_or(0, |kept| kept.len());
    let waits_for = |what: &str| test_env.waits_for("m/a").is_some_and(|why| why.contains(what));
    cut_to(400);
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("the bytes to be kept", async || waits_for("the same 400 bytes")).await;
    cut_to(500);
    test_env.set_ahead(HOUR_MS + 60_000);
    running.nudge();
    test_env.until("the reason", async || waits_for("the same 500 bytes, which are kept")).await;
    assert_eq!(kept(), 500);
    // The last bytes are others again, and are not kept yet.
    cut_to(450);
    test_env.set_ahead(2 * (HOUR_MS + 60_000));
    running.nudge();
    test_env.until("another download", async || !waits_for("the same 500 bytes")).await;
    test_env.clear_faults();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    assert_only_the_result(&test_env).await;
}

#[tokio::test]
async fn incomplete_result_is_asked_for_rarely_also_if_it_cannot_be_kept() {
    let test_env = TestEnv::new(quick()).await;
    fs::create_dir(test_env.output("m")).unwrap();
    fs::write(test_env.output("m/a.incomplete.mp4"), "of a person").unwrap();
    let cut = Fault::WrongLength { bytes: Some(400) };
    test_env.fault(FaultRule::always(Endpoint::Download, cut));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    let waits_for = |what: &str| test_env.waits_for("m/a").is_some_and(|why| why.contains(what));
    test_env.until("the reason", async || waits_for("which are not kept, because")).await;
    let rest_ms = test_env.task("m/a").await.due_at_ms - test_env.now_ms();
    assert!((50_000..=60_000).contains(&rest_ms), "{rest_ms}");
    test_env.clear_faults();
    test_env.set_ahead(HOUR_MS + 60_000);
    running.nudge();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    assert_eq!(fs::read(test_env.output("m/a.incomplete.mp4")).unwrap(), b"of a person");
}

#[tokio::test]
async fn run_that_ends_when_idle_does_not_wait_for_an_incomplete_result() {
    let test_env = TestEnv::new(quick()).await;
    let cut = Fault::WrongLength { bytes: Some(400) };
    test_env.fault(FaultRule::always(Endpoint::Download, cut));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().faults["wrong_length"], 3);
    // A run that begins before the next try is due ends at once.
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().faults["wrong_length"], 3);
    // A later run tries once.
    test_env.set_ahead(2 * 60_000);
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().faults["wrong_length"], 4);
    test_env.clear_faults();
    test_env.set_ahead(HOUR_MS);
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn first_video_with_a_url_is_the_result_and_its_length_is_measured() {
    let test_env = TestEnv::new(SimConfig { task_ms: (300, 300), ..quick() }).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("a task", async || test_env.ledger().tasks.len() == 1).await;
    let result_id = test_env.ledger().tasks[0].result_id.clone();
    let url = format!("{}/results/{result_id}.mp4", test_env.sim.base_url());
    let videos = serde_json::json!({"data": {"task_result": {"videos": [
        {"id": "0", "url": null}, {"id": "1", "url": url, "duration": "14.666"}
    ]}}});
    test_env.fault(FaultRule::always(Endpoint::Query, patch(videos)));
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
    let metadata = fs::read(test_env.output("m/a.json")).unwrap();
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(metadata["duration_ms"], 10_000, "{metadata}");
}

#[tokio::test]
async fn result_at_a_private_address_waits_and_names_the_setting() {
    let test_env = TestEnv::new(SimConfig { task_ms: (300, 300), ..quick() }).await;
    let videos = serde_json::json!({"data": {"task_result": {"videos": [
        {"id": "0", "url": "http://10.1.2.4/1.mp4"}
    ]}}});
    test_env.fault(FaultRule::always(Endpoint::Query, patch(videos)));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    let advice = "add `10.1.2.4` to download.allow_hosts";
    let says = || test_env.waits_for("m/a").is_some_and(|why| why.contains(advice));
    test_env.until("the reason", async || says()).await;
    test_env.clear_faults();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn incomplete_result_fails_the_job_once_it_has_expired_and_stays_on_disk() {
    let days_ms = |days: i64| days * 24 * HOUR_MS;
    let test_env = TestEnv::new(SimConfig { result_ttl_ms: days_ms(60), ..quick() }).await;
    let cut = Fault::WrongLength { bytes: Some(400) };
    test_env.fault(FaultRule::always(Endpoint::Download, cut));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    let is_kept = || test_env.output("m/a.incomplete.mp4").exists();
    test_env.until("the bytes to be kept", async || is_kept()).await;
    running.stop().await;
    test_env.sim.advance(Duration::from_millis(days_ms(31).unsigned_abs()));
    test_env.set_ahead(days_ms(31));
    assert_eq!(test_env.run().await, End::Idle);
    let failure = test_env.task("m/a").await.failure.unwrap();
    assert_eq!(failure.code, "incomplete_result");
    assert!(failure.message.contains("lipsyncd retry m/a"), "{}", failure.message);
    assert_eq!(fs::read(test_env.output("m/a.incomplete.mp4")).unwrap().len(), 400);
    assert_eq!(test_env.ledger().tasks.len(), 1);
}
