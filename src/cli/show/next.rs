//! What the user can do about a job.

use crate::{
    cli::open,
    job::{Job, Source, State, Task},
    output::Presence,
    store::JobDetail,
};

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
