//! Prices before paying: `check`, `status` and `retry` show what is learned, assumed or unknown.

use std::fs;

use lipsyncd::job::{Account, Caps, Charge, Cost};

use super::*;
use crate::testing::{jobs::hashed, media::clip};

const BATCH: &str = "
defaults: { video: 'https://cdn.example.com/v.mp4', sound_end_time: 3s }
jobs:
  - { id: a, audio: 'https://cdn.example.com/a.mp3' }
  - { id: b, audio: 'https://cdn.example.com/b.mp3', sound_end_time: 12s }
  - { id: c, audio: 'https://cdn.example.com/a.mp3' }
";

/// `check` of a manifest with two tasks, one of them shared, on one video.
fn check(env: &CommandEnv) -> (String, String) {
    let jobs = env.folder.path().join("jobs");
    fs::create_dir_all(&jobs).unwrap();
    fs::write(jobs.join("batch.yaml"), BATCH).unwrap();
    let ran = env.run(&["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let line =
        ran.out.lines().find(|line| line.starts_with("jobs/batch.yaml  ")).unwrap_or_default();
    let total = ran.err.lines().find(|line| line.starts_with("price: ")).unwrap_or_default();
    (line.to_owned(), total.to_owned())
}

#[test]
fn check_without_a_database_shows_unknown_or_assumed_prices() {
    let env = CommandEnv::new();
    let unknown = "2 tasks to pay: unknown";
    let expected =
        |price: &str| (format!("jobs/batch.yaml  3 jobs, {price}"), format!("price: {price}"));
    let (line, total) = check(&env);
    assert_eq!(line, expected(unknown).0);
    assert!(
        total.starts_with(&expected(unknown).1)
            && total.ends_with("or set `prices` in the configuration"),
        "{total}"
    );
    env.configure("prices: { identify: 0.05, per_5s: 0.5 }\n");
    // Of the audio, because the length of the video is unknown: 1 and 3 started 5 s, and one call.
    assert_eq!(check(&env), expected("2 tasks to pay: 2.05 units (assumed)"));
    assert!(!env.database().exists());
}

/// A database whose account was charged for a task of 5 s of audio and 10 s of video.
async fn charged(env: &CommandEnv, cost: Cost) -> Store {
    let store = env.store();
    let account = Account { host: "host".to_owned(), key: "key".to_owned() };
    store.use_account(&account).await.unwrap();
    let mut paid = wanted("paid");
    paid.request_hash = hashed(paid.spec.clone(), Ok(Media::default())).request_hash;
    accept(&store, manifest("paid.yaml", vec![paid])).await;
    let session = session(&store).await;
    let mut outcomes = until_submitted(&session, "task");
    let charge = Charge { cost, created_at_ms: None, video_ms: None };
    outcomes.push(Outcome::TaskSucceeded { charge: Some(charge) });
    drive(&store, "paid", outcomes).await;
    store
}

#[tokio::test]
async fn check_takes_learned_prices_and_leaves_out_what_is_paid() {
    let env = CommandEnv::new();
    let store = charged(&env, Cost::units(1_000_000)).await;
    // The price of 3 s of audio was seen, that of 12 s follows from no rule yet.
    let (line, total) = check(&env);
    let price = "2 tasks to pay: 1.05 units and an unknown price for 1 task";
    assert_eq!(line, format!("jobs/batch.yaml  3 jobs, {price}"));
    assert!(total.starts_with(&format!("price: {price}; lipsyncd learns prices")), "{total}");
    drop(store);
    let paid = "video: https://cdn.example.com/v.mp4\naudio: https://cdn.example.com/a.mp3\n\
                sound_end_time: 5s\noriginal_audio_volume: 0.5\n";
    let check_paid = |text: String| {
        fs::write(env.folder.path().join("jobs/paid.yaml"), text).unwrap();
        env.run(&["check", "jobs/paid.yaml"])
    };
    let ran = check_paid(paid.to_owned());
    assert!(ran.out.ends_with("jobs/paid.yaml  1 job, nothing to pay\n"), "{ran:?}");
    assert_eq!((ran.code, ran.err.contains("price")), (0, false));
    let ran = check_paid(format!("{paid}take: 2\n"));
    assert!(ran.out.contains("jobs/paid.yaml  1 job, 1 task to pay: 1.05 units"), "{ran:?}");
}

#[tokio::test]
async fn local_videos_are_identified_once_per_content_and_address() {
    // Three tasks of two started 5 s. A bucket has one object for two of the three files.
    for (host, price) in [
        ("upload: { s3: { endpoint: 'https://s3.example.com', bucket: videos } }", 62),
        ("media: { public_base_url: 'https://media.example.com' }", 63),
    ] {
        let env = CommandEnv::new();
        env.configure(&format!("{host}\nprices: {{ identify: 1, per_5s: 10 }}\n"));
        let mut jobs = Vec::new();
        for (folder, more) in [("a", &b""[..]), ("b", b"\0\0\0\x08free"), ("c", b"")] {
            let path = env.folder.path().join("jobs").join(folder);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("v.mp4"), [clip("anna.mp4"), more.to_vec()].concat()).unwrap();
            let audio = format!("https://cdn.example.com/{folder}.mp3");
            let manifest = format!("video: v.mp4\naudio: {audio}\nsound_end_time: 3s\n");
            fs::write(path.join("x.yaml"), manifest).unwrap();
            let mut job = wanted(folder);
            job.spec.video = Source::File("v.mp4".to_owned());
            let address = if price == 62 { "bucket" } else { folder };
            job.media = Ok(Media {
                video_sha256: Some(more.len().to_string()),
                video_url: Some(address.to_owned()),
                ..job.media.unwrap()
            });
            jobs.push(job);
        }
        let ran = env.run(&["check"]);
        let expected = format!("price: 3 tasks to pay: {price} units (assumed)\n");
        assert!(ran.err.starts_with(&expected), "{ran:?}");
        let store = env.store();
        accept(&store, manifest("x.yaml", jobs)).await;
        let status = env.run(&["status"]).out;
        let expected = format!("price      3 tasks left: {price} units (assumed)\n");
        assert!(status.contains(&expected), "{status}");
    }
}

#[test]
fn check_claims_no_price_for_jobs_that_wait_for_files() {
    let env = CommandEnv::new();
    let jobs = env.folder.path().join("jobs");
    fs::create_dir_all(&jobs).unwrap();
    fs::write(jobs.join("x.yaml"), "video: https://cdn.example.com/v.mp4\naudio: a.mp3\n").unwrap();
    let ran = env.run(&["check"]);
    assert!(ran.out.ends_with("jobs/x.yaml  1 job, 1 waiting for files\n"), "{ran:?}");
}

#[tokio::test]
async fn status_shows_the_price_of_the_queue_and_how_long_the_cap_makes_it_last() {
    let env = CommandEnv::new();
    let store = charged(&env, Cost::units(1_000_000)).await;
    let keys: Vec<_> = (0..20).map(|n| wanted(&format!("q/{n}"))).collect();
    accept(&store, manifest("q.yaml", keys)).await;
    let ran = env.run(&["status"]);
    assert!(ran.out.contains("price      20 tasks left: 20.05 units\n"), "{}", ran.out);
    let caps = Caps { units_micro: Some(4_000_000), money_micro: None };
    store.begin(1, NOW_MS, 1, caps).await.unwrap();
    let ran = env.run(&["status"]);
    let days = " days, as the daily budget allows, once the daemon runs\n";
    assert!(ran.out.contains(days), "{}", ran.out);
    let lasts = "20 tasks left: 20.05 units; at 4 units a day the queue lasts until about 20";
    assert!(ran.out.contains(lasts), "{}", ran.out);
    let left = &env.run(&["status", "--json"]).json()["price_left"];
    let expected = serde_json::json!({
        "units": 20.05, "money": 0.0, "tasks": 20, "unknown_tasks": 0, "assumed": false, "has_more": false,
        "lasts_until": left["lasts_until"],
    });
    assert_eq!(*left, expected);
    assert_eq!(left["lasts_until"].as_str().unwrap().len(), "2026-12-05".len());
}

#[tokio::test]
async fn money_that_only_a_cap_in_units_limits_is_a_warning() {
    let env = CommandEnv::new();
    let cost = Cost { units_micro: 0, money_micro: 2_500_000 };
    let store = charged(&env, cost).await;
    let status = || env.run(&["status"]).out;
    assert!(status().contains("money      0 today (UTC), 2.5 in total\n"), "{}", status());
    let mut caps = Caps { units_micro: Some(4_000_000), money_micro: None };
    store.begin(1, NOW_MS, 1, caps).await.unwrap();
    let warning =
        "2.5 in total; limits.units_per_day does not limit it: set limits.money_per_day\n";
    assert!(status().contains(warning), "{}", status());
    assert!(!env.run(&["doctor"]).out.contains("only limits.units_per_day"));
    // `doctor` checks the configuration, also before the daemon starts with it.
    env.configure("limits:\n  units_per_day: 4\n");
    let doctor = env.run(&["doctor"]).out;
    assert!(
        doctor.contains("the account was charged 2.5 in money, and only limits.units_per_day"),
        "{doctor}"
    );
    caps.money_micro = Some(10_000_000);
    store.begin(1, NOW_MS, 1, caps).await.unwrap();
    assert!(status().contains("money      0 of 10 today (UTC), 2.5 in total\n"), "{}", status());
    env.configure("  money_per_day: 10\n");
    assert!(!env.run(&["doctor"]).out.contains("only limits.units_per_day"));
    let shown = env.run(&["show", "paid"]).out;
    assert!(shown.contains("0.05 units and 2.5 in money, all takes"), "{shown}");
}
