//! A folder of very many manifests that stay as they are.

use crate::{
    figure::{Figure, Goal, number},
    test_env::{TestEnv, account},
};

/// What the log says of each look.
const LOOKED: &str = "looked through the folder in ";
/// So many looks are taken; the median counts.
const LOOKS: usize = 7;

/// How long a look at so many manifests of one job takes that have not changed, in ms.
pub fn rescan_ms(manifests: usize) -> f64 {
    let mut test_env =
        TestEnv::new(account(1, (3_600_000, 3_600_000)), "watch: { rescan_interval: 1s }\n");
    test_env.drop_manifests("many", manifests, 1);
    test_env.age_manifests();
    test_env.start(&["run"]);
    test_env.until("the folder", |test_env| test_env.log().contains("the folder has been read"));
    let looked = |test_env: &TestEnv| -> Vec<f64> {
        let log = test_env.log();
        let read = log.split_once("the folder has been read").map_or("", |(_, read)| read);
        let looks = read.lines().filter_map(|line| line.split_once(LOOKED));
        looks.map(|(_, took)| took.split(' ').next().unwrap().parse().unwrap()).collect()
    };
    test_env.until("looks", |test_env| looked(test_env).len() >= LOOKS);
    let mut took_ms = looked(&test_env);
    took_ms.sort_unstable_by(f64::total_cmp);
    took_ms[took_ms.len() / 2]
}

/// The line of the table.
pub fn figure(manifests: usize, rescan_ms: f64) -> Figure {
    let what = format!("rescan of {} unchanged manifests", number(manifests as f64));
    Figure::new(what, rescan_ms, "ms", Goal::AtMost(500.0))
}
