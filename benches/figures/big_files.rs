//! Big files: results of 50 MB against curl, and the content hashes of local videos.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use lipsyncd::sim::SimConfig;

use crate::{
    baselines,
    figure::{Figure, Goal},
    manifests::{files_under, local_videos},
    samples::each,
    test_env::{TestEnv, account},
};

const RESULT_BYTES: u64 = 50_000_000;
const SETTINGS: &str = "
limits: { concurrency: 256, identify_per_second: 100000, create_per_second: 100000, query_per_second: 100000 }
poll: { min_interval: 100ms }
download: { concurrency: 4 }
";
/// Local videos that are hashed, and how many jobs use each.
const VIDEOS: usize = 40;
const JOBS_A_VIDEO: usize = 5;

/// Measures this often how long so many results take, and how fast some of them are hashed as local videos.
pub fn measure(results: usize, rounds: usize) -> Vec<Figure> {
    let mut runs = Vec::new();
    let mut hashing = Vec::new();
    for _ in 0..rounds {
        let mut test_env = TestEnv::new(
            SimConfig { min_result_bytes: RESULT_BYTES, ..account(256, (0, 0)) },
            SETTINGS,
        );
        test_env.drop_manifests("batch", 1, results);
        test_env.age_manifests();
        sync();
        let lipsyncd = test_env.run_once();
        hashing.push(Hashing::measure(&test_env));
        for folder in ["output", "jobs"] {
            fs::remove_dir_all(test_env.path(folder)).unwrap();
        }
        sync();
        runs.extend(baselines::curl(&test_env).map(|curl| (lipsyncd, curl)));
    }
    let mb = results as f64 * RESULT_BYTES as f64 / 1e6;
    let mb_per_second = |took: Duration| mb / took.as_secs_f64();
    vec![
        Figure::ratio(
            format!("{results} results of 50 MB at 4 downloads against curl and a sync"),
            each(&runs, |(lipsyncd, curl)| curl.synced.as_secs_f64() / lipsyncd.took.as_secs_f64()),
            Goal::AtLeast(0.8),
        ),
        Figure::baseline(
            "curl and a sync",
            each(&runs, |(_, curl)| mb_per_second(curl.synced)),
            "MB/s",
        ),
        Figure::baseline(
            "curl alone, to memory",
            each(&runs, |(_, curl)| mb_per_second(curl.alone)),
            "MB/s",
        ),
        Figure::new(
            "hashing local videos, per second of CPU time",
            each(&hashing, |hashing| hashing.mb_per_cpu_second),
            "MB",
            Goal::AtLeast(1_000.0),
        ),
        Figure::new(
            "hashing local videos, per second",
            each(&hashing, |hashing| hashing.mb_per_second),
            "MB",
            Goal::AtLeast(1_000.0),
        ),
    ]
}

/// Taking in jobs with local videos, of which several jobs use each.
struct Hashing {
    mb_per_cpu_second: f64,
    mb_per_second: f64,
}

impl Hashing {
    /// The videos are results of `made`.
    fn measure(made: &TestEnv) -> Self {
        let output = made.path("output");
        let mut videos = files_under(&output);
        videos.retain(|path| path.extension().is_some_and(|it| it == "mp4"));
        videos.truncate(VIDEOS);
        let mb = videos.len() as f64 * RESULT_BYTES as f64 / 1e6;
        let settings = format!(
            "media: {{ dirs: [\"{}\"], public_base_url: \"https://cdn.example.com\" }}\n",
            output.display()
        );
        let mut test_env = TestEnv::new(account(1, (0, 0)), &settings);
        made.age("output");
        let names = videos.iter().map(|path| path.strip_prefix(&output).unwrap());
        fs::write(test_env.path("jobs/videos.yaml"), local_videos(names, JOBS_A_VIDEO)).unwrap();
        test_env.age_manifests();
        let began = Instant::now();
        test_env.start(&["run"]);
        test_env.until_accepted(videos.len() * JOBS_A_VIDEO);
        let (took, cpu) = (began.elapsed(), test_env.cpu_time());
        Self { mb_per_cpu_second: mb / cpu.as_secs_f64(), mb_per_second: mb / took.as_secs_f64() }
    }
}

/// Writes to the disk what others left to be written.
fn sync() {
    assert!(Command::new("sync").status().unwrap().success());
}
