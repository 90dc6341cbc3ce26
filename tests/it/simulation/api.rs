//! The simulator's rules behind the client's interface, with a network that loses, cuts and delays.
//!
//! The world carries out requests, not the process that sent it: a request that left the machine arrives even if
//! its sender is killed.

use std::{sync::Arc, time::Duration};

use futures_util::stream::{self, StreamExt as _};
use lipsyncd::{
    kling::{
        Api, ApiError, CreateRequest, Created, ErrorClass, Fetched, Identified, LookupStyle,
        RemoteTask, Reply, ResourcePack, VideoRef,
        offline::{RawAnswer, unanswered},
    },
    sim::{self, Endpoint, Refusal, Sim},
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};
use tokio_util::bytes::Bytes;
use url::Url;

use super::{
    audio_files::Clips,
    faults::{ClientView, NetworkFault},
    hosts::AccountRef,
    lookups::ARRIVES_MAX_MS,
    process::Process,
    world::World,
};

/// As `kling.request_timeout` is by default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// After this time, a request has arrived or never will.
pub const ON_ITS_WAY_MAX: Duration = Duration::from_secs(130);
/// A download comes in chunks of this size.
const CHUNK_BYTES: usize = 700;

/// Answers that make no sense.
const NONSENSE: [&[u8]; 5] = [
    br#"{"code":0,"message":"SUCCEED","request_id":"n-1"}"#,
    br#"{"code":"0","data":[{"task_id":7}]}"#,
    br#"{"code":0,"data":{"task_id":"","session_id":"","task_status":"resting"}}"#,
    br#"{"code":0,"data":"yes"}"#,
    b"[]",
];

/// The API as one process of the daemon uses it.
pub struct SimulatedApi {
    pub world: Arc<World>,
    pub process: Arc<Process>,
    /// Where this process sends its requests, and with which key.
    pub account_ref: AccountRef,
}

/// No answer came.
struct NoAnswer {
    why: &'static str,
    never_left: bool,
}

impl SimulatedApi {
    async fn send(
        &self,
        call: Endpoint,
        run: impl FnOnce(&mut Sim, i64) -> sim::SimResponse + Send + 'static,
    ) -> Result<RawAnswer, NoAnswer> {
        self.process.step().await;
        let fault = self.world.faults.draw(call, self.world.time.true_ms());
        if fault == NetworkFault::NeverLeft {
            return Err(NoAnswer { why: "no connection", never_left: true });
        }
        let (reply_to, reply) = oneshot::channel();
        let to = (Arc::clone(&self.world), self.account_ref.host);
        tokio::spawn(deliver(to, call, fault, run, reply_to));
        let reply = timeout(REQUEST_TIMEOUT, reply).await;
        self.process.step().await;
        let no_answer = |why| NoAnswer { why, never_left: false };
        reply
            .map_err(|_| no_answer("no answer in time"))?
            .map_err(|_| no_answer("connection broken"))
    }

    /// Query Task (Single), with this query string.
    async fn query(&self, id: &str, query: &'static str) -> Result<RawAnswer, NoAnswer> {
        let (id, by) = (id.to_owned(), self.account_ref.authorization());
        let run = move |sim: &mut Sim, now_ms| sim.query_with(now_ms, Some(&by), &id, query);
        self.send(Endpoint::Query, run).await
    }

    /// Query Task (List).
    async fn list(&self, query: String) -> Result<RawAnswer, NoAnswer> {
        let by = self.account_ref.authorization();
        let run = move |sim: &mut Sim, now_ms| sim.list(now_ms, Some(&by), &query);
        self.send(Endpoint::List, run).await
    }
}

