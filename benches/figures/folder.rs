//! A folder with many manifests of one job each.

use std::time::Instant;

use crate::{
    figure::{Figure, Goal, number},
    samples::Samples,
    test_env::{TestEnv, account},
};

/// The log line of each scan.
const SCANNED: &str = "scanned the folder in ";
/// How many scans are measured.
const SCANS: usize = 7;

/// Measures so many manifests.
pub fn measure(manifests: usize) -> Vec<Figure> {
    Folder::measure(manifests).figures()
}

/// The costs of so many manifests.
struct Folder {
    manifests: usize,
    accepted_per_second: f64,
    memory_mb: f64,
    /// Of scans that find nothing new.
    rescan_ms: Samples,
}

impl Folder {
    /// Measures from the start of the program, with manifests that have settled.
    fn measure(manifests: usize) -> Self {
        let mut test_env =
            TestEnv::new(account(1, (3_600_000, 3_600_000)), "watch: { rescan_interval: 1s }\n");
        test_env.drop_manifests("many", manifests, 1);
        test_env.age_manifests();
        let began = Instant::now();
        test_env.start(&["run"]);
        test_env.until_accepted(manifests);
        let took = began.elapsed();
        test_env.until_scanned(0);
        test_env.until("scans", |test_env| rescans_ms(&test_env.log()).count() >= SCANS);
        Self {
            manifests,
            accepted_per_second: manifests as f64 / took.as_secs_f64(),
            memory_mb: test_env.memory_peak_mb(),
            rescan_ms: rescans_ms(&test_env.log()).collect(),
        }
    }

    /// Returns the lines of the table.
    fn figures(&self) -> Vec<Figure> {
        let manifests = number(self.manifests as f64);
        vec![
            Figure::new(
                format!("accepting {manifests} manifests of one job each"),
                self.accepted_per_second,
                "jobs/s",
                Goal::AtLeast(5_000.0),
            ),
            Figure::new(
                format!("peak memory, {manifests} manifests"),
                self.memory_mb,
                "MB",
                Goal::AtMost(60.0),
            ),
            Figure::new(
                format!("rescan of {manifests} unchanged manifests"),
                self.rescan_ms.clone(),
                "ms",
                Goal::AtMost(250.0),
            ),
        ]
    }
}

/// Returns the times of all scans after the first.
fn rescans_ms(log: &str) -> impl Iterator<Item = f64> {
    let read = log.split_once("the folder has been read").map_or("", |(_, read)| read);
    let times = read.lines().filter_map(|line| line.split_once(SCANNED));
    times.map(|(_, took)| took.split(' ').next().unwrap().parse().unwrap())
}
