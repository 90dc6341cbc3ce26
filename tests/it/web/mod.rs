//! The web page of the real daemon, asked over raw sockets: what browsers and attackers send.

mod actions;
mod attacks;
mod demo;
mod media;
mod password;
mod serving;
mod verdicts;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::support::daemon::TestEnv;

/// Any free port.
pub(crate) const ANY_PORT: &str = "web: { listen: 127.0.0.1:0 }\n";

/// The address at which the last started daemon of `test_env` serves its page.
pub(crate) fn address(test_env: &TestEnv) -> String {
    let begins = |log: &str| log.matches("web page at http://").count();
    test_env.until("the daemon to serve the page", |test_env| begins(&test_env.log()) > 0);
    let log = test_env.log();
    let (_, after) = log.rsplit_once("web page at http://").unwrap();
    after.split('/').next().unwrap().to_owned()
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl HttpAnswer {
    /// The value of a header; its name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find_map(|line| {
            line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name))
        });
        line.map(|(_, value)| value)
    }
}

/// Sends these bytes, and reads the answer until the server closes.
pub(crate) fn send(address: &str, request: &[u8]) -> HttpAnswer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // A server that refuses a head may close before it has read all.
    let _unsent = stream.write_all(request);
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    HttpAnswer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Asks for a path with these header lines besides Host.
pub(crate) fn ask(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> HttpAnswer {
    ask_as(address, address, (method, path, ""), headers)
}

/// Sends a form as a page of the site does.
pub(crate) fn post(address: &str, path: &str, form: &str) -> HttpAnswer {
    ask_as(address, address, ("POST", path, form), &[("sec-fetch-site", "same-origin")])
}

/// The same under this name of the host. `line` is method, path and body.
pub(crate) fn ask_as(
    address: &str,
    host: &str,
    (method, path, body): (&str, &str, &str),
    headers: &[(&str, &str)],
) -> HttpAnswer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if method != "GET" && method != "HEAD" {
        request += &format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        );
    }
    send(address, format!("{request}\r\n{body}").as_bytes())
}
