//! `status` for people: one aligned line per topic.

use std::io::{self, Write};

use super::{
    next::{changed, next_commands, superseded_tasks},
    price_left::PriceLeft,
    report::{StatusReport, UploadReport},
};
use crate::{
    cli::{
        packs,
        text::{counted, duration, first_line, safe, time, units},
    },
    job::State,
    store::{PackStatus, RateLimit},
};

/// A name and its text. An empty name continues the line before it.
type Line = (&'static str, String);

pub(super) fn write(out: &mut dyn Write, report: &StatusReport) -> io::Result<()> {
    lines(report).into_iter().try_for_each(|line| writeln!(out, "{}", format_line(line)))
}

pub(super) fn format_line((name, text): Line) -> String {
    format!("{name:<9}  {text}")
}

/// Returns the report on one line, for `--watch` without a terminal.
pub(super) fn one_line(report: &StatusReport) -> String {
    let (ended, all) = report.progress();
    let mut line = format!(
        "{}  {ended} of {all} done, {} failed, {}",
        time(report.now_ms),
        report.queue.count(&[State::Failed]),
        slots(report)
    );
    if let Some(pause) = &report.pause {
        line += &format!(", paused: {}", safe(&pause.reason));
    } else if let Some(hold) = &report.hold {
        line += &format!(", held: {}", safe(hold));
    } else if let Some(problem) = &report.trouble {
        line += &format!(", the API gives no usable answer: {}", safe(&problem.reason));
    } else if let Some(limit) = report.queue.rate_limit.filter(|_| report.rate.is_some()) {
        line += &format!(", {}", rate_limited(&limit, report.now_ms));
    } else if let Some(uploads) = &report.uploads {
        line += &format!(", uploads {}", self::uploads(uploads));
    } else if let Some(problem) = &report.folder_problem {
        line += &format!(", {}", safe(problem));
    } else if let Some(blocked) = &report.blocked {
        line += &format!(", waits: {}", safe(&blocked.reason));
    } else if let Some(seconds) = report.eta_seconds {
        line += &format!(", about {} left", duration(seconds * 1000));
    }
    line
}

pub(super) fn lines(report: &StatusReport) -> Vec<Line> {
    let mut lines =
        vec![("daemon", daemon(report)), ("jobs", jobs(report)), ("slots", slots(report))];
    lines.extend(queue(report));
    lines.extend(problems(report));
    lines.push(("units", spent(report)));
    lines.extend(charged(report).map(|text| ("money", text)));
    lines.extend(packs(report).map(|text| ("packs", text)));
    lines.extend(report.price_left.as_ref().map(|left| ("price", left.text())));
    if let Some(left) = time_left(report) {
        lines.push(("time left", left));
    }
    lines.extend(manifests(report));
    let mut name = "next";
    for (command, why) in next_commands(report) {
        lines.push((name, format!("{command:<33}  {why}")));
        name = "";
    }
    lines
}

fn daemon(report: &StatusReport) -> String {
    let Some(pid) = report.daemon.pid.filter(|_| report.daemon.running) else {
        return if report.daemon.running { "running" } else { "not running" }.to_owned();
    };
    match report.queue.daemon_since_ms.filter(|_| report.daemon.since.is_some()) {
        Some(since_ms) => {
            format!("running for {} (PID {pid})", duration(report.now_ms - since_ms))
        }
        None => format!("running (PID {pid})"),
    }
}

fn jobs(report: &StatusReport) -> String {
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

fn slots(report: &StatusReport) -> String {
    let slots = &report.slots;
    let mut text = format!("{} of {} in use", slots.used, slots.limit);
    if slots.limit != slots.configured {
        text += &format!(" ({} configured; the account allows {})", slots.configured, slots.limit);
    }
    text
}

fn queue(report: &StatusReport) -> Vec<Line> {
    let Some(pause) = &report.queue.pause else {
        let text = match &report.hold {
            Some(hold) => format!("held: {}", safe(hold)),
            None => "not paused".to_owned(),
        };
        return vec![("queue", text)];
    };
    let mut since = format!("paused since {}", time(pause.since_ms));
    // Without a daemon, nothing probes.
    if let Some(probe_ms) = pause.next_probe_at_ms.filter(|_| report.daemon.running) {
        since += &format!("; next probe at {}", time(probe_ms));
    }
    let mut reason = safe(&pause.reason).into_owned();
    // The API's own refusals contain the code already.
    if let Some(code) = pause.code.filter(|code| !pause.reason.contains(&format!("code {code}"))) {
        reason += &format!(" (code {code})");
    }
    vec![("queue", since), ("", reason)]
}

fn problems(report: &StatusReport) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(problem) = &report.daemon.trouble {
        let problem = problem.strip_prefix("state database: ").unwrap_or(problem);
        lines.push(("database", format!("the daemon waits until it can write: {}", safe(problem))));
    }
    if let Some(problem) = report.queue.api_problem.as_ref().filter(|_| report.trouble.is_some()) {
        let since = time(problem.since_ms);
        lines.push(("api", format!("no usable answer since {since}: {}", safe(&problem.reason))));
    }
    if let Some(limit) = report.queue.rate_limit.filter(|_| report.rate.is_some()) {
        lines.push(("rate", rate_limited(&limit, report.now_ms)));
    }
    if let Some(uploads) = &report.uploads {
        lines.push(("uploads", self::uploads(uploads)));
    }
    if let Some(problem) = &report.folder_problem {
        lines.push(("folder", safe(problem).to_string()));
    }
    if let Some(blocked) = &report.blocked {
        let wait = if blocked.jobs == 1 { "waits" } else { "wait" };
        let jobs = counted(blocked.jobs, "job");
        lines.push(("output", format!("{jobs} {wait}: {}", safe(&blocked.reason))));
    }
    let hosts = report.result_hosts_problem.iter();
    lines.extend(hosts.map(|problem| ("downloads", safe(problem).to_string())));
    lines.extend(results(report));
    if let Some(unsent) = &report.notifications {
        let text = match unsent.dead {
            0 => format!("{} not sent yet", counted(unsent.failing, "message")),
            dead => format!("{} not sent for 24 h", counted(dead, "message")),
        };
        lines.push(("notify", format!("{text}: {}", safe(&unsent.problem))));
    }
    if report.changed_after_sent > 0 {
        let results = match report.changed_after_sent {
            1 => "it has or gets the result",
            _ => "they have or get the results",
        };
        let changed = changed(report.changed_after_sent);
        lines.push(("changed", format!("{changed}; {results} of the earlier request")));
    }
    if let Some(superseded) = &report.superseded {
        let tasks = superseded_tasks(superseded.tasks);
        lines.push(("earlier", format!("{tasks}, which Kling may have accepted")));
    }
    lines
}

fn uploads(uploads: &UploadReport) -> String {
    let UploadReport { running, sent_bytes, bytes, problem } = uploads;
    let mb = |bytes: i64| (bytes + 999_999) / 1_000_000;
    match problem {
        Some(problem) => format!("held: {}", safe(&problem.reason)),
        None => format!("{running} in progress ({} of {} MB)", sent_bytes / 1_000_000, mb(*bytes)),
    }
}

/// Returns until when calls rest. Queries may rest for a shorter time than paid calls.
pub(in crate::cli) fn rate_limited(limit: &RateLimit, now_ms: i64) -> String {
    let RateLimit { code, paid_until_ms, queries_until_ms } = *limit;
    let code = code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let until = time(paid_until_ms);
    let queries = match queries_until_ms {
        at if at >= paid_until_ms => String::new(),
        at if at > now_ms => format!("; queries of tasks resume at {}", time(at)),
        _ => "; tasks are queried".to_owned(),
    };
    format!("rate limited by the API{code} until {until}: no paid calls{queries}")
}

fn results(report: &StatusReport) -> Vec<Line> {
    let (missing, incomplete) = (&report.queue.missing_watermarks, report.queue.incomplete_results);
    let mut lines = Vec::new();
    if incomplete > 0 {
        let what = counted(incomplete, "result");
        let text =
            format!("{what} incomplete at Kling's server; what arrived is kept beside the output");
        lines.push(("results", text));
    }
    if missing.jobs > 0 {
        let lack = if missing.jobs == 1 { "lacks its" } else { "lack their" };
        let text = format!(
            "{} {lack} watermarked copy; it is fetched again",
            counted(missing.jobs, "job")
        );
        lines.push(("watermark", text));
    }
    lines
}

fn spent(report: &StatusReport) -> String {
    let (today, total) =
        (report.queue.spent_today.units_micro, report.queue.spent_total.units_micro);
    let cap =
        report.queue.caps.units_micro.map(|cap| format!(" of {}", units(cap))).unwrap_or_default();
    format!("{}{cap} today (UTC), {} in total", units(today), units(total))
}

/// What an account that pays from a balance was charged; none: nothing.
fn charged(report: &StatusReport) -> Option<String> {
    let (today, total) =
        (report.queue.spent_today.money_micro, report.queue.spent_total.money_micro);
    let cap = report.queue.caps.money_micro;
    let uncapped = match report.queue.has_uncapped_money() {
        true => "; limits.units_per_day does not limit it: set limits.money_per_day",
        false => "",
    };
    let of_cap = cap.map(|cap| format!(" of {}", units(cap))).unwrap_or_default();
    (total > 0 || cap.is_some()).then(|| {
        format!("{}{of_cap} today (UTC), {} in total{uncapped}", units(today), units(total))
    })
}

/// What the account's resource packs have left; none: it has none, or nothing is known of them.
fn packs(report: &StatusReport) -> Option<String> {
    let PackStatus { packs, at_ms, problem } = &report.queue.packs;
    let ago = duration(report.now_ms - (*at_ms)?);
    let text = packs::summary(packs, report.now_ms)?;
    let problem = problem.iter().map(|problem| format!("; since then unknown: {}", safe(problem)));
    let needed = report.price_left.as_ref().map(PriceLeft::units_needed);
    let shortage = needed.and_then(|needed| packs::shortage(packs, needed, report.now_ms));
    let shortage = shortage.map(|shortage| format!("; {shortage}")).unwrap_or_default();
    Some(format!("{text} ({ago} ago){shortage}{}", problem.collect::<String>()))
}

fn time_left(report: &StatusReport) -> Option<String> {
    let left = format!("about {}", duration(report.eta_seconds? * 1000));
    Some(if report.daemon.running { left } else { format!("{left}, once the daemon runs") })
}

fn manifests(report: &StatusReport) -> Vec<Line> {
    let manifests = &report.manifests;
    if manifests.refused == 0 {
        return vec![("manifests", format!("{} accepted", manifests.accepted))];
    }
    let counts = format!("{} accepted, {} with errors:", manifests.accepted, manifests.refused);
    let mut lines = vec![("manifests", counts)];
    // The error begins with the path.
    let errors = report.queue.refused.iter().map(|refused| first_line(&refused.error));
    lines.extend(errors.map(|error| ("", format!("  {error}"))));
    let shown = i64::try_from(report.queue.refused.len()).unwrap_or(i64::MAX);
    if manifests.refused > shown {
        lines.push(("", format!("  and {} more", manifests.refused - shown)));
    }
    lines
}
