//! The evening of an operator, as docs/many-jobs.md shows it: find and handle what went wrong among thousands of jobs.
//!
//! The page has the commands of this test, and what they printed with 5,000 jobs. It is written again with
//! `LIPSYNCD_UPDATE_DOCS=1 LIPSYNCD_TESTS=full cargo test --test it commands::many_jobs`.

use std::{
    env,
    fmt::Write as _,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use lipsyncd::sim::{Endpoint, FaultRule, SimConfig};

use super::screen::Watching;
use crate::support::{
    counts,
    daemon::{TestEnv, clip, job_of, quick},
    refusal,
};

const MANIFESTS: usize = 40;
/// The manifest that a customer withdraws. It comes last.
const WITHDRAWN: usize = 39;
/// Slots of the configuration. The account has fewer.
const SLOTS: u32 = 60;
const SLOTS_OF_ACCOUNT: usize = 20;
/// What the account takes, which is less than the configuration allows.
const CREATES_PER_SECOND: u32 = 60;
/// For the tasks of all jobs, in a debug build beside other tests.
const DEADLINE: Duration = Duration::from_secs(900);
const PAGE: &str = "docs/many-jobs.md";
const CUSTOMERS: [&str; 2] = ["acme", "globex"];
const AUDIO: &str = "https://cdn.example.com/a.mp3?duration_ms=5000";
/// Six jobs in fifty have one of these, and fail or wait: no face, a task that fails, too short, refused content, several
/// faces, no audio file. Each is the query of the video, the audio, and more of the job.
const FAILING: [(&str, &str, &str); 6] = [
    ("duration_ms=9000&faces=0", AUDIO, ""),
    ("duration_ms=9000&fail=The+face+is+covered", AUDIO, ""),
    ("duration_ms=1000", AUDIO, ""),
    ("duration_ms=9000&content=risky", AUDIO, ""),
    ("duration_ms=9000&faces=2", AUDIO, "    face: only\n"),
    ("duration_ms=9000", "missing.mp3", ""),
];

/// A command of the page, its exit code, and what it must print.
struct Step {
    command: &'static str,
    /// What must have come true before.
    after: fn(&TestEnv) -> bool,
    code: i32,
    prints: &'static [&'static str],
}

const WATCH_SMALL: &str = "lipsyncd status --watch   # on 80 columns and 24 rows";
const WATCH_LARGE: &str = "lipsyncd status --watch   # on 140 columns and 40 rows";

