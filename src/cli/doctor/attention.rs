//! What needs a person, with the command for it.

use super::{CheckResult, DoctorContext, OpenDatabase, Users, ok, warning};
use crate::{
    cli::{
        open::now_ms,
        status::rate_limited,
        text::{counted, first_line, shell_word, time},
    },
    job::State,
    store::{PauseKind, Select, Undelivered},
};

const NAMED_MAX: usize = 3;

/// Reports create requests that Kling may have accepted, and that the daemon looks up.
pub(super) fn check_creates(context: &mut DoctorContext) -> Vec<CheckResult> {
    let (Some(database), users) = (&context.database, &context.users) else { return Vec::new() };
    let Ok(open) = database.reader.open_creates() else { return Vec::new() };
    let daemon_runs = database.daemon.is_some();
    // A running daemon always has requests that were sent a moment ago.
    let count = open.in_all - if daemon_runs { open.in_flight } else { 0 };
    if count == 0 {
        return Vec::new();
    }
    let have = if count == 1 { "has" } else { "have" };
    let message = format!(
        "{} {have} an unknown outcome: Kling may have accepted each, and then it is paid",
        counted(count, "create request")
    );
    vec![if daemon_runs {
        let list = users.lipsyncd("list --state creating");
        ok(format!("{message}; the daemon looks them up: {list}"))
    } else {
        warning(message, format!("{} (the daemon looks them up)", users.start()))
    }]
}

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let (Some(database), users) = (&context.database, &context.users) else { return Vec::new() };
    let mut findings = queue(database, users);
    findings.extend(unresolved(database, users));
    findings.extend(refused_manifests(database, users));
    findings.extend(blocked_output(database, users));
    findings.extend(undelivered(database, users));
    if findings.is_empty() {
        findings.push(ok(match database.queue_status.count(&[State::Waiting]) {
            0 => "none needs a person".to_owned(),
            waiting => format!(
                "none needs a decision; {} in state waiting: {}",
                counted(waiting, "job"),
                users.lipsyncd("list --state waiting")
            ),
        }));
    }
    findings
}

fn queue(database: &OpenDatabase, users: &Users) -> Vec<CheckResult> {
    let queue_status = &database.queue_status;
    let mut findings = Vec::new();
    if let Some(pause) = &queue_status.pause {
        let message =
            format!("paused since {}: {}", time(pause.since_ms), first_line(&pause.reason));
        let fix = match pause.kind {
            PauseKind::Person => users.lipsyncd("resume"),
            PauseKind::Credentials => {
                format!("see credentials and api above; then: {}", users.restart())
            }
            PauseKind::Account => {
                "pay, buy a resource pack, or activate the API in Kling's console; the queue is then resumed automatically".to_owned()
            }
        };
        findings.push(warning(message, fix).named("queue"));
    }
    if let Some(reason) = &queue_status.hold {
        let reload = users.reload(database.daemon.as_ref().map(|daemon| daemon.pid));
        // The reason ends with what to do.
        let (message, advice) = reason.rsplit_once("; ").unwrap_or((reason, "wait"));
        let fix = format!("{advice}; after a change of the configuration: {reload}");
        findings.push(warning(first_line(message), fix).named("queue"));
    }
    // What a daemon wrote that has ended since is out of date.
    if database.daemon.is_none() {
        return findings;
    }
    if let Some(problem) = &queue_status.api_problem {
        let message = format!(
            "no usable answer from the API since {}: {}",
            time(problem.since_ms),
            first_line(&problem.reason)
        );
        let fix = "see api above; the daemon tries again automatically";
        findings.push(warning(message, fix).named("queue"));
    }
    if let Some(problem) = &queue_status.uploads.problem {
        let message = format!(
            "uploads are held since {}: {}",
            time(problem.since_ms),
            first_line(&problem.reason)
        );
        let fix = "see upload above; the daemon tries again automatically";
        findings.push(warning(message, fix).named("queue"));
    }
    if let Some(limit) = &queue_status.rate_limit {
        let fix = "wait: the daemon continues automatically; if this happens often, lower limits.identify_per_second, \
                   limits.create_per_second or limits.query_per_second";
        findings.push(warning(rate_limited(limit, now_ms()), fix).named("queue"));
    }
    if let Some(problem) = &queue_status.folder_problem {
        let fix = "see jobs_dir above, and mount the share if there is one; the daemon scans it again automatically";
        findings.push(warning(first_line(problem), fix).named("jobs_dir"));
    }
    findings
}

fn unresolved(database: &OpenDatabase, users: &Users) -> Option<CheckResult> {
    let superseded = &database.queue_status.superseded;
    let count = database.queue_status.count(&[State::Unresolved]) + superseded.tasks;
    if count == 0 {
        return None;
    }
    let select = Select::in_state(State::Unresolved);
    let jobs = database.reader.first_jobs(&select, NAMED_MAX).unwrap_or_default();
    let keys = jobs.iter().map(|job| &job.key).chain(&superseded.jobs).take(NAMED_MAX);
    let show = |key: &String| users.lipsyncd(&format!("show {}", shell_word(key)));
    let mut fix: Vec<String> = keys.map(show).collect();
    if fix.len() < usize::try_from(count).unwrap_or(usize::MAX) {
        fix.push(users.lipsyncd("list --state unresolved"));
    }
    let earlier = match superseded.tasks {
        0 => String::new(),
        tasks => format!(" ({tasks} of them for an earlier request of its job)"),
    };
    let message = format!(
        "{} unresolved{earlier}: Kling may have accepted the create request, and no lookup shows whether it did; \
         you must decide",
        counted(count, "job")
    );
    Some(warning(message, fix.join("\n")).named("unresolved"))
}

fn refused_manifests(database: &OpenDatabase, users: &Users) -> Option<CheckResult> {
    let first = database.queue_status.refused.first()?;
    let message = format!(
        "{} with errors, the first: {}",
        counted(database.queue_status.manifests_refused, "manifest"),
        first_line(&first.error)
    );
    Some(warning(message, users.lipsyncd("check")).named("manifests"))
}

fn blocked_output(database: &OpenDatabase, users: &Users) -> Option<CheckResult> {
    let (jobs, reason) = database.queue_status.blocked.as_ref()?;
    let wait = if *jobs == 1 { "waits" } else { "wait" };
    let message = format!("{} {wait}: {}", counted(*jobs, "job"), first_line(reason));
    let (see, unit) = match users.unit() {
        None => ("output_dir and disk", String::new()),
        Some(unit) => (
            "output_dir, disk and sandbox",
            format!(" (the folder may be missing in ReadWritePaths= of {unit}.service)"),
        ),
    };
    let fix = format!(
        "see {see} above{unit}: the jobs continue automatically when the folder is writable"
    );
    Some(warning(message, fix).named("output"))
}

fn undelivered(database: &OpenDatabase, users: &Users) -> Option<CheckResult> {
    let Undelivered { jobs, first_job, reason } = database.queue_status.undelivered.as_ref()?;
    let of = counted(*jobs, "job");
    let message = format!("{of} without the paid result: {first_job}: {}", first_line(reason));
    let show = users.lipsyncd(&format!("show {}", shell_word(first_job)));
    Some(warning(message, format!("{show}; the daemon tries again automatically")).named("results"))
}
