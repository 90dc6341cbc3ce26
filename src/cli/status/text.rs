//! `status` for people: a line for each thing, calm and aligned.

use std::io::{self, Write};

use super::{
    next::{changed, next, undecided},
    report::Report,
};
use crate::{
    cli::text::{duration, first_line, safe, time, units},
    job::State,
};

/// Writes `report` as lines of a name and what is to be said.
pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for (name, said) in lines(report) {
        writeln!(out, "{name:<9}  {said}")?;
    }
    Ok(())
}

/// One line that says it all, for `--watch` without a terminal.
pub(super) fn one_line(report: &Report) -> String {
    let (ended, all) = report.progress();
    let mut line = format!(
        "{}  {ended} of {all} done, {} failed, {}",
        time(report.now_ms),
        report.standing.count(&[State::Failed]),
        slots(report)
    );
    if let Some(pause) = &report.pause {
        line += &format!(", paused: {}", safe(&pause.reason));
    } else if let Some(hold) = &report.hold {
        line += &format!(", held: {}", safe(hold));
    } else if let Some(trouble) = &report.trouble {
        line += &format!(", the API gives no usable answer: {}", safe(&trouble.reason));
    } else if let Some(problem) = &report.folder_problem {
        line += &format!(", {}", safe(problem));
    } else if let Some(blocked) = &report.blocked {
        line += &format!(", waits: {}", safe(&blocked.reason));
    } else if let Some(seconds) = report.eta_seconds {
        line += &format!(", about {} left", duration(seconds * 1000));
    }
    line
}

/// All lines, as names and what is to be said; a name that is empty goes on with the one before.
pub(super) fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("daemon", daemon(report)),
        ("jobs", jobs(report)),
        ("slots", slots(report)),
        ("line", line(report)),
    ];
    if let Some(trouble) = &report.daemon.trouble {
        let trouble = trouble.strip_prefix("state database: ").unwrap_or(trouble);
        lines.push(("database", format!("the daemon waits for it: {}", safe(trouble))));
    }
    if let Some(trouble) = report.standing.api_problem.as_ref().filter(|_| report.trouble.is_some())
    {
        let since = time(trouble.since_ms);
        lines.push(("api", format!("no usable answer since {since}: {}", safe(&trouble.reason))));
    }
    if let Some(problem) = &report.folder_problem {
        lines.push(("folder", safe(problem).to_string()));
    }
    if let Some(blocked) = &report.blocked {
        let wait =
            if blocked.jobs == 1 { "1 job waits" } else { &format!("{} jobs wait", blocked.jobs) };
        lines.push(("output", format!("{wait}: {}", safe(&blocked.reason))));
    }
    if report.changed_after_sent > 0 {
        let results = match report.changed_after_sent {
            1 => "its result is",
            _ => "their results are",
        };
        let changed = changed(report.changed_after_sent);
        lines.push(("changed", format!("{changed}; {results} of the earlier request")));
    }
    if let Some(superseded) = &report.superseded {
        let tasks = undecided(superseded.tasks);
        lines.push(("earlier", format!("{tasks}, which Kling may have accepted")));
    }
    lines.push(("units", spent(report)));
    if let Some(left) = time_left(report) {
        lines.push(("time left", left));
    }
    lines.push(("manifests", manifests(report)));
    for refused in &report.standing.refused {
        let fault = first_line(&refused.error);
        // The fault begins with the path.
        lines.push(("", format!("  {fault}")));
    }
    let told = i64::try_from(report.standing.refused.len()).unwrap_or(i64::MAX);
    if report.manifests.refused > told {
        lines.push(("", format!("  and {} more", report.manifests.refused - told)));
    }
    let mut name = "next";
    for (command, why) in next(report) {
        lines.push((name, format!("{command:<33}  {why}")));
        name = "";
    }
    lines
}

