//! Slots in use with tasks of real length, on a paused clock: hours pass in seconds.
//!
//! The pipeline, the store and the simulator's rules in one process; each call takes its time.

use std::{
    future::ready,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use lipsyncd::{
    job::{Account, JobSpec, Media, Moment, Policy, Source},
    manifest::{ContentHashes, request_hash, spec_hash},
    media::Locator,
    metrics::Metrics,
    pipeline::{Clock, End, Heartbeat, Offload, Pipeline, RateSettings, Settings, Until},
    sim::Ledger,
    store::{AcceptedManifest, OnChange, SimulationHook, Store, WantedJob},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    calls::queries,
    figure::{Figure, Goal},
    folders,
    simulated::Simulated,
    slots::in_use,
    test_env::account,
};

const HOUR_MS: i64 = 3_600_000;

/// Measures rounds of tasks of three to four minutes, with the default `poll`.
pub fn measure(slots: usize, rounds: usize) -> [Figure; 2] {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let jobs = slots * rounds;
    let ledger = runtime.unwrap().block_on(work_off(slots, jobs));
    assert_eq!(ledger.tasks.len(), jobs);
    let tasks = format!("tasks of 3 to 4 min in {slots} slots");
    let queries_per_job = queries(&ledger) as f64 / jobs as f64;
    [
        Figure::new(
            format!("slots in use, {tasks}"),
            in_use(&ledger, slots),
            "",
            Goal::AtLeast(0.985),
        ),
        Figure::new(format!("queries per job, {tasks}"), queries_per_job, "", Goal::Unset),
    ]
}

async fn work_off(slots: usize, jobs: usize) -> Ledger {
    let dir = folders::make("long");
    let simulation_hook: SimulationHook = Arc::new(|| Box::pin(ready(())));
    let store = Store::open_here(&dir.join("lipsyncd.db"), Arc::clone(&simulation_hook)).unwrap();
    let api = Simulated::new(account(slots, (180_000, 240_000)));
    let settings = settings(&dir, slots, Offload::Inline(simulation_hook));
    let policy = settings.policy.clone();
    let moment = Moment { now_ms: api.now_ms(), chance: 0.5 };
    store.accept(manifest(jobs), moment, policy, OnChange::Flag).await.unwrap().unwrap();
    let time = api.clone();
    let clock = Clock::new(move || time.now_ms(), 1);
    let pipeline = Pipeline::new(api.clone(), store, clock, settings).await.unwrap();
    let nothing_more = Arc::new(AtomicBool::new(false));
    let stop = CancellationToken::new();
    let end = pipeline
        .run(Arc::new(Notify::new()), stop, Until::Idle, nothing_more, Heartbeat::NONE)
        .await;
    assert_eq!(end.unwrap(), End::Idle);
    api.ledger()
}

fn settings(dir: &Path, slots: usize, offload: Offload) -> Settings {
    let (output_dir, jobs_dir) = (dir.join("output"), dir.join("jobs"));
    std::fs::create_dir(&output_dir).unwrap();
    Settings {
        account: Account { host: "host".to_owned(), key: "bench".to_owned() },
        policy: Policy {
            retry_initial_ms: 1_000,
            retry_max_ms: 300_000,
            give_up_after_ms: 24 * HOUR_MS,
            create_settle_ms: 90_000,
        },
        session_ttl_ms: 23 * HOUR_MS,
        slots,
        rate: RateSettings {
            identify_per_second: 2.0,
            create_per_second: 2.0,
            query_per_second: 10.0,
        },
        caps: Default::default(),
        assumed_prices: Default::default(),
        poll_min_ms: 2_000,
        poll_max_ms: 30_000,
        probe_interval_ms: 60_000,
        downloads: 4,
        download_bytes_max: 1 << 30,
        output_dir,
        locator: Locator { jobs_dir, media_dirs: Vec::new() },
        uploads: None,
        video_links: None,
        uploads_at_once: 1,
        offload,
        is_scanned: Arc::new(AtomicBool::new(true)),
        metrics: Metrics::new(),
    }
}

fn manifest(jobs: usize) -> AcceptedManifest {
    let spec = |job: usize| JobSpec {
        id: Some(job.to_string()),
        sound_end_ms: Some(4_000),
        ..JobSpec::new(
            format!("m/{job}"),
            Source::Url("https://cdn.example/v.mp4?duration_ms=9000".to_owned()),
            Source::Url(format!("https://cdn.example/{job}.mp3?duration_ms=5000")),
        )
    };
    let wanted = |job: usize| {
        let spec = spec(job);
        let nothing_local = ContentHashes { video_sha256: None, audio_sha256: None };
        let request_hash = request_hash(&spec, nothing_local);
        let spec_hash = spec_hash(&spec, false);
        WantedJob { spec, spec_hash, request_hash, media: Ok(Media::default()) }
    };
    AcceptedManifest {
        path: "m.yaml".to_owned(),
        file_stamp: "1 1".to_owned(),
        jobs: (0..jobs).map(wanted).collect(),
    }
}
