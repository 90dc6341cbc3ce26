//! What a job costs beside its task: tasks end at once, and all the rest is ours. Baselines run in turn with it.

use lipsyncd::sim::SimConfig;

use crate::{
    baselines,
    figure::{Figure, Goal},
    process::Run,
    samples::{Samples, each, repeat},
    test_env::{TestEnv, account},
};

/// Rates, slots and downloads limit nothing.
pub const SETTINGS: &str = "
limits: { concurrency: 256, identify_per_second: 100000, create_per_second: 100000, query_per_second: 100000 }
poll: { min_interval: 10ms }
download: { concurrency: 64 }
";
const JOBS: usize = 3_000;
const RESULT_BYTES: u64 = 20_000;

/// The same jobs, once by each.
struct Round {
    lipsyncd: Run,
    files: Run,
    script: Option<Run>,
}

/// Measures the jobs from the start to the end of the program.
pub fn measure(rounds: usize) -> Vec<Figure> {
    let rounds = repeat(rounds, Round::measure);
    let scripts: Vec<(Run, Run)> =
        rounds.iter().filter_map(|round| Some((round.lipsyncd, round.script?))).collect();
    let speed = |run: &Run| run.per_second(JOBS);
    let cpu_ms = |run: &Run| run.cpu_ms_per(JOBS);
    let against_files: Samples = each(&rounds, |it| speed(&it.lipsyncd) / speed(&it.files));
    vec![
        Figure::ratio("jobs a second against files alone", against_files, Goal::AtLeast(0.5))
            .known_to_be(Goal::AtLeast(0.25)),
        Figure::ratio(
            "jobs a second against the script",
            each(&scripts, |(lipsyncd, script)| speed(lipsyncd) / speed(script)),
            Goal::AtLeast(1.0),
        )
        .known_to_be(Goal::AtLeast(0.3)),
        Figure::ratio(
            "CPU time of the script against ours",
            each(&scripts, |(lipsyncd, script)| cpu_ms(script) / cpu_ms(lipsyncd)),
            Goal::AtLeast(1.0),
        )
        .known_to_be(Goal::AtLeast(0.25)),
        Figure::new(
            "overhead, tasks that end at once",
            each(&rounds, |round| speed(&round.lipsyncd)),
            "jobs/s",
            Goal::AtLeast(2_000.0),
        )
        .known_to_be(Goal::AtLeast(1_000.0)),
        Figure::new(
            "overhead, CPU time per job",
            each(&rounds, |round| cpu_ms(&round.lipsyncd)),
            "ms",
            Goal::AtMost(0.6),
        )
        .known_to_be(Goal::AtMost(1.0)),
        Figure::baseline("files alone", each(&rounds, |round| speed(&round.files)), "jobs/s"),
        Figure::baseline(
            "files alone, CPU time per job",
            each(&rounds, |round| cpu_ms(&round.files)),
            "ms",
        ),
        Figure::baseline("the script", each(&scripts, |(_, script)| speed(script)), "jobs/s"),
        Figure::baseline(
            "the script, CPU time per job",
            each(&scripts, |(_, script)| cpu_ms(script)),
            "ms",
        ),
    ]
}

impl Round {
    fn measure() -> Self {
        let mut test_env = test_env();
        test_env.drop_jobs(JOBS);
        test_env.age_manifests();
        let lipsyncd = test_env.run_once();
        drop(test_env);
        let files = baselines::files_alone(JOBS, RESULT_BYTES);
        Self { lipsyncd, files, script: baselines::script(&self::test_env(), JOBS, RESULT_BYTES) }
    }
}

fn test_env() -> TestEnv {
    let account = SimConfig { min_result_bytes: RESULT_BYTES, ..account(256, (0, 0)) };
    TestEnv::new(account, SETTINGS)
}
