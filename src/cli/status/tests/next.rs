//! The suggested commands.

use super::*;
use crate::cli::status::next::next_commands;

fn commands(queue: QueueStatus, holder: Option<LockHolder>, setup: LocalSetup) -> Vec<String> {
    let next = next_commands(&StatusReport::of(queue, holder, NOW_MS, setup));
    next.into_iter().map(|next| next.command).collect()
}

#[test]
fn the_daemon_is_started_by_its_unit_if_it_has_one() {
    let setup = LocalSetup { start: "systemctl start lipsyncd".to_owned(), ..setup() };
    assert_eq!(commands(queue_status(), None, setup), ["systemctl start lipsyncd"]);
}

#[test]
fn doctor_is_suggested_for_problems_that_it_checks() {
    let problem = ApiProblem { reason: "no connection".to_owned(), since_ms: NOW_MS };
    for status in [
        QueueStatus { pause: Some(paused(PauseKind::Credentials)), ..queue_status() },
        QueueStatus { api_problem: Some(problem), ..queue_status() },
        QueueStatus { blocked: Some((1, "its place".to_owned())), ..queue_status() },
        QueueStatus { folder_problem: Some("jobs_dir is gone".to_owned()), ..queue_status() },
    ] {
        assert_eq!(commands(status, running(1), setup()), ["lipsyncd doctor"]);
    }
    let locked = LockHolder { pid: 1, problem: Some("database is locked".to_owned()) };
    assert_eq!(commands(queue_status(), Some(locked), setup()), ["lipsyncd doctor"]);
    let unpaid = QueueStatus { pause: Some(paused(PauseKind::Account)), ..queue_status() };
    assert_eq!(commands(unpaid, running(1), setup()), [""; 0]);
}

#[test]
fn an_unreadable_manifest_gets_a_chmod_instead_of_a_check() {
    let refused = |path: &str, error: &str| RefusedManifest {
        path: path.to_owned(),
        error: format!("{path}: {error}"),
    };
    let closed = refused("a b.yaml", "it cannot be read: Permission denied (os error 13)");
    let one = QueueStatus { manifests_refused: 1, refused: vec![closed.clone()], ..queue_status() };
    assert_eq!(commands(one, running(1), setup()), ["chmod g+r '/jobs/a b.yaml'"]);
    let both = vec![closed, refused("c.yaml", "unknown key")];
    let two = QueueStatus { manifests_refused: 2, refused: both, ..queue_status() };
    let expected = ["chmod g+r '/jobs/a b.yaml'", "lipsyncd check /jobs/c.yaml"];
    assert_eq!(commands(two, running(1), setup()), expected);
}
