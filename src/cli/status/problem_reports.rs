//! The shape in JSON of the problems that `status` shows.

use serde::Serialize;

use crate::{
    cli::{open, text::iso_ms},
    store::{NotificationProblems, SupersededTasks, Undelivered, UnreadableFolders, UploadStatus},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ProblemReport {
    pub(super) reason: String,
    pub(super) since: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FoldersReport {
    pub(super) count: i64,
    pub(super) first: String,
    pub(super) reason: String,
}

impl FoldersReport {
    pub(super) fn of(folders: &UnreadableFolders) -> Self {
        let UnreadableFolders { count, first, reason } = folders.clone();
        Self { count, first, reason }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct UploadReport {
    pub(super) running: i64,
    pub(super) sent_bytes: i64,
    pub(super) bytes: i64,
    /// Why uploads are held.
    pub(super) problem: Option<ProblemReport>,
}

impl UploadReport {
    pub(super) fn of(uploads: &UploadStatus) -> Option<Self> {
        let UploadStatus { running, sent_bytes, bytes, problem } = uploads;
        let problem = problem.as_ref().map(|problem| ProblemReport {
            reason: problem.reason.clone(),
            since: iso_ms(problem.since_ms),
        });
        (*running > 0 || problem.is_some()).then_some(Self {
            running: *running,
            sent_bytes: *sent_bytes,
            bytes: *bytes,
            problem,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BlockedReport {
    pub(super) jobs: i64,
    pub(super) reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct UndeliveredReport {
    pub(super) jobs: i64,
    pub(super) first_job: String,
    /// Why the result of the first job does not come.
    pub(super) reason: String,
}

impl UndeliveredReport {
    pub(super) fn of(undelivered: &Undelivered) -> Self {
        let Undelivered { jobs, first_job, reason } = undelivered.clone();
        Self { jobs, first_job, reason }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct UnsentReport {
    /// Messages that are tried again.
    pub(super) failing: i64,
    /// Messages that could not be sent for 24 h.
    pub(super) dead: i64,
    pub(super) problem: String,
}

impl UnsentReport {
    pub(super) fn of(problems: &NotificationProblems) -> Option<Self> {
        let NotificationProblems { failing, dead, problem } = problems.clone();
        Some(Self { failing, dead, problem: problem? })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SupersededReport {
    pub(super) tasks: i64,
    pub(super) jobs: Vec<ToResolve>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ToResolve {
    pub(super) key: String,
    pub(super) command: String,
}

impl SupersededReport {
    pub(super) fn of(superseded: &SupersededTasks) -> Option<Self> {
        let to_resolve = |key: &String| ToResolve {
            key: key.clone(),
            command: format!("{} --task ID | --resend", open::command("resolve", key)),
        };
        (superseded.tasks > 0).then(|| Self {
            tasks: superseded.tasks,
            jobs: superseded.jobs.iter().map(to_resolve).collect(),
        })
    }
}
