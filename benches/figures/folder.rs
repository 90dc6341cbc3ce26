//! A folder with many manifests that do not change.

use crate::{
    figure::{Figure, Goal, number},
    test_env::{TestEnv, account},
};

/// The log line of each scan.
const SCANNED: &str = "scanned the folder in ";
/// How many scans are measured. The median counts.
const SCANS: usize = 7;

/// Measures how long a scan of unchanged manifests takes, in ms.
pub fn rescan_ms(manifests: usize) -> f64 {
    let mut test_env =
        TestEnv::new(account(1, (3_600_000, 3_600_000)), "watch: { rescan_interval: 1s }\n");
    test_env.drop_manifests("many", manifests, 1);
    test_env.age_manifests();
    test_env.start(&["run"]);
    test_env.until("the folder", |test_env| test_env.log().contains("the folder has been read"));
    let scans = |test_env: &TestEnv| -> Vec<f64> {
        let log = test_env.log();
        let read = log.split_once("the folder has been read").map_or("", |(_, read)| read);
        let lines = read.lines().filter_map(|line| line.split_once(SCANNED));
        lines.map(|(_, took)| took.split(' ').next().unwrap().parse().unwrap()).collect()
    };
    test_env.until("scans", |test_env| scans(test_env).len() >= SCANS);
    let mut took_ms = scans(&test_env);
    took_ms.sort_unstable_by(f64::total_cmp);
    took_ms[took_ms.len() / 2]
}

/// Returns the line of the table.
pub fn figure(manifests: usize, rescan_ms: f64) -> Figure {
    let what = format!("rescan of {} unchanged manifests", number(manifests as f64));
    Figure::new(what, rescan_ms, "ms", Goal::AtMost(500.0))
}
