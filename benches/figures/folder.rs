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

/// Measures `manifests` manifests, `runs` times.
pub fn measure(manifests: usize, runs: usize) -> Vec<Figure> {
    let mut folder = Folder::default();
    (0..runs).for_each(|_| folder.measure(manifests));
    folder.figures(&number(manifests as f64))
}

/// The costs of so many manifests.
#[derive(Default)]
struct Folder {
    accepted_per_second: Samples,
    memory_mb: Samples,
    /// Of scans that find nothing new.
    rescan_ms: Samples,
}

impl Folder {
    /// Measures from the start of the program, with manifests that have settled.
    fn measure(&mut self, manifests: usize) {
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
        self.accepted_per_second.add(manifests as f64 / took.as_secs_f64());
        self.memory_mb.add(test_env.memory_peak_mb());
        self.rescan_ms.extend(rescans_ms(&test_env.log()));
    }

    /// Returns the lines of the table.
    fn figures(self, manifests: &str) -> Vec<Figure> {
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
                self.rescan_ms,
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
