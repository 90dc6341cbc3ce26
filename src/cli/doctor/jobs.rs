//! What waits for a person.

use super::{database::Known, finding::Finding, who::Who};
use crate::{
    cli::text::{counted, first_line, shell_word, time},
    job::State,
    store::{JobFilter, PauseKind},
};

const NAMED_MAX: usize = 3;

pub(super) fn check(known: &Known, who: &Who, findings: &mut Vec<Finding>) {
    findings.extend(unknown(known, who));
    let before = findings.len();
    findings.extend(line(known, who));
    findings.extend(unresolved(known, who));
    findings.extend(refused(known, who));
    findings.extend(blocked(known, who));
    if findings.len() == before {
        findings.push(Finding::ok("jobs", "none waits for a person"));
    }
}

/// Why the line as a whole stands still.
fn line(known: &Known, who: &Who) -> Vec<Finding> {
    const NAME: &str = "line";
    let standing = &known.standing;
    let mut found = Vec::new();
    if let Some(pause) = &standing.pause {
        let message =
            format!("paused since {}: {}", time(pause.since_ms), first_line(&pause.reason));
        let mend = match pause.kind {
            PauseKind::Person => who.lipsyncd("resume"),
            PauseKind::Credentials => {
                format!("see credentials and api above; then: {}", who.restart())
            }
            PauseKind::Account => {
                "pay, or buy a resource pack: the line goes on by itself then".to_owned()
            }
        };
        found.push(Finding::warning(NAME, message, mend));
    }
    if let Some(hold) = &standing.hold {
        let reload = who.reload(known.daemon.as_ref().map(|daemon| daemon.pid));
        let mend =
            format!("wait for the next UTC day, or raise limits.units_per_day; then: {reload}");
        found.push(Finding::warning(NAME, first_line(hold), mend));
    }
    // A daemon that ended may have left it behind.
    if let Some(trouble) = standing.api_problem.as_ref().filter(|_| known.daemon.is_some()) {
        let message = format!(
            "since {} the API gives no usable answer: {}",
            time(trouble.since_ms),
            first_line(&trouble.reason)
        );
        found.push(Finding::warning(
            NAME,
            message,
            "see api above; the daemon tries again by itself",
        ));
    }
    // The same.
    if let Some(problem) = standing.folder_problem.as_ref().filter(|_| known.daemon.is_some()) {
        found.push(Finding::warning(
            "jobs_dir",
            first_line(problem),
            "see jobs_dir above, and mount the share if there is one; the daemon scans it again by itself",
        ));
    }
    found
}

/// Create requests that may have been accepted, and that the daemon looks up.
fn unknown(known: &Known, who: &Who) -> Option<Finding> {
    const NAME: &str = "create requests";
    let open = known.reader.open_creates().ok()?;
    let count = match known.daemon {
        // Those that were only just sent are the daemon's usual work.
        Some(_) => open.in_all - open.in_flight,
        None => open.in_all,
    };
    if count == 0 {
        return None;
    }
    let have = if count == 1 { "has" } else { "have" };
    let message = format!(
        "{} {have} an unknown outcome: Kling may have accepted each, and it is paid then",
        counted(count, "create request")
    );
    let creating = who.lipsyncd("list --state creating");
    Some(match known.daemon {
        Some(_) => Finding::ok(NAME, format!("{message}; the daemon looks them up: {creating}")),
        None => Finding::warning(NAME, message, format!("{} (it looks them up)", who.start())),
    })
}

fn unresolved(known: &Known, who: &Who) -> Option<Finding> {
    let superseded = &known.standing.superseded;
    let in_state = known.standing.count(&[State::Unresolved]);
    let count = in_state + superseded.tasks;
    if count == 0 {
        return None;
    }
    let filter = JobFilter { state: Some(State::Unresolved), manifest: None };
    let (lines, _) = known.reader.page(&filter, 0, NAMED_MAX).unwrap_or_default();
    let mut mend: Vec<String> =
        lines.iter().map(|line| who.lipsyncd(&format!("show {}", shell_word(&line.key)))).collect();
    let named = superseded.jobs.iter().take(NAMED_MAX.saturating_sub(mend.len()));
    mend.extend(named.map(|key| who.lipsyncd(&format!("show {}", shell_word(key)))));
    if mend.len() < usize::try_from(count).unwrap_or(usize::MAX) {
        mend.push(who.lipsyncd("list --state unresolved"));
    }
    let earlier = match superseded.tasks {
        0 => String::new(),
        tasks => format!(" ({tasks} of them of a request that its job does not ask for any more)"),
    };
    let message = format!(
        "{} unresolved{earlier}: Kling may have accepted the create request, and no lookup shows whether it \
         did; you decide",
        counted(count, "job")
    );
    Some(Finding::warning("unresolved", message, mend.join("\n")))
}

fn refused(known: &Known, who: &Who) -> Option<Finding> {
    let standing = &known.standing;
    let first = standing.refused.first()?;
    let message = format!(
        "{} with faults, the first: {}",
        counted(standing.manifests_refused, "manifest"),
        first_line(&first.error)
    );
    Some(Finding::warning("manifests", message, who.lipsyncd("check")))
}

fn blocked(known: &Known, who: &Who) -> Option<Finding> {
    let (jobs, reason) = known.standing.blocked.as_ref()?;
    let wait = if *jobs == 1 { "waits" } else { "wait" };
    let message = format!("{} {wait}: {}", counted(*jobs, "job"), first_line(reason));
    let mend = match who.unit() {
        Some(unit) => format!(
            "see output_dir, disk and sandbox above: it may be no more than a folder that is not in \
             ReadWritePaths= of {unit}.service; the jobs go on by themselves once it can be written"
        ),
        None => {
            "see output_dir and disk above: the jobs go on by themselves once it can be written"
                .to_owned()
        }
    };
    Some(Finding::warning("output", message, mend))
}
