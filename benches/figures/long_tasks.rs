//! Slots in use with tasks of real length, on a paused clock: hours pass in seconds.
//!
//! The pipeline, the store and the simulator's rules in one process; each call takes its time.

use std::{
    future::ready,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use lipsyncd::{
    job::{Account, JobSpec, Media, Moment, Policy, Source},
    kling::{
        Api, ApiAnswer, CreateRequest, Created, Fetched, Identified, LookupStyle, RemoteTask,
        Reply, ResourcePack, VideoRef,
        offline::{RawAnswer, unanswered},
    },
    manifest::{ContentHashes, request_hash, spec_hash},
    media::Locator,
    metrics::Metrics,
    pipeline::{Clock, End, Heartbeat, Offload, Pipeline, RateSettings, Settings, Until},
    sim::{self, NoFiles, Sim, SimConfig},
    store::{AcceptedManifest, OnChange, SimulationHook, Store, WantedJob},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::{bytes::Bytes, sync::CancellationToken};
use url::Url;

use crate::{
    figure::{Figure, Goal},
    folders,
    test_env::account,
};

const API: &str = "https://api.example";
const AUTHORIZATION: &str = "Bearer bench";
const BEGAN_AT_MS: i64 = 1_772_366_400_000;
/// How long a call takes.
const CALL: Duration = Duration::from_millis(300);
const HOUR_MS: i64 = 3_600_000;

/// Measures rounds of tasks of three to four minutes, with the default `poll`.
pub fn measure(slots: usize, rounds: usize) -> Figure {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let in_use = runtime.unwrap().block_on(work_off(slots, slots * rounds));
    let what = format!("slots in use, tasks of 3 to 4 min in {slots} slots");
    Figure::new(what, in_use, "", Goal::AtLeast(0.985))
}

async fn work_off(slots: usize, jobs: usize) -> f64 {
    let dir = folders::make("long");
    let simulation_hook: SimulationHook = Arc::new(|| Box::pin(ready(())));
    let store = Store::open_here(&dir.join("lipsyncd.db"), Arc::clone(&simulation_hook)).unwrap();
    let account = SimConfig {
        bearer_token: Some(AUTHORIZATION.trim_start_matches("Bearer ").to_owned()),
        ..account(slots, (180_000, 240_000))
    };
    let api =
        Simulated { sim: Arc::new(Mutex::new(Sim::new(account, API))), began: Instant::now() };
    let settings = settings(&dir, slots, Offload::Inline(simulation_hook));
    let (policy, began) = (settings.policy.clone(), api.began);
    let moment = Moment { now_ms: now_ms(began), chance: 0.5 };
    store.accept(manifest(jobs), moment, policy, OnChange::Flag).await.unwrap().unwrap();
    let clock = Clock::new(move || now_ms(began), 1);
    let pipeline = Pipeline::new(api.clone(), store, clock, settings).await.unwrap();
    let nothing_more = Arc::new(AtomicBool::new(false));
    let stop = CancellationToken::new();
    let end = pipeline
        .run(Arc::new(Notify::new()), stop, Until::Idle, nothing_more, Heartbeat::NONE)
        .await;
    assert_eq!(end.unwrap(), End::Idle);
    let ledger = api.sim.lock().unwrap().ledger(now_ms(began));
    assert_eq!(ledger.tasks.len(), jobs);
    crate::slots::in_use(&ledger, slots)
}

fn now_ms(began: Instant) -> i64 {
    BEGAN_AT_MS + i64::try_from(began.elapsed().as_millis()).unwrap()
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

/// The simulator's rules behind the client's interface.
#[derive(Clone)]
struct Simulated {
    sim: Arc<Mutex<Sim>>,
    began: Instant,
}

impl Simulated {
    async fn ask(&self, run: impl FnOnce(&mut Sim, i64) -> sim::SimResponse) -> RawAnswer {
        sleep(CALL / 2).await;
        let answer = run(&mut self.sim.lock().unwrap(), now_ms(self.began));
        sleep(CALL / 2).await;
        RawAnswer {
            http_status: answer.http_status,
            body: answer.body.to_string().into_bytes(),
            ..RawAnswer::default()
        }
    }
}

impl Api for Simulated {
    async fn identify(&self, video: &VideoRef) -> Reply<Identified> {
        let (body, media) = (video.body(), NoFiles { audio_ms: 5_000 });
        let run = |sim: &mut Sim, now_ms| sim.identify(now_ms, Some(AUTHORIZATION), &body, &media);
        self.ask(run).await.identified()
    }

    async fn create(&self, request: &CreateRequest) -> Reply<Created> {
        let (body, media) = (request.body().unwrap(), NoFiles { audio_ms: 5_000 });
        let run = |sim: &mut Sim, now_ms| sim.create(now_ms, Some(AUTHORIZATION), &body, &media);
        self.ask(run).await.created()
    }

    async fn task(&self, id: &str) -> Reply<RemoteTask> {
        self.ask(|sim, now_ms| sim.query(now_ms, Some(AUTHORIZATION), id)).await.task()
    }

    async fn task_by_name(&self, name: &str, spelling: LookupStyle) -> Reply<RemoteTask> {
        let asked = self.ask(|sim, now_ms| sim.query(now_ms, Some(AUTHORIZATION), name));
        asked.await.task_by_name(name, spelling)
    }

    async fn tasks(&self, page: u32, page_size: u32) -> Reply<Vec<RemoteTask>> {
        let query = format!("pageNum={page}&pageSize={page_size}");
        self.ask(|sim, now_ms| sim.list(now_ms, Some(AUTHORIZATION), &query)).await.tasks()
    }

    async fn costs(&self, _: i64, _: i64) -> Reply<Vec<ResourcePack>> {
        unanswered("nobody asks for costs", true)
    }

    async fn fetch(&self, url: &Url, _: u64, _: Option<&str>, _: Option<&str>) -> Reply<Fetched> {
        sleep(CALL).await;
        let name = url.as_str().trim_start_matches(API).trim_start_matches("/results/").to_owned();
        let file = self.sim.lock().unwrap().download(now_ms(self.began), &name).unwrap();
        let bytes = Bytes::from(file.built());
        let fetched = Fetched {
            from_byte: 0,
            total_bytes: Some(bytes.len() as u64),
            etag: None,
            content_type: None,
            body: stream::iter([Ok(bytes)]).boxed(),
        };
        Reply {
            answer: ApiAnswer { http_status: Some(200), ..ApiAnswer::default() },
            result: Ok(fetched),
        }
    }
}