/// Delivers a request to the API and its answer to the client, with the faults of the network.
async fn deliver(
    (world, host): (Arc<World>, usize),
    call: Endpoint,
    fault: NetworkFault,
    run: impl FnOnce(&mut Sim, i64) -> sim::SimResponse,
    reply_to: oneshot::Sender<RawAnswer>,
) {
    let there_ms = match fault {
        NetworkFault::Late => world.chance.between(61_000, ARRIVES_MAX_MS - 1_000),
        _ => world.chance.between(1, 400),
    };
    sleep(ms(there_ms)).await;
    if let NetworkFault::Kept { view, after_ms } = fault {
        give_up(&world, view, reply_to).await;
        sleep(ms(after_ms)).await;
        let now_ms = world.time.true_ms();
        let _unread = run(&mut world.sim_at(host, now_ms), now_ms);
        return;
    }
    let now_ms = world.time.true_ms();
    let carried_out = match fault {
        NetworkFault::Dropped => false,
        NetworkFault::Page { carried_out } | NetworkFault::Refused { carried_out, .. } => {
            carried_out
        }
        _ => true,
    };
    let mut answer = carried_out.then(|| run(&mut world.sim_at(host, now_ms), now_ms));
    if let NetworkFault::Refused { code, retry_after_s, .. } = fault {
        let refusal = Refusal { code, message: "refused".to_owned(), retry_after_s };
        answer = Some(world.sim(host).refuse(call, &refusal));
    }
    let back_ms = match fault {
        NetworkFault::Hangs => world.chance.between(61_000, 90_000),
        _ => world.chance.between(1, 400),
    };
    sleep(ms(back_ms)).await;
    let body = answer.as_ref().map(|answer| answer.body.to_string().into_bytes());
    let retry_after_s = answer.as_ref().and_then(|answer| answer.retry_after_s);
    let retry_after = retry_after_s.map(|s| ("retry-after", s.to_string().into_bytes()));
    let mut raw = RawAnswer {
        http_status: answer.as_ref().map_or(502, |answer| answer.http_status),
        headers: retry_after.into_iter().collect(),
        server_at_ms: Some(world.time.true_ms() / 1_000 * 1_000),
        body: body.unwrap_or_default(),
        secrets: Vec::new(),
    };
    match fault {
        NetworkFault::Dropped | NetworkFault::Lost => return,
        NetworkFault::Cut => raw.body.truncate(raw.body.len() / 2),
        NetworkFault::Page { .. } => {
            raw = RawAnswer { http_status: 502, body: b"<html>Bad gateway".to_vec(), ..raw };
        }
        NetworkFault::Nonsense => {
            raw =
                RawAnswer { http_status: 200, body: world.chance.pick(&NONSENSE).to_vec(), ..raw };
        }
        _ => {}
    }
    // The sender may have been killed.
    let _ = reply_to.send(raw);
}

/// Answers the client of a delayed request, or does not, and returns when the client gave up.
async fn give_up(world: &World, view: ClientView, mut reply_to: oneshot::Sender<RawAnswer>) {
    match view {
        ClientView::Broken => drop(reply_to),
        ClientView::Nothing => reply_to.closed().await,
        ClientView::Page => {
            let raw = RawAnswer {
                http_status: 504,
                server_at_ms: Some(world.time.true_ms() / 1_000 * 1_000),
                body: b"<html>Gateway timeout".to_vec(),
                ..RawAnswer::default()
            };
            let _unread = reply_to.send(raw);
        }
    }
}

impl Api for SimulatedApi {
    async fn identify(&self, video: &VideoRef) -> Reply<Identified> {
        self.world.check_paid_call(Endpoint::Identify);
        let (body, media, by) = (video.body(), Clips, self.account_ref.authorization());
        let run = move |sim: &mut Sim, now_ms| sim.identify(now_ms, Some(&by), &body, &media);
        match self.send(Endpoint::Identify, run).await {
            Ok(raw) => {
                let reply = raw.identified();
                if let Ok(identified) = &reply.result {
                    self.world.record_session(&identified.session_id, video);
                }
                reply
            }
            Err(no_answer) => unanswered(no_answer.why, no_answer.never_left),
        }
    }

    async fn create(&self, request: &CreateRequest) -> Reply<Created> {
        self.world.check_paid_call(Endpoint::Create);
        self.world.check_create(request);
        let (body, media, by) = (request.body().unwrap(), Clips, self.account_ref.authorization());
        let run = move |sim: &mut Sim, now_ms| sim.create(now_ms, Some(&by), &body, &media);
        match self.send(Endpoint::Create, run).await {
            Ok(raw) => raw.created(),
            Err(no_answer) => unanswered(no_answer.why, no_answer.never_left),
        }
    }