fn daemon(report: &Report) -> String {
    let Some(pid) = report.daemon.pid.filter(|_| report.daemon.running) else {
        return if report.daemon.running { "running" } else { "not running" }.to_owned();
    };
    match report.standing.daemon_since_ms.filter(|_| report.daemon.since.is_some()) {
        Some(since_ms) => {
            format!("running for {} (PID {pid})", duration(report.now_ms - since_ms))
        }
        None => format!("running (PID {pid})"),
    }
}

fn jobs(report: &Report) -> String {
    let all: i64 = report.jobs.values().sum();
    let each: Vec<String> = report
        .jobs
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if each.is_empty() {
        return "none yet".to_owned();
    }
    let dismissed = match report.dismissed {
        0 => String::new(),
        count => format!(" (and {count} failed, dismissed)"),
    };
    format!("{all}: {}{dismissed}", each.join(", "))
}

fn slots(report: &Report) -> String {
    let slots = &report.slots;
    let mut said = format!("{} of {} in use", slots.used, slots.limit);
    if slots.limit != slots.configured {
        said += &format!(" ({} configured; the account lets us no more)", slots.configured);
    }
    said
}

fn line(report: &Report) -> String {
    let Some(pause) = &report.standing.pause else {
        return match &report.hold {
            Some(hold) => format!("no new task is started: {}", safe(hold)),
            None => "open".to_owned(),
        };
    };
    let mut said = format!("paused since {}: {}", time(pause.since_ms), safe(&pause.reason));
    // The API's own refusals name it already.
    if let Some(code) = pause.code.filter(|code| !pause.reason.contains(&format!("code {code}"))) {
        said += &format!(" (code {code})");
    }
    if let Some(probe_ms) = pause.next_probe_at_ms {
        said += &format!("; asked again at {}", time(probe_ms));
    }
    said
}

fn spent(report: &Report) -> String {
    let (today, total) = (report.standing.spent_today_micro, report.standing.spent_total_micro);
    match report.standing.cap_micro {
        Some(cap) => {
            format!(
                "{} today (UTC) of at most {}, {} in all",
                units(today),
                units(cap),
                units(total)
            )
        }
        None => format!("{} today (UTC), {} in all", units(today), units(total)),
    }
}

fn time_left(report: &Report) -> Option<String> {
    let left = format!("about {}", duration(report.eta_seconds? * 1000));
    Some(if report.daemon.running { left } else { format!("{left}, once the daemon runs") })
}

