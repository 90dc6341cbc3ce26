//! What is worth typing after `status`.

use super::report::StatusReport;
use crate::{
    cli::{
        open,
        text::{counted, safe, shell_word},
    },
    job::State,
    store::{PauseKind, RefusedManifest},
};

/// The commands that are worth typing now, the most urgent first, and why; safe to show.
pub(super) fn next(report: &StatusReport) -> Vec<(String, String)> {
    let count = |states: &[State]| report.standing.count(states);
    let unfinished = State::ALL.into_iter().filter(|state| !state.is_finished());
    let unfinished = count(&unfinished.collect::<Vec<_>>()) - count(&[State::Unresolved]);
    let mut next = Vec::new();
    let mut add = |command: &str, why: String| next.push((command.to_owned(), why));
    if report.standing.pause.as_ref().is_some_and(|pause| pause.kind == PauseKind::Person) {
        add("lipsyncd resume", "lets paid calls go on".to_owned());
    }
    if !report.daemon.running && unfinished > 0 {
        add(&safe(&report.setup.start), format!("{} not finished", jobs_are(unfinished)));
    }
    if let Some(what) = ailing(report) {
        add("lipsyncd doctor", format!("says how to mend {what}"));
    }
    let unresolved = count(&[State::Unresolved]);
    if unresolved > 0 {
        let why = format!("{} to be decided by you", jobs_are(unresolved));
        add("lipsyncd list --state unresolved", why);
    }
    if let Some(superseded) = &report.superseded
        && let Some(first) = superseded.jobs.first()
    {
        let others = if superseded.tasks > 1 { "; decide this first" } else { "; you decide" };
        let why = format!("{}{others}", undecided(superseded.tasks));
        add(&safe(&open::command("show", &first.key)), why);
    }
    let mut to_mend = report.manifests.refused;
    for refused in report.standing.refused.iter().filter(|refused| is_closed(refused)) {
        let file = report.setup.jobs_dir.join(&refused.path).display().to_string();
        let command = format!("chmod g+r {}", shell_word(&file));
        add(&safe(&command), "the daemon may not read it".to_owned());
        to_mend -= 1;
    }
    if to_mend > 0 {
        add("lipsyncd check", format!("{} to be mended", counted(to_mend, "manifest")));
    }
    let failed = count(&[State::Failed]);
    if failed > 0 {
        add("lipsyncd list --state failed", counted(failed, "job") + " failed");
    }
    if let Some(first) = &report.standing.first_changed {
        let others = if report.changed_after_sent > 1 { "; this is the first" } else { "" };
        let why = format!("{}{others}", changed(report.changed_after_sent));
        add(&safe(&open::command("show", first)), why);
        add("lipsyncd retry JOB", "makes the new request, and pays for it".to_owned());
        add("lipsyncd dismiss JOB", "keeps the result that is there".to_owned());
    }
    let waiting = count(&[State::Waiting]);
    if waiting > 0 {
        let why = format!(
            "what {} for",
            if waiting == 1 { "a job waits".into() } else { format!("{waiting} jobs wait") }
        );
        add("lipsyncd list --state waiting", why);
    }
    next
}

/// What keeps the line from its work and has a check of `doctor`, the most telling of them.
fn ailing(report: &StatusReport) -> Option<&'static str> {
    let pause = report.standing.pause.as_ref().map(|pause| pause.kind);
    if report.daemon.trouble.is_some() {
        Some("the database")
    } else if pause == Some(PauseKind::Credentials) {
        Some("the credentials")
    } else if report.trouble.is_some() {
        Some("the way to the API")
    } else if report.blocked.is_some() {
        Some("the output folder")
    } else {
        None
    }
}

/// Whether all that is wrong with a manifest is that the daemon's user may not read it: who types `check`
/// perhaps may.
fn is_closed(refused: &RefusedManifest) -> bool {
    refused.error.contains("it cannot be read: Permission denied")
}

/// How many unresolved tasks no job points to.
pub(super) fn undecided(tasks: i64) -> String {
    let of = if tasks == 1 { "of an earlier request" } else { "of earlier requests" };
    format!("{} {of}", counted(tasks, "unresolved task"))
}

/// How many jobs changed after their task was created.
pub(super) fn changed(count: i64) -> String {
    let sent = if count == 1 { "it was sent" } else { "they were sent" };
    format!("{} changed after {sent}", counted(count, "job"))
}

fn jobs_are(count: i64) -> String {
    if count == 1 { "1 job is".to_owned() } else { format!("{count} jobs are") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::status::report::{
            LocalSetup,
            tests::{NOW_MS, paused, running, setup, standing},
        },
        store::{ApiProblem, LockHolder, QueueStatus},
    };

    fn commands(
        standing: QueueStatus,
        holder: Option<LockHolder>,
        setup: LocalSetup,
    ) -> Vec<String> {
        let next = next(&StatusReport::of(standing, holder, NOW_MS, setup));
        next.into_iter().map(|(command, _)| command).collect()
    }

    #[test]
    fn the_daemon_is_started_by_its_unit_where_it_has_one() {
        let setup = LocalSetup { start: "systemctl start lipsyncd".to_owned(), ..setup() };
        assert_eq!(commands(standing(), None, setup), ["systemctl start lipsyncd"]);
    }

    #[test]
    fn doctor_is_named_where_it_knows_more() {
        let trouble = ApiProblem { reason: "no connection".to_owned(), since_ms: NOW_MS };
        for ailing in [
            QueueStatus { pause: Some(paused(PauseKind::Credentials)), ..standing() },
            QueueStatus { api_problem: Some(trouble), ..standing() },
            QueueStatus { blocked: Some((1, "its place".to_owned())), ..standing() },
        ] {
            assert_eq!(commands(ailing, running(1), setup()), ["lipsyncd doctor"]);
        }
        let locked = LockHolder { pid: 1, problem: Some("database is locked".to_owned()) };
        assert_eq!(commands(standing(), Some(locked), setup()), ["lipsyncd doctor"]);
        let unpaid = QueueStatus { pause: Some(paused(PauseKind::Account)), ..standing() };
        assert_eq!(commands(unpaid, running(1), setup()), [""; 0]);
    }

    #[test]
    fn a_manifest_that_the_daemon_may_not_read_is_opened_and_not_checked() {
        let refused = |path: &str, error: &str| RefusedManifest {
            path: path.to_owned(),
            error: format!("{path}: {error}"),
        };
        let closed = refused("a b.yaml", "it cannot be read: Permission denied (os error 13)");
        let one = QueueStatus { manifests_refused: 1, refused: vec![closed.clone()], ..standing() };
        assert_eq!(commands(one, running(1), setup()), ["chmod g+r '/jobs/a b.yaml'"]);
        let both = vec![closed, refused("c.yaml", "unknown key")];
        let two = QueueStatus { manifests_refused: 2, refused: both, ..standing() };
        let expected = ["chmod g+r '/jobs/a b.yaml'", "lipsyncd check"];
        assert_eq!(commands(two, running(1), setup()), expected);
    }
}
