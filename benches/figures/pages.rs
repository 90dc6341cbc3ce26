//! The web page beside a long history: how long each page takes, and the memory of the daemon while browsers watch.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    figure::{Figure, Goal, number},
    history::finish_all,
    test_env::{TestEnv, account},
};

const SLOTS: usize = 5;
/// Tasks that do not end by themselves.
const TASK_MS: i64 = 3_600_000;
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

/// The costs of the web page beside so many finished jobs.
#[derive(Debug)]
struct Pages {
    jobs: usize,
    /// The medians in the order of [`PAGES`].
    took_ms: [f64; PAGES.len()],
    memory_mb: f64,
}

/// Measures all sizes. Returns lines for the table of figures, and a table of its own.
pub fn measure(sizes: &[usize]) -> (Vec<Figure>, String) {
    let measured: Vec<Pages> = sizes.iter().map(|jobs| Pages::measure(*jobs)).collect();
    let figures = measured.iter().flat_map(Pages::figures).collect();
    let row = |what: &str, of: &dyn Fn(&Pages) -> f64| {
        let cells = measured.iter().map(|pages| number(of(pages))).collect::<Vec<_>>().join(" | ");
        format!("| {what} | {cells} |\n")
    };
    let mut table = row("jobs, finished", &|pages| pages.jobs as f64);
    table += &format!("|{}\n", " --- |".repeat(sizes.len() + 1));
    for (at, page) in PAGES.into_iter().enumerate() {
        table += &row(&format!("`{page}`, ms"), &|pages| pages.took_ms[at]);
    }
    table += &row(&format!("peak memory, {BROWSERS} open pages, MB"), &|pages| pages.memory_mb);
    (figures, table)
}

impl Pages {
    fn measure(jobs: usize) -> Self {
        let mut test_env = TestEnv::new(account(SLOTS, (TASK_MS, TASK_MS)), "");
        test_env.drop_jobs(jobs);
        test_env.age_manifests();
        test_env.start(&["run"]);
        test_env
            .until("the folder", |test_env| test_env.log().contains("the folder has been read"));
        test_env.until_accepted(jobs);
        test_env.kill();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(finish_all(&test_env));
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
        let address = address(&test_env).unwrap();
        let took_ms = PAGES.map(|page| median_ms(&address, page));
        let watching: Vec<_> = (0..BROWSERS)
            .map(|browser| {
                read(&address, PAGES[browser % PAGES.len()]);
                watch(&address)
            })
            .collect();
        let memory_mb = test_env.memory_peak_mb();
        drop(watching);
        let pages = Self { jobs, took_ms, memory_mb };
        // Shows progress: this takes long.
        eprintln!("{pages:?}");
        pages
    }

    fn figures(&self) -> Vec<Figure> {
        let (slowest_ms, page) =
            self.took_ms.into_iter().zip(PAGES).max_by(|one, two| one.0.total_cmp(&two.0)).unwrap();
        let jobs = number(self.jobs as f64);
        let memory = format!("peak memory, {BROWSERS} open pages, {jobs} jobs finished");
        vec![
            Figure::new(
                format!("slowest page (`{page}`), {jobs} jobs finished"),
                slowest_ms,
                "ms",
                Goal::AtMost(100.0),
            ),
            Figure::new(memory, self.memory_mb, "MB", Goal::AtMost(60.0)),
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
