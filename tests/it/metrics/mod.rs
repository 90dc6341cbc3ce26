//! What Prometheus reads from the real daemon over real HTTP.

mod pages;
mod serving;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::support::daemon::TestEnv;

/// Any free port.
const ANY_PORT: &str = "metrics: { listen: 127.0.0.1:0 }\n";

/// The address at which the last started daemon of `test_env` serves its metrics.
fn address(test_env: &TestEnv) -> String {
    let begins = |log: &str| log.matches("metrics at http://").count();
    test_env.until("the daemon to serve metrics", |test_env| begins(&test_env.log()) > 0);
    let log = test_env.log();
    let (_, after) = log.rsplit_once("metrics at http://").unwrap();
    after.split('/').next().unwrap().to_owned()
}

/// An answer over HTTP.
struct HttpAnswer {
    status: u16,
    head: String,
    body: String,
}

fn ask(address: &str, method: &str, path: &str) -> HttpAnswer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    HttpAnswer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// The metrics of one scrape.
struct Scrape {
    samples: BTreeMap<String, f64>,
    /// By name, with the type.
    families: BTreeMap<String, String>,
}

impl Scrape {
    fn of(test_env: &TestEnv) -> Self {
        let answer = ask(&address(test_env), "GET", "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let samples = answer.body.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        let families = answer.body.lines().filter_map(|line| {
            let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
            // OpenMetrics names a counter without the `_total` of its sample.
            let ending = if kind == "counter" { "_total" } else { "" };
            Some((format!("{name}{ending}"), kind.to_owned()))
        });
        Self { samples: samples.collect(), families: families.collect() }
    }

    /// The value of a metric with its labels, as in the text.
    #[track_caller]
    fn value(&self, name: &str) -> f64 {
        *self.samples.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.samples))
    }

    /// The sum of all series whose text begins so.
    fn sum(&self, begin: &str) -> f64 {
        self.samples.iter().filter(|(name, _)| name.starts_with(begin)).map(|(_, n)| n).sum()
    }

    /// Every name that a query may use.
    fn names(&self) -> BTreeSet<String> {
        let names = self.families.iter().flat_map(|(name, kind)| match kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}")).into(),
            _ => vec![name.clone()],
        });
        names.collect()
    }
}

/// Waits until the metrics meet a condition.
fn until(test_env: &TestEnv, what: &str, condition: impl Fn(&Scrape) -> bool) {
    test_env.until(what, |test_env| condition(&Scrape::of(test_env)));
}
