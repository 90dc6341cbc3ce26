//! The problems that `status` shows, one line each.

use super::{
    line::StatusLine,
    next::{changed, superseded_tasks},
    problem_reports::{FoldersReport, UndeliveredReport, UnsentReport, UploadReport},
    report::StatusReport,
};
use crate::cli::text::{counted, safe, time};

/// Returns a line for each problem, the most important first.
pub(super) fn problem_lines(report: &StatusReport) -> Vec<StatusLine> {
    let mut lines = Vec::new();
    if let Some(problem) = &report.daemon.problem {
        let problem = problem.strip_prefix("state database: ").unwrap_or(problem);
        lines.push(("database", format!("the daemon waits until it can write: {}", safe(problem))));
    }
    if let Some(problem) =
        report.queue.api_problem.as_ref().filter(|_| report.api_problem.is_some())
    {
        let since = time(problem.since_ms);
        lines.push(("api", format!("no usable answer since {since}: {}", safe(&problem.reason))));
    }
    if let Some(uploads) = &report.uploads {
        lines.push(("uploads", uploads_text(uploads)));
    }
    if let Some(problem) = &report.folder_problem {
        lines.push(("folder", safe(problem).to_string()));
    }
    lines.extend(report.unreadable_folders.as_ref().map(unreadable));
    if let Some(blocked) = &report.blocked {
        let wait = if blocked.jobs == 1 { "waits" } else { "wait" };
        let jobs = counted(blocked.jobs, "job");
        lines.push(("output", format!("{jobs} {wait}: {}", safe(&blocked.reason))));
    }
    let videos = report.video_server_problem.iter();
    lines.extend(videos.map(|problem| ("videos", safe(problem).to_string())));
    let hosts = report.result_hosts_problem.iter();
    lines.extend(hosts.map(|problem| ("downloads", safe(problem).to_string())));
    lines.extend(results(report));
    lines.extend(report.notifications.as_ref().map(unsent));
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

/// Describes how far the uploads are, or why they are held.
pub(super) fn uploads_text(uploads: &UploadReport) -> String {
    let UploadReport { running, sent_bytes, bytes, problem } = uploads;
    let mb = |bytes: i64| (bytes + 999_999) / 1_000_000;
    match problem {
        Some(problem) => format!("held: {}", safe(&problem.reason)),
        None => format!("{running} in progress ({} of {} MB)", sent_bytes / 1_000_000, mb(*bytes)),
    }
}

fn results(report: &StatusReport) -> Vec<StatusLine> {
    let missing = &report.queue.missing_watermarks;
    let mut lines = Vec::new();
    if let Some(undelivered) = &report.undelivered {
        let UndeliveredReport { jobs, first_job, reason } = undelivered;
        let of = counted(*jobs, "job");
        let text = format!("{of} without the paid result: {}: {}", safe(first_job), safe(reason));
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

fn unreadable(folders: &FoldersReport) -> StatusLine {
    let more = match folders.count {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let (first, reason) = (safe(&folders.first), safe(&folders.reason));
    let text = format!("cannot read {first} in jobs_dir: {reason}{more}; no jobs are cancelled");
    ("folder", text)
}

fn unsent(unsent: &UnsentReport) -> StatusLine {
    let text = match unsent.dead {
        0 => format!("{} not sent yet", counted(unsent.failing, "message")),
        dead => format!("{} not sent for 24 h", counted(dead, "message")),
    };
    ("notify", format!("{text}: {}", safe(&unsent.problem)))
}
