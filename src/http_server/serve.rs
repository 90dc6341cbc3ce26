//! Serves HTTP/1 connections of one listener, within limits.

use std::{convert::Infallible, error::Error, net::IpAddr, time::Duration};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::debug;

use super::stall::Stalling;

/// Size limit of the request head.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Pause after a failed accept, for example because no file descriptor is free.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Who sends a request: an extension of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The limits of a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    /// The listener, in the log.
    pub(crate) name: &'static str,
    /// Connections served at once; more wait in the system's queue.
    pub(crate) connections: usize,
    /// Time limit of a connection.
    pub(crate) connection: Duration,
    /// Time limit for reading the request head.
    pub(crate) head: Duration,
    /// How long an answer waits for a client that does not read.
    pub(crate) stalled: Duration,
    /// Whether a connection takes another request after an answer.
    pub(crate) keep_alive: bool,
}

/// Serves connections until it is dropped; open connections end with it.
pub(crate) async fn serve<A, F, B, E>(
    listener: TcpListener,
    limits: ServerLimits,
    answer: A,
) -> Infallible
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= limits.connections {
            connections.join_next().await;
        }
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let answer = answer.clone();
                    let answer = move |mut request: Request<Incoming>| {
                        request.extensions_mut().insert(Peer(peer.ip()));
                        answer(request)
                    };
                    let served = serve_connection(stream, limits, answer);
                    connections.spawn(timeout(limits.connection, served));
                }
                Err(error) => {
                    debug!("{}: cannot accept a connection: {error}", limits.name);
                    sleep(AFTER_FAILURE).await;
                }
            },
        }
    }
}

async fn serve_connection<A, F, B, E>(stream: TcpStream, limits: ServerLimits, answer: A)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .keep_alive(limits.keep_alive)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Stalling::new(stream, limits.stalled)), service_fn(answer))
        .await;
    if let Err(error) = served {
        debug!("{}: {error}", limits.name);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    #[tokio::test]
    async fn a_client_that_never_reads_keeps_nobody_out() {
        let limits = ServerLimits {
            name: "test",
            connections: 1,
            connection: Duration::from_mins(15),
            head: Duration::from_secs(5),
            stalled: Duration::from_millis(200),
            keep_alive: true,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // More than the buffers of the system take.
        let answer = async |_| Ok::<_, Infallible>(Response::new("x".repeat(16 << 20)));
        let answer = move |request| Box::pin(answer(request));
        let server = tokio::spawn(serve(listener, limits, answer));
        let mut never_reads = TcpStream::connect(address).await.unwrap();
        never_reads.write_all(ASK).await.unwrap();
        sleep(Duration::from_millis(50)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(ASK).await.unwrap();
        let mut head = [0; 12];
        let read = timeout(Duration::from_secs(30), client.read_exact(&mut head)).await;
        read.expect("an answer in time").unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        server.abort();
    }
}