fn manifests(report: &Report) -> String {
    let manifests = &report.manifests;
    match manifests.refused {
        0 => format!("{} accepted", manifests.accepted),
        refused => format!("{} accepted, {refused} refused:", manifests.accepted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::status::report::tests::{NOW_MS, here, paused, running, standing},
        store::{ApiProblem, LockHolder, PauseKind, QueueStatus, RefusedManifest, SupersededTasks},
    };

    fn shown(standing: QueueStatus, holder: Option<LockHolder>) -> String {
        let mut out = Vec::new();
        write(&mut out, &Report::of(standing, holder, NOW_MS, here())).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn everything_at_work() {
        let expected = "\
daemon     running for 3m 20s (PID 4711)
jobs       120: 95 queued, 5 processing, 20 succeeded
slots      5 of 5 in use (10 configured; the account lets us no more)
line       open
units      12.5 today (UTC) of at most 100, 340.05 in all
time left  about 20m
manifests  3 accepted
";
        assert_eq!(shown(standing(), running(4711)), expected);
    }

    #[test]
    fn everything_amiss() {
        let mut standing = QueueStatus {
            pause: Some(paused(PauseKind::Account)),
            manifests_refused: 2,
            refused: vec![RefusedManifest {
                path: "a.yaml".to_owned(),
                error: "a.yaml:3:5: unknown key `vidoe\u{1b}`\nmore".to_owned(),
            }],
            cap_micro: None,
            ..standing()
        };
        standing.jobs.extend([(State::Unresolved, 1), (State::Failed, 2), (State::Waiting, 1)]);
        let expected = "\
daemon     not running
jobs       124: 1 waiting, 95 queued, 5 processing, 20 succeeded, 2 failed, 1 unresolved
slots      5 of 5 in use (10 configured; the account lets us no more)
line       paused since 2026-03-01 11:59:07 UTC: account balance not enough (code 1102); asked again at 2026-03-01 12:00:37 UTC
units      12.5 today (UTC), 340.05 in all
manifests  3 accepted, 2 refused:
             a.yaml:3:5: unknown key `vidoe\\u{1b}`
             and 1 more
next       lipsyncd run                       101 jobs are not finished
           lipsyncd list --state unresolved   1 job is to be decided by you
           lipsyncd check                     2 manifests to be mended
           lipsyncd list --state failed       2 jobs failed
           lipsyncd list --state waiting      what a job waits for
";
        assert_eq!(shown(standing, None), expected);
    }

    #[test]
    fn changed_jobs_are_counted_with_what_to_type() {
        let first_changed = Some("promo/en".to_owned());
        let standing =
            QueueStatus { changed_after_sent: 2, first_changed, dismissed: 3, ..standing() };
        let said = shown(standing, running(4711));
        for line in [
            "jobs       120: 95 queued, 5 processing, 20 succeeded (and 3 failed, dismissed)\n",
            "changed    2 jobs changed after they were sent; their results are of the earlier request\n",
            "next       lipsyncd show promo/en             2 jobs changed after they were sent; this is the first\n",
            "           lipsyncd retry JOB                 makes the new request, and pays for it\n",
            "           lipsyncd dismiss JOB               keeps the result that is there\n",
        ] {
            assert!(said.contains(line), "{line}\n{said}");
        }
    }

    #[test]
    fn unresolved_tasks_of_earlier_requests_name_the_job_that_decides_them() {
        let superseded = SupersededTasks { tasks: 2, jobs: vec!["promo/en".to_owned()] };
        let said = shown(QueueStatus { superseded, ..standing() }, running(4711));
        for line in [
            "earlier    2 unresolved tasks of earlier requests, which Kling may have accepted\n",
            "next       lipsyncd show promo/en             2 unresolved tasks of earlier requests; decide this first\n",
        ] {
            assert!(said.contains(line), "{line}\n{said}");
        }
    }

    #[test]
    fn what_keeps_the_daemon_from_its_work_is_told() {
        let trouble = ApiProblem { reason: "no connection".to_owned(), since_ms: NOW_MS - 5_000 };
        let standing = QueueStatus {
            api_problem: Some(trouble),
            folder_problem: Some("jobs_dir /jobs is another folder".to_owned()),
            blocked: Some((
                2,
                "the output file cannot be written: no space is left for /out".to_owned(),
            )),
            ..standing()
        };
        let holder =
            LockHolder { pid: 4711, problem: Some("state database: disk full".to_owned()) };
        let said = shown(standing.clone(), Some(holder));
        for line in [
            "database   the daemon waits for it: disk full\n",
            "api        no usable answer since 2026-03-01 12:00:02 UTC: no connection\n",
            "folder     jobs_dir /jobs is another folder\n",
            "output     2 jobs wait: the output file cannot be written: no space is left for /out\n",
        ] {
            assert!(said.contains(line), "{line}\n{said}");
        }
        // A daemon that ended left it behind.
        assert!(!shown(standing, None).contains("no connection"));
    }

    #[test]
    fn a_line_of_watch_says_it_all() {
        let report = Report::of(standing(), running(4711), NOW_MS, here());
        assert_eq!(
            one_line(&report),
            "2026-03-01 12:00:07 UTC  20 of 120 done, 0 failed, 5 of 5 in use (10 configured; \
             the account lets us no more), about 20m left"
        );
    }
}