    async fn task(&self, id: &str) -> Reply<RemoteTask> {
        match self.query(id, "").await {
            Ok(raw) => raw.task(),
            Err(no_answer) => unanswered(no_answer.why, no_answer.never_left),
        }
    }

    async fn task_by_name(&self, name: &str, spelling: LookupStyle) -> Reply<RemoteTask> {
        let reply = match spelling {
            LookupStyle::Path => self.query(name, "").await,
            LookupStyle::Flag => self.query(name, "external_task_id=true").await,
            LookupStyle::Query => self.list(format!("external_task_id={name}")).await,
        };
        match reply {
            Ok(raw) => raw.task_by_name(name, spelling),
            Err(no_answer) => unanswered(no_answer.why, no_answer.never_left),
        }
    }

    async fn tasks(&self, page: u32, page_size: u32) -> Reply<Vec<RemoteTask>> {
        match self.list(format!("pageNum={page}&pageSize={page_size}")).await {
            Ok(raw) => raw.tasks(),
            Err(no_answer) => unanswered(no_answer.why, no_answer.never_left),
        }
    }

    async fn costs(&self, _: i64, _: i64) -> Reply<Vec<ResourcePack>> {
        unanswered("costs are not simulated", true)
    }

    async fn fetch(
        &self,
        url: &Url,
        from_byte: u64,
        etag: Option<&str>,
        _: Option<&str>,
    ) -> Reply<Fetched> {
        self.process.step().await;
        let now_ms = self.world.time.true_ms();
        let fault = self.world.faults.draw(Endpoint::Download, now_ms);
        sleep(ms(self.world.chance.between(1, 400))).await;
        self.process.step().await;
        let whole = match fault {
            NetworkFault::NeverLeft => return unanswered("no connection", true),
            NetworkFault::Dropped | NetworkFault::Lost | NetworkFault::Late => {
                return unanswered("connection broken", false);
            }
            NetworkFault::Refused { .. } => return refused(503),
            // A server that has not written the complete file yet: its description is cut off.
            NetworkFault::Nonsense if url.path().contains("/results/") => {
                let file = self.world.file_at(url, now_ms);
                file.map(|file| file[..file.len().min(400)].to_vec())
            }
            NetworkFault::Page { .. } | NetworkFault::Nonsense => {
                self.world.faults.expect_failure("audio");
                Some(b"<html>no video".to_vec())
            }
            _ => self.world.file_at(url, now_ms),
        };
        let Some(whole) = whole else { return refused(404) };
        let name = format!("\"{}-{}\"", url.path(), whole.len());
        let fits = etag.is_none_or(|etag| etag == name) && from_byte <= whole.len() as u64;
        let from_byte = if fits { from_byte } else { 0 };
        let mut chunks: Vec<Result<Bytes, ApiError>> = whole[from_byte as usize..]
            .chunks(CHUNK_BYTES)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect();
        if matches!(fault, NetworkFault::Cut | NetworkFault::Hangs) {
            chunks.truncate(chunks.len() / 2);
            chunks.push(Err(transport("the connection broke")));
        }
        let process = Arc::clone(&self.process);
        let body = stream::iter(chunks).then(move |chunk| {
            let process = Arc::clone(&process);
            async move {
                process.step().await;
                chunk
            }
        });
        let fetched = Fetched {
            from_byte,
            total_bytes: Some(whole.len() as u64),
            etag: Some(name),
            content_type: None,
            body: body.boxed(),
        };
        Reply { answer: status(200), result: Ok(fetched) }
    }
}

fn status(http_status: u16) -> lipsyncd::kling::ApiAnswer {
    lipsyncd::kling::ApiAnswer { http_status: Some(http_status), ..Default::default() }
}

fn refused(http_status: u16) -> Reply<Fetched> {
    let message = format!("the download was answered with HTTP {http_status}");
    Reply { answer: status(http_status), result: Err(transport(&message)) }
}

fn transport(message: &str) -> ApiError {
    ApiError {
        class: ErrorClass::Transport,
        code: None,
        message: message.to_owned(),
        request_id: None,
        retry_after_ms: None,
        never_left: false,
    }
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}
