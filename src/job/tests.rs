//! The core by tables: where each outcome leads from each state, and what it leaves in the task.

mod complete;
mod delivering;
mod details;
mod open;
mod paid;
mod properties;
pub(crate) mod scenario;
mod table;

use super::{
    Charge, Cost, CreateAnswer, FaceChoice, FaceSpan, JobSpec, Moment, Outcome, ResultFile,
    Session, State, Task, Transition, apply,
    outcome::{PermanentError, TransientError},
};
use crate::testing::jobs::{NOW_MS, POLICY, permanent_error, task};

fn transient_error() -> TransientError {
    TransientError { code: "5000".into(), message: "server busy".into(), retry_after_ms: None }
}

fn identified() -> Outcome {
    let session = Session {
        row: 3,
        session_id: "s".into(),
        identified_at_ms: NOW_MS,
        expires_at_ms: i64::MAX,
    };
    let faces = vec![FaceSpan { face_id: "0".into(), start_ms: 0, end_ms: 9_000 }];
    Outcome::Identified { session, faces, cost: Some(Cost::units(50_000)) }
}

fn intended() -> Outcome {
    Outcome::CreateIntended { host: "h".into(), account: "a".into() }
}

/// A refusal of the create request that counts only once no task of the name is found.
fn refused_as(answer: CreateAnswer) -> Outcome {
    Outcome::CreateRefused { answer, error: permanent_error("no good") }
}

/// The session of the only send was refused, and no task of the name was found.
fn session_lost(task: &Task, now_ms: i64) -> Task {
    let refused = at(task, refused_as(CreateAnswer::SessionGone), now_ms).task;
    at(&refused, Outcome::Absent { absent_ms: 0 }, now_ms).task
}

fn delivered() -> Outcome {
    Outcome::Delivered(ResultFile { bytes: 9, sha256: "ab".into(), duration_ms: Some(9_000) })
}

/// One of each outcome, by its name.
fn outcomes() -> Vec<(&'static str, Outcome)> {
    use Outcome as O;
    let text = || "why".to_owned();
    let task_id = || "t9".to_owned();
    vec![
        ("Due", O::Due),
        ("AudioMeasured", O::AudioMeasured { length_ms: 4_000 }),
        ("Identified", identified()),
        ("SessionGone", O::SessionGone(text())),
        ("CreateIntended", intended()),
        (
            "ResendIntended",
            O::ResendIntended { account: "a".into(), absent_ms: POLICY.create_settle_ms },
        ),
        ("Accepted", O::Accepted { task_id: task_id() }),
        ("NotSent", O::NotSent(text())),
        ("Deferred", O::Deferred(text())),
        ("Lost", O::Lost(text())),
        ("CreateRefused", refused_as(CreateAnswer::NameExists)),
        ("Found", O::Found { task_id: task_id() }),
        ("ResultOnDisk", O::ResultOnDisk { task_id: task_id() }),
        ("Absent", O::Absent { absent_ms: 0 }),
        ("Undecided", O::Undecided { why: text(), absent_ms: POLICY.create_settle_ms }),
        ("Conflict", O::Conflict(text())),
        ("Reopened", O::Reopened),
        ("Processing", O::Processing),
        ("TaskNotFound", O::TaskNotFound(text())),
        ("TaskStatusUnknown", O::TaskStatusUnknown(text())),
        ("TaskReappeared", O::TaskReappeared),
        ("TaskSucceeded", O::TaskSucceeded { charge: Some(Charge::units(2_000_000)) }),
        ("TaskFailed", O::TaskFailed { message: text(), charge: Some(Charge::units(1_000_000)) }),
        ("Delivered", delivered()),
        ("TransientError", O::TransientError(transient_error())),
        ("OutputBlocked", O::OutputBlocked(transient_error())),
        ("Refused", O::Refused(permanent_error("no good"))),
        ("Abandoned", O::Abandoned),
        ("Postponed", O::Postponed { until_ms: NOW_MS + 1 }),
        ("Revived", O::Revived { sessions_after_ms: 0 }),
        ("FollowedAgain", O::FollowedAgain),
        ("ResolvedAs", O::ResolvedAs { task_id: task_id() }),
        ("ResolvedAsUnsent", O::ResolvedAsUnsent { is_sure: true }),
    ]
}

fn moment(now_ms: i64) -> Moment {
    Moment { now_ms, chance: 1.0 }
}

fn at(task: &Task, outcome: Outcome, now_ms: i64) -> Transition {
    apply(task, outcome, &moment(now_ms), &POLICY).unwrap()
}

/// The task after these outcomes, all at the same time.
fn after(task: Task, outcomes: impl IntoIterator<Item = Outcome>) -> Task {
    outcomes.into_iter().fold(task, |task, outcome| at(&task, outcome, NOW_MS).task)
}

/// A task that came to `state` the usual way; a waiting one is due.
fn task_in(state: State) -> Task {
    use Outcome as O;
    let accepted = || O::Accepted { task_id: "t1".into() };
    let succeeded = || O::TaskSucceeded { charge: Some(Charge::units(2_000_000)) };
    let path = match state {
        State::Waiting => {
            return Task { state, due_at_ms: NOW_MS, ..task() };
        }
        State::Queued => vec![],
        State::Identified => vec![identified()],
        State::Creating => vec![identified(), intended()],
        State::Submitted => vec![identified(), intended(), accepted()],
        State::Processing => vec![identified(), intended(), accepted(), O::Processing],
        State::Downloading => vec![identified(), intended(), accepted(), succeeded()],
        State::Succeeded => vec![identified(), intended(), accepted(), succeeded(), delivered()],
        State::Failed => vec![O::Refused(permanent_error("no good"))],
        State::Cancelled => vec![O::Abandoned],
        State::Unresolved => vec![identified(), intended(), O::Conflict("of another video".into())],
    };
    let task = after(task(), path);
    assert_eq!(task.state, state);
    task
}
