//! The web page beside a long history: how long each page takes, and the memory of the daemon while browsers watch.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    figure::{Figure, Goal},
    samples::{Samples, repeat},
    test_env::TestEnv,
};

/// How often each page is read.
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

/// The costs of the web page beside so many finished jobs.
pub struct Pages {
    /// In the order of [`PAGES`].
    took_ms: Vec<Samples>,
    memory_mb: f64,
}

impl Pages {
    /// `test_env` has a database of finished jobs, and a daemon.
    pub fn measure(test_env: &mut TestEnv) -> Self {
        test_env.kill();
        let log = test_env.log().len();
        test_env.configure("web: { listen: \"127.0.0.1:0\" }");
        test_env.start(&["run"]);
        let address = |test_env: &TestEnv| {
            let log = &test_env.log()[log..];
            let (_, rest) = log.split_once("web page at http://")?;
            Some(rest.split_once('/')?.0.to_owned())
        };
        test_env.until("the web page", |test_env| address(test_env).is_some());
        test_env.until_scanned(log);
        let address = address(test_env).unwrap();
        let took_ms = PAGES.iter().map(|page| page_ms(&address, page)).collect();
        let watching = repeat(BROWSERS, || watch(&address));
        PAGES.iter().for_each(|page| read(&address, page));
        let memory_mb = test_env.memory_peak_mb();
        drop(watching);
        Self { took_ms, memory_mb }
    }

    /// Returns the lines of the table.
    pub fn figures(&self, jobs: &str) -> [Figure; 2] {
        let (took_ms, page) = self.slowest();
        [
            Figure::new(
                format!("slowest page (`{page}`), {jobs} jobs finished"),
                took_ms.clone(),
                "ms",
                Goal::AtMost(100.0),
            ),
            Figure::new(
                format!("peak memory, {BROWSERS} open pages, {jobs} jobs finished"),
                self.memory_mb,
                "MB",
                Goal::AtMost(60.0),
            ),
        ]
    }

    pub fn slowest(&self) -> (&Samples, &str) {
        let pages = self.took_ms.iter().zip(PAGES);
        pages.max_by(|one, two| one.0.median().partial_cmp(&two.0.median()).unwrap()).unwrap()
    }
}

fn page_ms(address: &str, page: &str) -> Samples {
    let took = repeat(TIMES, || {
        let began = Instant::now();
        read(address, page);
        began.elapsed().as_secs_f64() * 1e3
    });
    took.into_iter().collect()
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
