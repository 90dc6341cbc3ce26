//! The proxy between this machine and the API, as the HTTP library finds it in the environment.

use std::fmt;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use url::Url;

use crate::loopback::is_loopback;

/// The longest line that is read from a proxy.
const LINE_BYTES_MAX: u64 = 4096;

/// A proxy. Its text has no user and no password.
pub struct Proxy(Intercept);

impl Proxy {
    /// Returns the proxy through which an API at `base_url` is called. An API on this machine is called directly.
    pub fn of(base_url: &Url) -> Option<Self> {
        let uri = base_url.as_str().parse().ok().filter(|_| !is_loopback(base_url))?;
        // The variables that the HTTP library reads, by the same code.
        Matcher::from_system().intercept(&uri).map(Self)
    }

    /// Whether lipsyncd can use such a proxy.
    pub fn is_supported(&self) -> bool {
        self.0.uri().scheme_str().is_some_and(|scheme| matches!(scheme, "http" | "https"))
    }

    /// Asks the proxy for a tunnel to the API, and returns the first line of its answer without the protocol, such as
    /// `403 Forbidden`; none if it does not answer, or if it is reached by TLS.
    pub async fn answer_to_connect(&self, base_url: &Url) -> Option<String> {
        let uri = self.0.uri();
        let host = uri.host().filter(|_| uri.scheme_str() == Some("http"))?;
        let target = format!("{}:{}", base_url.host_str()?, base_url.port_or_known_default()?);
        let address = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80));
        let mut connection = TcpStream::connect(address).await.ok()?;
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(authorization) = self.0.basic_auth() {
            request.extend(b"Proxy-Authorization: ");
            request.extend(authorization.as_bytes());
            request.extend(b"\r\n");
        }
        request.extend(b"\r\n");
        connection.write_all(&request).await.ok()?;
        let mut line = String::new();
        let mut reader = BufReader::new(tokio::io::AsyncReadExt::take(connection, LINE_BYTES_MAX));
        reader.read_line(&mut line).await.ok()?;
        let (protocol, answer) = line.trim().split_once(' ')?;
        protocol.starts_with("HTTP/").then(|| answer.to_owned())
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.uri().to_string().trim_end_matches('/'))
    }
}
