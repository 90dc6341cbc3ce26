//! The simulator's rules behind the client's interface, on tokio's clock.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use lipsyncd::{
    kling::{
        Api, ApiAnswer, CreateRequest, Created, Fetched, Identified, LookupStyle, RemoteTask,
        Reply, ResourcePack, VideoRef,
        offline::{RawAnswer, unanswered},
    },
    sim::{self, Ledger, NoFiles, Sim, SimConfig},
};
use tokio::time::{Instant, sleep};
use tokio_util::bytes::Bytes;
use url::Url;

const API: &str = "https://api.example";
const AUTHORIZATION: &str = "Bearer bench";
const BEGAN_AT_MS: i64 = 1_772_366_400_000;
/// How long a call takes.
const CALL: Duration = Duration::from_millis(300);

/// The simulator's rules behind the client's interface.
#[derive(Clone)]
pub struct Simulated {
    sim: Arc<Mutex<Sim>>,
    began: Instant,
}

impl Simulated {
    pub fn new(account: SimConfig) -> Self {
        let bearer_token = Some(AUTHORIZATION.trim_start_matches("Bearer ").to_owned());
        let sim = Sim::new(SimConfig { bearer_token, ..account }, API);
        Self { sim: Arc::new(Mutex::new(sim)), began: Instant::now() }
    }

    pub fn now_ms(&self) -> i64 {
        BEGAN_AT_MS + i64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    pub fn ledger(&self) -> Ledger {
        self.sim.lock().unwrap().ledger(self.now_ms())
    }

    async fn ask(&self, run: impl FnOnce(&mut Sim, i64) -> sim::SimResponse) -> RawAnswer {
        sleep(CALL / 2).await;
        let answer = run(&mut self.sim.lock().unwrap(), self.now_ms());
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
        let file = self.sim.lock().unwrap().download(self.now_ms(), &name).unwrap();
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
