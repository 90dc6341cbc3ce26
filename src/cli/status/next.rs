//! The commands that `status` suggests.

use super::{next_command::NextCommand, report::StatusReport};
use crate::{
    cli::{counted, open, safe, shell_word},
    job::State,
    store::{PauseKind, RefusedManifest},
};

/// A command names no more files.
const CHECKED_MAX: i64 = 3;

/// Adds the commands that the user needs now.
pub(super) fn with_commands(report: StatusReport) -> StatusReport {
    StatusReport { needs_you: next_commands(&report), ..report }
}

/// Returns the commands that the user needs now, the most urgent first, and why; safe to show.
pub(super) fn next_commands(report: &StatusReport) -> Vec<NextCommand> {
    let count = |states: &[State]| report.queue.count(states);
    let unfinished = State::ALL.into_iter().filter(|state| !state.is_finished());
    let unfinished = count(&unfinished.collect::<Vec<_>>()) - count(&[State::Unresolved]);
    let mut next = Vec::new();
    let mut add =
        |command: &str, why: String| next.push(NextCommand { command: command.to_owned(), why });
    if report.queue.pause.as_ref().is_some_and(|pause| pause.kind == PauseKind::Person) {
        add("lipsyncd resume", "allows paid calls again".to_owned());
    }
    if !report.daemon.running && unfinished > 0 {
        add(
            &safe(&report.setup.start),
            format!("starts the daemon; {} left", counted(unfinished, "job")),
        );
    }
    if let Some(what) = failing_part(report) {
        add("lipsyncd doctor", format!("shows how to fix {what}"));
    }
    let unresolved = count(&[State::Unresolved]);
    if unresolved > 0 {
        let need = if unresolved == 1 { "needs" } else { "need" };
        let why = format!("{} {need} your decision", counted(unresolved, "job"));
        add("lipsyncd list --state unresolved", why);
    }
    if let Some(superseded) = &report.superseded
        && let Some(first) = superseded.jobs.first()
    {
        let decide = if superseded.tasks > 1 { "decide this first" } else { "please decide" };
        let why = format!("{}; {decide}", superseded_tasks(superseded.tasks));
        add(&safe(&open::command("show", &first.key)), why);
    }
    let in_jobs_dir = |path: &str| {
        shell_word(&report.setup.jobs_dir.join(path).display().to_string()).into_owned()
    };
    if let Some(folders) = &report.unreadable_folders {
        let command = format!("chmod g+rx {}", in_jobs_dir(&folders.first));
        add(&safe(&command), "lets the daemon read the folder".to_owned());
    }
    let (unreadable, invalid): (Vec<_>, Vec<_>) =
        report.queue.refused.iter().partition(|refused| is_unreadable(refused));
    for refused in &unreadable {
        let command = format!("chmod g+r {}", in_jobs_dir(&refused.path));
        add(&safe(&command), "lets the daemon read it".to_owned());
    }
    let unreadable = i64::try_from(unreadable.len()).unwrap_or(i64::MAX);
    let with_errors = report.manifests.refused - unreadable;
    if with_errors > 0 {
        let why = format!("shows all errors of {}", counted(with_errors, "manifest"));
        let named = if with_errors > CHECKED_MAX { &[] } else { invalid.as_slice() };
        let files = named.iter().map(|refused| format!(" {}", in_jobs_dir(&refused.path)));
        add(&safe(&format!("lipsyncd check{}", files.collect::<String>())), why);
    }
    let failed = count(&[State::Failed]);
    if failed > 0 {
        let why = format!("shows why {} failed, and how to retry them", counted(failed, "job"));
        add("lipsyncd failures", why);
    }
    if let Some(first) = &report.queue.first_changed {
        let first_of = if report.changed_after_sent > 1 { "; the first" } else { "" };
        let why = format!("{}{first_of}", changed(report.changed_after_sent));
        add(&safe(&open::command("show", first)), why);
        add("lipsyncd retry JOB", "when it has ended: makes the new request (paid)".to_owned());
        add("lipsyncd dismiss JOB", "keeps the existing result".to_owned());
    }
    if let Some(first) = &report.queue.missing_watermarks.first_job {
        let why = "shows why a watermarked copy is missing".to_owned();
        add(&safe(&open::command("show", first)), why);
    }
    if report.queue.incomplete_results > 0 {
        add("lipsyncd list --state downloading", "shows incomplete results".to_owned());
    }
    if report.notifications.is_some() {
        add("lipsyncd notify", "lists messages that could not be sent".to_owned());
    }
    let waiting = count(&[State::Waiting]);
    if waiting > 0 {
        let wait = if waiting == 1 { "waits" } else { "wait" };
        let why = format!("shows why {} {wait}", counted(waiting, "job"));
        add("lipsyncd list --state waiting", why);
    }
    next
}

/// Returns the part with a problem that `doctor` checks, the most important first.
fn failing_part(report: &StatusReport) -> Option<&'static str> {
    let pause = report.queue.pause.as_ref().map(|pause| pause.kind);
    if report.daemon.problem.is_some() {
        Some("the database")
    } else if pause == Some(PauseKind::Credentials) {
        Some("the credentials")
    } else if report.api_problem.is_some() {
        Some("the connection to the API")
    } else if report.blocked.is_some() {
        Some("the output folder")
    } else if report.folder_problem.is_some() {
        Some("the folder of manifests")
    } else {
        None
    }
}

/// Whether the only error is that the daemon's user cannot read the manifest. `check` may run as a user who can.
fn is_unreadable(refused: &RefusedManifest) -> bool {
    refused.error.contains("Permission denied (os error 13)")
}

pub(super) fn superseded_tasks(tasks: i64) -> String {
    let of = if tasks == 1 { "of an earlier request" } else { "of earlier requests" };
    format!("{} {of}", counted(tasks, "unresolved task"))
}

pub(super) fn changed(count: i64) -> String {
    let sent = if count == 1 { "it was sent" } else { "they were sent" };
    format!("{} changed after {sent}", counted(count, "job"))
}
