//! The shape of `show --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    cli::{
        open,
        text::{iso_ms, shell_word},
    },
    job::{CreateAttempt, Job, JobSpec, Media, Plan, ResultFile, Source, State, Task},
    output::Presence,
    store::{HistoryEntry, JobDetail, JobOverview},
};

#[derive(Debug, Serialize)]
pub(super) struct JobReport<'a> {
    #[serde(flatten)]
    line: &'a JobOverview,
    manifest_in_folder: bool,
    labels: &'a BTreeMap<String, String>,
    request_hash: Option<&'a str>,
    shares_with: &'a [String],
    wish: &'a JobSpec,
    media: Media,
    used: Option<&'a Plan>,
    create: Option<CreateTimes>,
    /// The task of an earlier request with an unknown outcome, if a person must decide it.
    earlier_unresolved: Option<Earlier<'a>>,
    result: Option<&'a ResultFile>,
    /// Whether the delivered file is still there; null: none was delivered.
    file: Option<&'static str>,
    /// While the outcome of the create request is unknown: the tasks of the account that may be the job's.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<Vec<CandidateReport<'a>>>,
    /// With `candidates`: when the account's tasks were read far enough; null: not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates_listed_at: Option<Option<String>>,
    history_is_whole: bool,
    history: &'a [HistoryEntry],
    next: Option<String>,
}

/// A task of the account that may be an unresolved job's, and the command to choose it.
#[derive(Debug, Serialize)]
pub(super) struct CandidateReport<'a> {
    pub(super) task_id: &'a str,
    pub(super) status: &'a str,
    pub(super) video: Option<&'a str>,
    pub(super) created_at: Option<String>,
    pub(super) command: String,
}

#[derive(Debug, Serialize)]
struct CreateTimes {
    first_sent_at: String,
    sent_at: String,
}

impl CreateTimes {
    fn of(create: &CreateAttempt) -> Self {
        Self { first_sent_at: iso_ms(create.first_sent_at_ms), sent_at: iso_ms(create.sent_at_ms) }
    }
}

/// A task of a request that the job does not ask for any more.
#[derive(Debug, Serialize)]
struct Earlier<'a> {
    external_task_id: &'a str,
    create: Option<CreateTimes>,
}

impl<'a> JobReport<'a> {
    pub(super) fn of(detail: &'a JobDetail, file: Option<Presence>) -> Self {
        let (job, task) = (&detail.state.job, detail.state.task.as_ref());
        Self {
            line: &detail.overview,
            manifest_in_folder: detail.manifest_is_there,
            labels: &job.spec.labels,
            request_hash: job.request_hash.as_deref(),
            shares_with: &detail.state.shares_with,
            wish: &job.spec,
            media: Media {
                audio_ms: job.media.audio_ms.or(task.and_then(|task| task.media.audio_ms)),
                ..job.media.clone()
            },
            used: task.and_then(|task| task.plan.as_ref()),
            create: task.and_then(|task| task.create.as_ref()).map(CreateTimes::of),
            earlier_unresolved: earlier_to_decide(detail).map(|task| Earlier {
                external_task_id: &task.name,
                create: task.create.as_ref().map(CreateTimes::of),
            }),
            result: task.and_then(|task| task.result.as_ref()),
            file: file.map(|file| match file {
                Presence::Delivered => "delivered",
                Presence::Changed => "changed",
                Presence::Absent => "absent",
            }),
            candidates: candidates(detail),
            candidates_listed_at: detail
                .state
                .to_decide()
                .map(|_| detail.state.listed_at_ms.map(iso_ms)),
            history_is_whole: detail.history_is_complete(),
            history: &detail.history,
            next: next_command(detail, file),
        }
    }
}

/// Returns the tasks that may be the job's; none if the outcome of its create request is known.
pub(super) fn candidates(detail: &JobDetail) -> Option<Vec<CandidateReport<'_>>> {
    let resolve = open::command("resolve", &detail.state.job.spec.key);
    let all = detail.state.candidates.iter().map(|candidate| CandidateReport {
        task_id: &candidate.task_id,
        status: &candidate.status,
        video: candidate.video.as_deref(),
        created_at: candidate.created_at_ms.map(iso_ms),
        command: format!("{resolve} --task {}", shell_word(&candidate.task_id)),
    });
    detail.state.to_decide().map(|_| all.collect())
}

pub(super) fn next_command(detail: &JobDetail, file: Option<Presence>) -> Option<String> {
    let job = &detail.state.job;
    let (key, manifest_is_there) = (&job.spec.key, job.absent_since_ms.is_none());
    let resolve = open::command("resolve", key);
    let is_unresolved = job.state == State::Unresolved || earlier_to_decide(detail).is_some();
    match job.state {
        _ if is_unresolved && detail.state.listed_at_ms.is_some() => {
            Some(format!("{resolve} --task ID | --resend"))
        }
        // Before the list was read, a task may exist, and --resend would pay twice.
        _ if is_unresolved && detail.state.candidates.is_empty() => None,
        _ if is_unresolved => Some(format!("{resolve} --task ID")),
        State::Failed if unusable_file(job).is_some() => None,
        State::Failed | State::Cancelled if manifest_is_there && !job.was_removed() => {
            Some(open::command("retry", key))
        }
        State::Succeeded if file == Some(Presence::Absent) => Some(open::command("fetch", key)),
        State::Succeeded if manifest_is_there && job.changed_after_sent => {
            Some(open::command("retry", key))
        }
        _ => None,
    }
}

/// Returns the task of an earlier request with an unknown outcome, if it is the one to decide.
pub(super) fn earlier_to_decide(detail: &JobDetail) -> Option<&Task> {
    let undecided = detail.state.undecided.as_ref()?;
    detail.state.to_decide().filter(|task| task.id == undecided.id)
}

/// Returns the local file that failed the job. A retry would fail again; a replaced file is checked automatically.
pub(super) fn unusable_file(job: &Job) -> Option<&str> {
    let in_folder = job.task.is_none() && job.absent_since_ms.is_none();
    let failure = job.failure.as_ref().filter(|_| in_folder && job.state == State::Failed)?;
    let source = match failure.code.split_once('_')?.0 {
        "audio" => &job.spec.audio,
        "video" => &job.spec.video,
        "file" if failure.message.starts_with("video") => &job.spec.video,
        "file" => &job.spec.audio,
        _ => return None,
    };
    matches!(source, Source::File(_)).then(|| source.as_written())
}
