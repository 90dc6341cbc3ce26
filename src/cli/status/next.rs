//! The commands that `status` suggests.

use super::{next_command::NextCommand, report::StatusReport};
use crate::{
    cli::{counted, open, shell_word},
    job::State,
    store::{Need, PauseKind, RefusedManifest, Undelivered},
};

/// A command names no more files.
const CHECKED_MAX: i64 = 3;

/// Adds the commands that the user needs now.
pub(super) fn with_commands(report: StatusReport) -> StatusReport {
    StatusReport { needs_you: next_commands(&report), ..report }
}

/// Returns the commands that the user needs now, the most urgent first, and why; safe to show.
pub(super) fn next_commands(report: &StatusReport) -> Vec<NextCommand> {
    let unfinished = State::ALL.into_iter().filter(|state| !state.is_finished());
    let unfinished = report.queue.count(&unfinished.collect::<Vec<_>>())
        - report.queue.count(&[State::Unresolved]);
    let mut next = Vec::new();
    if report.queue.is_paused_by_person() {
        next.push(NextCommand::new("lipsyncd resume", "allows paid calls again"));
    }
    if !report.daemon.running && unfinished > 0 {
        let why = format!("starts the daemon; {} left", counted(unfinished, "job"));
        next.push(NextCommand::new(&report.setup.start, why));
    }
    if let Some(what) = failing_part(report) {
        next.push(NextCommand::new("lipsyncd doctor", format!("shows how to fix {what}")));
    }
    next.extend(report.queue.needs().into_iter().flat_map(|need| commands(report, need)));
    next
}

fn commands(report: &StatusReport, need: Need<'_>) -> Vec<NextCommand> {
    let (command, why) = match need {
        Need::Unresolved(jobs) => {
            let need = if jobs == 1 { "needs" } else { "need" };
            let why = format!("{} {need} your decision", counted(jobs, "job"));
            ("lipsyncd list --state unresolved".to_owned(), why)
        }
        Need::Superseded(tasks, first) => {
            let decide = if tasks > 1 { "decide this first" } else { "please decide" };
            let why = format!("{}; {decide}", superseded_tasks(tasks));
            (open::command("show", first), why)
        }
        // A daemon that ended may have left what it could not read.
        Need::UnreadableFolders(_) if !report.daemon.running => return Vec::new(),
        Need::UnreadableFolders(folders) => {
            let command = format!("chmod g+rx {}", in_jobs_dir(report, &folders.first));
            (command, "lets the daemon read the folder".to_owned())
        }
        Need::RefusedManifests(count, first) => return of_refused(report, count, first),
        Need::Failed(jobs) => {
            let why = format!("shows why {} failed, and how to retry them", counted(jobs, "job"));
            ("lipsyncd failures".to_owned(), why)
        }
        Need::Changed(jobs, first) => return of_changed(jobs, first),
        Need::MissingWatermark(first) => {
            let why = "shows why a watermarked copy is missing";
            (open::command("show", first), why.to_owned())
        }
        Need::Undelivered(Undelivered { jobs: 1, first_job, .. }) => {
            (open::command("show", first_job), "shows why its paid result does not come".to_owned())
        }
        Need::Undelivered(Undelivered { jobs, .. }) => {
            let why = format!("shows why {jobs} jobs have no result");
            ("lipsyncd list --state downloading".to_owned(), why)
        }
        Need::UnsentMessages(_) => {
            let why = "lists messages that could not be sent";
            ("lipsyncd notify".to_owned(), why.to_owned())
        }
        Need::Waiting(jobs) => {
            let wait = if jobs == 1 { "waits" } else { "wait" };
            let why = format!("shows why {} {wait}", counted(jobs, "job"));
            ("lipsyncd list --state waiting".to_owned(), why)
        }
    };
    vec![NextCommand::new(&command, why)]
}

/// Returns the commands for manifests with errors; `first`: the first of them.
fn of_refused(report: &StatusReport, count: i64, first: &[RefusedManifest]) -> Vec<NextCommand> {
    let (unreadable, invalid): (Vec<_>, Vec<_>) =
        first.iter().partition(|refused| is_unreadable(refused));
    let lets_read = |refused: &&RefusedManifest| {
        let command = format!("chmod g+r {}", in_jobs_dir(report, &refused.path));
        NextCommand::new(&command, "lets the daemon read it")
    };
    let mut next: Vec<NextCommand> = unreadable.iter().map(lets_read).collect();
    let with_errors = count - i64::try_from(unreadable.len()).unwrap_or(i64::MAX);
    if with_errors > 0 {
        let why = format!("shows all errors of {}", counted(with_errors, "manifest"));
        let named = if with_errors > CHECKED_MAX { &[] } else { invalid.as_slice() };
        let files = named.iter().map(|refused| format!(" {}", in_jobs_dir(report, &refused.path)));
        next.push(NextCommand::new(&format!("lipsyncd check{}", files.collect::<String>()), why));
    }
    next
}

fn of_changed(jobs: i64, first: &str) -> Vec<NextCommand> {
    let first_of = if jobs > 1 { "; the first" } else { "" };
    let paid = "when it has ended: makes the new request (paid)";
    vec![
        NextCommand::new(&open::command("show", first), format!("{}{first_of}", changed(jobs))),
        NextCommand::new("lipsyncd retry JOB", paid),
        NextCommand::new("lipsyncd dismiss JOB", "keeps the existing result"),
    ]
}

fn in_jobs_dir(report: &StatusReport, path: &str) -> String {
    shell_word(&report.setup.jobs_dir.join(path).display().to_string()).into_owned()
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
