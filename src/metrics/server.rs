//! The server behind `metrics.listen`: one page, few connections, each of them short.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::{page, recorder::Metrics};
use crate::http_server::{self, MovableServer, ServerLimits};

const LIMITS: ServerLimits = ServerLimits {
    name: "metrics",
    connections: 8,
    connection: Duration::from_secs(10),
    head: Duration::from_secs(2),
    stalled: Duration::from_secs(5),
    keep_alive: false,
};

const INDEX: &str = "lipsyncd: the metrics are at /metrics\n";

/// The configured address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "metrics.listen: cannot listen on {listen}: {source}; stop the program that listens there, or set another \
     address of this machine (`null` serves no metrics)"
)]
pub struct ListenError {
    listen: SocketAddr,
    source: io::Error,
}

/// Serves metrics until it is dropped; open connections end with it.
pub struct Server {
    metrics: Metrics,
    serving: MovableServer,
}

impl Server {
    /// Serves `metrics` at `listen`, if that is set.
    pub async fn start(metrics: &Metrics, listen: Option<SocketAddr>) -> Result<Self, ListenError> {
        let server = Self { metrics: metrics.clone(), serving: MovableServer::default() };
        server.move_to(listen).await?;
        Ok(server)
    }

    /// Serves at `listen` from now on, and nowhere else. The same address is served without a break.
    /// After a failure, the earlier address is served again.
    pub async fn move_to(&self, listen: Option<SocketAddr>) -> Result<(), ListenError> {
        let open =
            async |listen| Ok(tokio::spawn(serve(bind(listen).await?, self.metrics.clone())));
        self.serving.move_to(listen, open).await
    }
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, ListenError> {
    let failed = |source| ListenError { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let at = listener.local_addr().map_err(failed)?;
    info!("metrics at http://{at}/metrics");
    if !at.ip().is_loopback() {
        warn!(
            "metrics.listen: everybody who reaches {at} can read the metrics; there is no password"
        );
    }
    Ok(listener)
}

async fn serve(listener: TcpListener, metrics: Metrics) -> Infallible {
    let answer = move |request| {
        let metrics = metrics.clone();
        async move { respond(&request, &metrics).await }
    };
    http_server::serve(listener, LIMITS, answer).await
}

async fn respond(
    request: &Request<Incoming>,
    metrics: &Metrics,
) -> Result<Response<String>, hyper::http::Error> {
    let plain = |status: StatusCode, text: &str| {
        Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(text.to_owned())
    };
    if request.method() != Method::GET {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is supported\n")?;
        refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET"));
        return Ok(refused);
    }
    match request.uri().path() {
        "/metrics" => match metrics.render(now_ms()).await {
            Ok(text) => {
                Response::builder().header(header::CONTENT_TYPE, page::CONTENT_TYPE).body(text)
            }
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered\n"),
        },
        "/" => plain(StatusCode::OK, INDEX),
        _ => plain(StatusCode::NOT_FOUND, INDEX),
    }
}

/// The wall clock, Unix ms.
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
