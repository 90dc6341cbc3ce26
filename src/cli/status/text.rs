//! `status` for people: one aligned line per topic.

use std::{
    io::{self, Write},
    iter::repeat,
};

use super::{
    line::{StatusLine, format_line},
    next_command::NextCommand,
    price_left::PriceLeft,
    problem_lines::{problem_lines, uploads_text},
    rate_report::rate_limited,
    report::StatusReport,
};
use crate::{
    cli::{
        packs,
        text::{duration, first_line, safe, time, units},
    },
    job::State,
    store::PackStatus,
};

pub(super) fn write(out: &mut dyn Write, report: &StatusReport) -> io::Result<()> {
    let lines = queue_lines(report).into_iter().chain(manifests(report)).chain(commands(report));
    lines.map(format_line).try_for_each(|line| writeln!(out, "{line}"))
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
    } else if let Some(hold) = &report.held_reason {
        line += &format!(", held: {}", safe(hold));
    } else if let Some(problem) = &report.api_problem {
        line += &format!(", the API gives no usable answer: {}", safe(&problem.reason));
    } else if let Some(limit) = report.queue.rate_limit.filter(|_| report.rate.api.is_some()) {
        line += &format!(", {}", rate_limited(&limit, report.now_ms));
    } else if let Some(uploads) = &report.uploads {
        line += &format!(", uploads {}", uploads_text(uploads));
    } else if let Some(problem) = &report.folder_problem {
        line += &format!(", {}", safe(problem));
    } else if let Some(blocked) = &report.blocked {
        line += &format!(", waits: {}", safe(&blocked.reason));
    } else if let Some(left) = report.time_left {
        line += &format!(", about {} left", left.text());
    }
    line
}

/// Returns the report without manifests and commands.
pub(super) fn queue_lines(report: &StatusReport) -> Vec<StatusLine> {
    let mut lines =
        vec![("daemon", daemon(report)), ("jobs", jobs(report)), ("slots", slots(report))];
    let rate = report.rate.text(&report.queue, report.now_ms);
    lines.extend(rate.map(|text| ("rate", safe(&text).into_owned())));
    lines.extend(queue(report));
    lines.extend(problem_lines(report));
    lines.push(("units", spent(report)));
    lines.extend(charged(report).map(|text| ("money", text)));
    lines.extend(packs(report).map(|text| ("packs", text)));
    lines.extend(report.price_left.as_ref().map(|left| ("price", left.text())));
    if let Some(left) = time_left(report) {
        lines.push(("time left", left));
    }
    lines
}

/// What needs the user.
fn commands(report: &StatusReport) -> impl Iterator<Item = StatusLine> {
    let names = ["next"].into_iter().chain(repeat(""));
    names
        .zip(&report.needs_you)
        .map(|(name, NextCommand { command, why })| (name, format!("{command:<33}  {why}")))
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

fn queue(report: &StatusReport) -> Vec<StatusLine> {
    let Some(pause) = &report.queue.pause else {
        let text = match &report.held_reason {
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
    let left = report.time_left?.sentence();
    Some(if report.daemon.running { left } else { format!("{left}, once the daemon runs") })
}

/// Returns a line with the counts, and the first manifests with errors.
pub(super) fn manifests(report: &StatusReport) -> Vec<StatusLine> {
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
