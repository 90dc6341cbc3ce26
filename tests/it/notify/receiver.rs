//! A receiver of webhooks: answers as its mode says, and keeps what arrived.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::Value;

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Status(u16),
    /// To another host, at this port.
    Redirect(u16),
    /// Refuses, and repeats the path in the text, as many web servers do.
    Repeat(u16),
    /// Reads the request and never answers.
    Hang,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Received {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn event(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<(Mode, Vec<Received>)>>,
}

impl Receiver {
    pub fn start(mode: Mode) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), mode)
    }

    /// Starts at an address that was free a moment ago.
    pub fn start_at(address: SocketAddr, mode: Mode) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new((mode, Vec::new())));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that was killed is none of the test's business.
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?token=secret-token", self.address)
    }

    pub fn set(&self, mode: Mode) {
        self.state.lock().unwrap().0 = mode;
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().1.clone()
    }

    pub fn events(&self) -> Vec<String> {
        self.received().iter().map(Received::event).collect()
    }
}

/// Reads one request and answers it.
fn serve(stream: TcpStream, state: &Mutex<(Mode, Vec<Received>)>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let mode = {
        let mut state = state.lock().unwrap();
        state.1.push(Received { headers, body });
        state.0
    };
    let mut text = "what".to_owned();
    let answer = match mode {
        Mode::Repeat(status) => {
            text = format!("Cannot POST {target} ({})", target.replace('/', "\\/"));
            format!("{status} Status\r\n")
        }
        Mode::Status(status) => format!("{status} Status\r\n"),
        Mode::Redirect(port) => {
            format!("307 Elsewhere\r\nlocation: http://localhost:{port}/elsewhere\r\n")
        }
        Mode::Hang => {
            thread::sleep(Duration::from_secs(600));
            return None;
        }
    };
    let mut stream = stream;
    let length = text.len();
    let head = format!("HTTP/1.1 {answer}content-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all((head + &text).as_bytes()).ok()
}
