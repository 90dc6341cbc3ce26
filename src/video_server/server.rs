//! The listener of `media.serve`.

use std::{
    collections::HashMap,
    convert::Infallible,
    fs::File,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Body;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};
use tracing::{info, warn};

use super::links::{PROBE, PROBE_OBJECT, VideoLinks};
use crate::{
    http_server::{self, ServerLimits},
    media::{FileStamp, Located, Locator, object_name, object_type, sha256_of},
    offload::Offload,
    store::{Store, TaskVideo},
};

/// Connections served at once; more wait in the system's queue. Those who send nothing must not keep Kling out.
pub const CONNECTIONS_MAX: usize = 256;
const LIMITS: ServerLimits = ServerLimits {
    name: "media.serve",
    connections: CONNECTIONS_MAX,
    // A video of 100 MB at 1 Mbit/s.
    connection: Duration::from_mins(15),
    head: Duration::from_secs(5),
    stalled: Duration::from_mins(1),
    keep_alive: true,
};
/// How often an address is tried.
const BIND_TRIES: u32 = 20;
const BIND_AGAIN: Duration = Duration::from_millis(100);
/// No more contents are remembered.
const KNOWN_MAX: usize = 1_000;

/// The configured address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "media.serve.listen: cannot listen on {listen}: {source}; stop the program that listens there, or set another address \
     of this machine"
)]
pub struct ServeError {
    listen: SocketAddr,
    source: io::Error,
}

/// What is served.
#[expect(missing_docs, reason = "the names say it")]
pub struct ServedVideos {
    pub links: VideoLinks,
    pub store: Store,
    pub locator: Locator,
    pub offload: Offload,
    /// The wall clock, as Unix time.
    pub now_ms: fn() -> i64,
    /// The stamps of files whose content was read, by their hash.
    pub known: Mutex<HashMap<String, FileStamp>>,
}

/// Serves videos until it is dropped; open connections end with it.
#[derive(Debug)]
pub struct VideoServer(JoinHandle<Infallible>);

impl VideoServer {
    /// Serves videos at `listen`. `is_reload`: an address that cannot be used does not end the daemon; it is tried again.
    ///
    /// # Errors
    /// The address is in use, or is none of this machine.
    pub async fn start(
        listen: SocketAddr,
        videos: ServedVideos,
        is_reload: bool,
    ) -> Result<Self, ServeError> {
        let videos = Arc::new(videos);
        let listener = match bind(listen).await {
            Ok(listener) => listener,
            Err(error) if is_reload => {
                warn!("{error}");
                let problem = Some(error.to_string());
                return Ok(Self(tokio::spawn(serve_once_free(listen, videos, problem))));
            }
            Err(error) => return Err(error),
        };
        info!("local videos are served at http://{listen}/m/");
        Ok(Self(tokio::spawn(serve(listener, videos))))
    }
}

async fn serve_once_free(
    listen: SocketAddr,
    videos: Arc<ServedVideos>,
    problem: Option<String>,
) -> Infallible {
    // Only for `status`: a database that cannot be written has a message of its own.
    let _unwritten = videos.store.set_video_server_problem(problem).await;
    loop {
        if let Ok(listener) = bind(listen).await {
            let _unwritten = videos.store.set_video_server_problem(None).await;
            info!("local videos are served at http://{listen}/m/");
            return serve(listener, videos).await;
        }
    }
}

/// Tries an address for some time: after a reload, the earlier listener may be open for a moment.
async fn bind(listen: SocketAddr) -> Result<TcpListener, ServeError> {
    for _ in 1..BIND_TRIES {
        match TcpListener::bind(listen).await {
            Ok(listener) => return Ok(listener),
            Err(_) => sleep(BIND_AGAIN).await,
        }
    }
    TcpListener::bind(listen).await.map_err(|source| ServeError { listen, source })
}

impl Drop for VideoServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(listener: TcpListener, videos: Arc<ServedVideos>) -> Infallible {
    let answer = move |request| {
        let videos = Arc::clone(&videos);
        async move { Ok::<_, Infallible>(videos.respond(request).await) }
    };
    http_server::serve(listener, LIMITS, answer).await
}

impl ServedVideos {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED);
        }
        let parts: Vec<&str> = request.uri().path().split('/').collect();
        // A reverse proxy may leave its own path in front.
        let [.., "m", expiry, mac, object] = parts[..] else { return plain(StatusCode::NOT_FOUND) };
        if !self.links.allows(expiry, mac, object, (self.now_ms)()) {
            return plain(StatusCode::NOT_FOUND);
        }
        if object == PROBE_OBJECT {
            return Response::new(Body::from(PROBE));
        }
        self.links.set_asked(object);
        let content_type = object_type(object);
        let object = object.to_owned();
        let Some(file) = self.find(object).await else { return plain(StatusCode::NOT_FOUND) };
        let sent = http_server::send_file(&file, content_type, request).await;
        sent.unwrap_or_else(|| plain(StatusCode::NOT_FOUND))
    }

    /// Opens the file that has the content of an object.
    async fn find(&self, object: String) -> Option<File> {
        let sha256 = object.split('.').next()?.to_owned();
        let named = self.store.local_videos(&sha256).await.ok()?;
        let (locator, hash) = (self.locator.clone(), sha256.clone());
        let known = self.known().get(&sha256).copied();
        let found = self.offload.run(move || {
            let located = |video: &TaskVideo| {
                let TaskVideo { folder, name, file_stamp } = video;
                let located = locator.locate(&locator.jobs_dir.join(folder), name).ok()?;
                // A file that is as it was measured is not read twice.
                let is_measured = *file_stamp == Some(located.stamp.to_string());
                (object_name(name, &hash) == object).then_some((located, is_measured))
            };
            let has_content = |(located, is_measured): &(Located, bool)| {
                *is_measured
                    || known == Some(located.stamp)
                    || sha256_of(located).is_ok_and(|found| found == hash)
            };
            let (located, _) = named.iter().filter_map(located).find(has_content)?;
            // Fails if it changed since.
            Some((located.open().ok()?, located.stamp))
        });
        let (file, stamp) = found.await.ok()??;
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(sha256, stamp);
        Some(file)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, FileStamp>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    // Those without a valid link must not keep connections open: they would keep Kling out.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
