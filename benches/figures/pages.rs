//! The web page beside a long history: how long each page takes, and the memory of the daemon while browsers watch.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    figure::{Figure, Goal},
    test_env::TestEnv,
};

/// How often each page is read. The median counts.
const TIMES: usize = 9;
/// Browsers that watch at the same time.
const BROWSERS: usize = 20;
const TIMEOUT: Duration = Duration::from_secs(60);
/// One of the jobs that `TestEnv::drop_jobs` makes.
const JOB: &str = "/job?key=batch%2F0%2Fm0%2Fj0";
const PAGES: [&str; 9] = [
    "/",
    "/jobs",
    "/jobs?state=succeeded",
    "/jobs?manifest=batch/0/m0.yaml",
    "/jobs?sort=key",
    "/manifests",
    "/failures",
    "/spend",
    JOB,
];

/// The costs of the web page.
#[derive(Debug)]
pub struct Pages {
    /// The median of the page that takes longest, and that page.
    pub slowest: (f64, &'static str),
    pub memory_mb: f64,
}

impl Pages {
    /// Starts a daemon that serves the page, and stops it again.
    pub fn measure(test_env: &mut TestEnv) -> Self {
        let log = test_env.log().len();
        test_env.configure("web: { listen: \"127.0.0.1:0\" }");
        test_env.start(&["run"]);
        let address = |test_env: &TestEnv| {
            let log = &test_env.log()[log..];
            let (_, rest) = log.split_once("web page at http://")?;
            Some(rest.split_once('/')?.0.to_owned())
        };
        test_env.until("the web page", |test_env| address(test_env).is_some());
        test_env.until("the folder", |test_env| {
            test_env.log()[log..].contains("the folder has been read")
        });
        let address = address(test_env).unwrap();
        let times = PAGES.map(|page| (median_ms(&address, page), page));
        eprintln!("pages: {times:?}");
        let slowest = times.into_iter().max_by(|one, two| one.0.total_cmp(&two.0)).unwrap();
        let watching: Vec<_> = (0..BROWSERS)
            .map(|browser| {
                read(&address, PAGES[browser % PAGES.len()]);
                watch(&address)
            })
            .collect();
        let memory_mb = test_env.memory_peak_mb();
        drop(watching);
        test_env.kill();
        Self { slowest, memory_mb }
    }

    /// The lines of the table.
    pub fn figures(&self, jobs: &str) -> Vec<Figure> {
        let (ms, page) = self.slowest;
        vec![
            Figure::new(
                format!("slowest page of the web page (`{page}`), {jobs} finished"),
                ms,
                "ms",
                Goal::AtMost(100.0),
            ),
            Figure::new(
                format!("peak memory with {BROWSERS} open pages, {jobs} finished"),
                self.memory_mb,
                "MB",
                Goal::AtMost(60.0),
            ),
        ]
    }
}

fn median_ms(address: &str, page: &str) -> f64 {
    let mut took: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            read(address, page);
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[TIMES / 2].as_secs_f64() * 1e3
}

/// Reads a page to its end.
fn read(address: &str, page: &str) {
    let mut stream = ask(address, page, "close");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{page}: {answer}");
}

/// Opens the stream of live updates, and waits for its first bytes.
fn watch(address: &str) -> TcpStream {
    let mut stream = ask(address, "/events", "keep-alive");
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

fn ask(address: &str, page: &str, connection: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let request =
        format!("GET {page} HTTP/1.1\r\nHost: {address}\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}