const fn step(command: &'static str, code: i32, prints: &'static [&'static str]) -> Step {
    Step { command, after: |_| true, code, prints }
}

const STEPS: [Step; 18] = [
    Step {
        after: |env| has_job(env, "state = 'succeeded'") && has_job(env, "state = 'failed'"),
        ..step(
            "lipsyncd status",
            0,
            &["limited by", "archive", "lipsyncd failures", "acme/extra.yaml"],
        )
    },
    step(WATCH_SMALL, 0, &[]),
    step(WATCH_LARGE, 0, &[]),
    step("chmod 755 jobs/archive", 0, &[]),
    step("lipsyncd check jobs/acme/extra.yaml", 1, &["3:5", "did you mean `video`"]),
    step("sed -i 's/vidio/video/' jobs/acme/extra.yaml", 0, &[]),
    step("lipsyncd cancel --manifest globex/series-39.yaml --yes", 0, &["j0: cancelled"]),
    Step {
        after: |env| has_job(env, "state = 'waiting'"),
        ..step("lipsyncd list --state waiting --limit 3", 0, &["missing.mp3"])
    },
    step("cp media/voice.mp3 jobs/acme/missing.mp3", 0, &[]),
    step("cp media/voice.mp3 jobs/globex/missing.mp3", 0, &[]),
    Step {
        after: |env| has_job(env, "key = 'archive/old'") && has_job(env, "key = 'acme/extra/en'"),
        ..step("lipsyncd wait --timeout 30m", 1, &["succeeded", "cancelled", "failed"])
    },
    step("lipsyncd manifests --state failed --manifest 'acme/series-0*'", 0, &["series-00"]),
    step(
        "lipsyncd failures",
        0,
        &[
            "code no_face",
            "code several_faces",
            "The face is covered",
            "code 1201",
            "lipsyncd retry --failed --code 1301",
        ],
    ),
    step("lipsyncd retry --failed --code 1301 --dry-run", 0, &["Would retry", "units"]),
    Step {
        after: |env| {
            env.sim.control(|sim| sim.clear_faults());
            true
        },
        ..step("lipsyncd retry --failed --code 1301 --yes", 0, &["take 1 begins"])
    },
    step("lipsyncd dismiss --code no_face,several_faces,1201 --yes", 0, &["dismissed"]),
    step("lipsyncd wait --timeout 30m", 1, &["failed and dismissed", "cancelled"]),
    step("lipsyncd failures", 0, &["The face is covered"]),
];

fn has_job(env: &TestEnv, condition: &str) -> bool {
    let sql = format!("SELECT count(*) FROM job_overview WHERE {condition}");
    env.database().is_some_and(|it| it.query_row(&sql, [], |row| row.get(0)).unwrap_or(0_i64) > 0)
}

/// A folder with the manifests of two customers, and what an operator must find in it.
fn folder(jobs: usize) -> TestEnv {
    let account = SimConfig {
        concurrency: SLOTS_OF_ACCOUNT,
        create_per_second: Some(CREATES_PER_SECOND),
        ..quick()
    };
    let env = TestEnv::with(account, SLOTS, "");
    let risky = FaultRule {
        matching: Some("content=risky".to_owned()),
        ..FaultRule::always(Endpoint::Identify, refusal(1301))
    };
    env.sim.control(|sim| sim.add_fault(risky));
    fs::write(env.path("media/voice.mp3"), clip("welcome-en.mp3")).unwrap();
    for manifest in 0..MANIFESTS {
        let customer = CUSTOMERS[manifest % CUSTOMERS.len()];
        let priority = if manifest == WITHDRAWN { -1 } else { 0 };
        let mut text = format!(
            "defaults:\n  labels: {{ customer: {customer} }}\n  sound_end_time: 4s\n  priority: {priority}\njobs:\n"
        );
        for job in 0..jobs / MANIFESTS {
            let failing = FAILING.get((manifest + job) % 50).copied();
            let (query, audio, more) = failing.unwrap_or(("duration_ms=9000", AUDIO, ""));
            let video = format!("https://cdn.example.com/{manifest}-{job}.mp4?{query}");
            write!(text, "  - id: j{job}\n    video: {video}\n    audio: {audio}\n{more}").unwrap();
        }
        env.drop_in_old(&format!("{customer}/series-{manifest:02}.yaml"), text);
    }
    let misspelt = format!(
        "jobs:\n  - id: en\n    vidio: https://cdn.example.com/x.mp4?duration_ms=9000\n    audio: {AUDIO}\n    \
         sound_end_time: 4s\n"
    );
    env.drop_in_old("acme/extra.yaml", misspelt);
    env.drop_in_old("archive/old.yaml", job_of("old"));
    fs::set_permissions(env.path("jobs/archive"), Permissions::from_mode(0o000)).unwrap();
    env
}

/// Shows `status --watch` on a screen of this size, once it shows all parts.
fn watch(env: &TestEnv, size: (u16, u16)) -> String {
    let watching = Watching::start(&env.command(&["status", "--watch"]), size);
    let parts = ["slots with a task", "manifests in progress", "last failures", "needs you"];
    let screen = watching.until("all parts", |screen| {
        let shown = screen.contents();
        parts.iter().all(|part| shown.contains(part))
    });
    watching.press("q");
    watching.ended();
    screen.lines().map(|line| format!("{}\n", without_folder(env, line).trim_end())).collect()
}

/// Runs a command of the page in the operator's shell. Returns its exit code and what it prints.
fn run(env: &TestEnv, command: &str) -> (Option<i32>, String) {
    match command {
        WATCH_SMALL => return (Some(0), watch(env, (80, 24))),
        WATCH_LARGE => return (Some(0), watch(env, (140, 40))),
        _ => {}
    }
    let program = Path::new(env!("CARGO_BIN_EXE_lipsyncd")).parent().unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("{command} 2>&1")])
        .current_dir(env.dir.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), without_folder(env, &text))
}

/// The operator sees the paths of the own folder.
fn without_folder(env: &TestEnv, text: &str) -> String {
    text.replace(&format!("{}/", env.dir.path().display()), "")
}

#[test]
fn an_operator_finds_and_handles_each_thing_with_one_command() {
    let jobs = if counts::is_full() { 5_000 } else { 400 };
    let mut env = folder(jobs);
    env.spawn_without_override();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let text = fs::read_to_string(&page).unwrap();
    let (mut written, mut steps, mut in_console) = (String::new(), STEPS.iter(), false);
    for line in text.lines() {
        in_console = if in_console { line != "```" } else { line == "```console" };
        let command = line.strip_prefix("$ ").filter(|_| in_console);
        if command.is_none() && in_console && line != "```console" {
            continue;
        }
        writeln!(written, "{line}").unwrap();
        let Some(command) = command else { continue };
        let Step { command: expected, after, code, prints } = steps.next().unwrap();
        assert_eq!(command, *expected, "{PAGE} has other commands than this test");
        let began = Instant::now();
        while !after(&env) {
            assert!(began.elapsed() < DEADLINE, "before {command}:\n{}", env.log());
            sleep(Duration::from_millis(50));
        }
        let (mut exit, mut printed) = run(&env, command);
        // What limits the queue changes from moment to moment.
        while command == "lipsyncd status"
            && !prints.iter().all(|part| printed.contains(part))
            && began.elapsed() < DEADLINE
        {
            sleep(Duration::from_millis(50));
            (exit, printed) = run(&env, command);
        }
        assert_eq!(exit, Some(*code), "{command}: {printed}");
        for part in *prints {
            assert!(printed.contains(part), "{command} does not print {part}:\n{printed}");
        }
        written += &printed;
    }
    assert!(steps.next().is_none(), "{PAGE} has fewer commands than this test");
    env.assert_paid_once();
    if env::var_os("LIPSYNCD_UPDATE_DOCS").is_some() {
        fs::write(&page, written).unwrap();
    }
}
