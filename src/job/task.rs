//! A task as the database holds it: one request, one take, and its progress at Kling.

use serde::Serialize;

use super::{JobId, JobSpec, Plan, Source, State, TaskId};

/// One task: unique by request and take, shared by all jobs that ask for both.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its row.
    pub id: TaskId,
    /// Counts the writes of its row, so that nobody overwrites what they have not read.
    pub revision: i64,
    /// Its state.
    pub state: State,
    /// Digest of all that decides what Kling makes.
    pub request_hash: String,
    /// 1 for the first; `retry` and `take:` ask for others.
    pub take: u32,
    /// Its `external_task_id` at Kling.
    pub name: String,
    /// The job that gets the result first.
    pub lead: JobId,
    /// The file that this job has by now: its SHA-256 and size.
    pub lead_file: Option<(String, u64)>,
    /// That job asks for another task by now: the result is kept beside the newer one.
    pub is_superseded: bool,
    /// Its place among the tasks of one priority: manifests take turns.
    pub turn: i64,
    /// The folder of the lead job's manifest under `jobs_dir`: local paths start there.
    pub media_dir: String,
    /// The request as its lead job asks for it; with the highest priority and the earliest `not_before` of
    /// its jobs, and the key and output of the lead job.
    pub spec: JobSpec,
    /// What is known of its media.
    pub media: Media,
    /// Nothing is done for it before this (Unix ms); 0: at once.
    pub due_at_ms: i64,
    /// Failures in a row of its current step.
    pub tries: u32,
    /// Since when (Unix ms) that step fails.
    pub failing_since_ms: Option<i64>,
    /// Young sessions that were lost.
    pub sessions_lost: u32,
    /// Only sessions identified after this (Unix ms) are used: a retry uses no older one.
    pub sessions_after_ms: i64,
    /// What it waits for, where that concerns this task alone.
    pub wait_reason: Option<String>,
    /// Lookups have shown that Kling has no task of its create request, which may be sent again.
    pub may_resend: bool,
    /// It waits because the output file of its lead job cannot be written.
    pub output_blocked: bool,
    /// The Identify Face answer it uses.
    pub session: Option<Session>,
    /// Face and timing, once they are settled.
    pub plan: Option<Plan>,
    /// The create request, from when it is written until it is known that Kling has no task of it.
    pub create: Option<CreateAttempt>,
    /// Its slot was freed because Kling has not shown the task for long.
    pub slot_released: bool,
    /// A person decided that Kling has no task of an earlier create request.
    pub resend: Option<Resend>,
    /// Kling's id of the accepted task.
    pub task_id: Option<String>,
    /// What it cost in all, in millionths of a unit.
    pub units_micro: i64,
    /// Why it failed or was cancelled.
    pub failure: Option<Failure>,
    /// Its verified result.
    pub result: Option<ResultFile>,
    /// When (Unix ms) its row was written.
    pub created_at_ms: i64,
}

/// What is known of local media.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Media {
    /// What of it is not there yet, in words; none: all is there.
    #[serde(rename = "missing")]
    pub wait_reason: Option<String>,
    /// Length of the audio; none while it is not known.
    pub audio_ms: Option<i64>,
    /// The stamp of a local audio file when it was read.
    #[serde(skip)]
    pub audio_stamp: Option<String>,
    /// Content hash of a local audio file.
    pub audio_sha256: Option<String>,
    /// Length of the video; none while it is not known.
    pub video_ms: Option<i64>,
    /// The stamp of a local video file when it was read.
    #[serde(skip)]
    pub video_stamp: Option<String>,
    /// Content hash of a local video file.
    pub video_sha256: Option<String>,
    /// Where the API finds a local video.
    pub video_url: Option<String>,
}

/// An Identify Face answer as a task refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its row.
    pub row: i64,
    /// The API's name for it.
    pub session_id: String,
    /// When (Unix ms) it was made.
    pub identified_at_ms: i64,
    /// When (Unix ms) it is no longer used.
    pub expires_at_ms: i64,
}

/// A create request that was written, and may have been sent: while a task has one, Kling may have a task of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAttempt {
    /// The host it was sent to.
    pub host: String,
    /// The key it was sent with.
    pub account: String,
    /// When (Unix ms) it was first written.
    pub first_sent_at_ms: i64,
    /// When (Unix ms) it was last written.
    pub sent_at_ms: i64,
    /// How often it was written to be sent.
    pub sends: u32,
    /// How Kling answered the last send.
    pub answer: CreateAnswer,
    /// The words of that answer, or why none came.
    pub failure: Option<Failure>,
}

/// How sure a person was that Kling has no task of a create request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// Unless Kling shows a task that could be it, when the create request has its turn.
    Checked,
    /// Whatever Kling shows, unless it has the name that lipsyncd made.
    Sure,
}

impl Resend {
    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Sure => "sure",
        }
    }
}

/// How Kling answered a create request that has not become a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CreateAnswer {
    /// Not, or so that the outcome is open.
    #[default]
    Unknown,
    /// A task of this name exists.
    NameExists,
    /// The session cannot be used any more.
    SessionGone,
    /// The request was refused for another reason.
    Refused,
}

impl CreateAnswer {
    /// Every answer.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::NameExists, Self::SessionGone, Self::Refused];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NameExists => "name_exists",
            Self::SessionGone => "session_gone",
            Self::Refused => "refused",
        }
    }
}

impl CreateAttempt {
    /// Whether it was sent more than once: then a refusal of the last send does not prove that no task has
    /// its name.
    #[must_use]
    pub fn was_sent_before(&self) -> bool {
        self.sends > 1
    }
}

/// Why a task or job ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable word or the API's number.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// A result on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResultFile {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its length, where the file shows it.
    pub duration_ms: Option<i64>,
}

/// The highest take.
pub const TAKE_MAX: u32 = 99;

impl Task {
    /// A new task of this request and take, which nothing was done for yet.
    #[must_use]
    pub fn new(spec: JobSpec, media: Media, request_hash: String, take: u32, name: String) -> Self {
        Self {
            id: 0,
            revision: 0,
            state: State::Queued,
            request_hash,
            take,
            name,
            lead: 0,
            lead_file: None,
            is_superseded: false,
            turn: 0,
            media_dir: String::new(),
            spec,
            media,
            due_at_ms: 0,
            tries: 0,
            failing_since_ms: None,
            sessions_lost: 0,
            sessions_after_ms: 0,
            wait_reason: None,
            may_resend: false,
            output_blocked: false,
            session: None,
            plan: None,
            create: None,
            slot_released: false,
            resend: None,
            task_id: None,
            units_micro: 0,
            failure: None,
            result: None,
            created_at_ms: 0,
        }
    }

    /// Returns the `external_task_id` of a request and a take: the name that the manifest gives, else one made
    /// from the request alone, so that a lost database, another host or another key leads to the same name.
    #[must_use]
    pub fn name_of(request_hash: &str, own: Option<&str>, take: u32) -> String {
        let first = own.map_or_else(|| format!("lipsyncd-{request_hash}"), str::to_owned);
        if take > 1 { format!("{first}-{take}") } else { first }
    }

    /// Returns its `external_task_id`.
    #[must_use]
    pub fn external_task_id(&self) -> String {
        self.name.clone()
    }

    /// Whether the API does not know its task at the moment.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.state, State::Submitted | State::Processing)
            && self.failing_since_ms.is_some()
    }

    /// Whether a task of the account's concurrency is, or may be, taken by it.
    #[must_use]
    pub fn holds_slot(&self) -> bool {
        self.state.holds_slot() && !self.slot_released
    }

    /// Whether its create request is being sent, or it was not looked up since.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.state == State::Creating && self.wait_reason.is_none()
    }

    /// Whether Kling has no task of it: no create request was sent, or it is known that none was accepted.
    #[must_use]
    pub fn is_uncreated(&self) -> bool {
        self.task_id.is_none() && self.create.is_none()
    }

    /// Whether Kling accepted it: only that uses its take up.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        self.task_id.is_some()
    }

    /// Returns when (Unix ms) Kling made the task: the API's `created_at` if it is known, else when the create request
    /// was sent. An adopted task has no create request; Kling made that task before its row was written.
    #[must_use]
    pub fn made_at_ms(&self, remote_at_ms: Option<i64>) -> i64 {
        let sent_at_ms = self.create.as_ref().map(|create| create.first_sent_at_ms);
        remote_at_ms.or(sent_at_ms).unwrap_or(self.created_at_ms)
    }

    /// Whether a remote audio must be fetched and measured before it can be planned.
    #[must_use]
    pub fn needs_audio_length(&self) -> bool {
        self.spec.sound_end_ms.is_none()
            && self.media.audio_ms.is_none()
            && matches!(self.spec.audio, Source::Url(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_from_request_and_take() {
        for (own, take, name) in [
            (None, 1, "lipsyncd-0123"),
            (None, 2, "lipsyncd-0123-2"),
            (Some("mine"), 1, "mine"),
            (Some("mine"), 99, "mine-99"),
        ] {
            assert_eq!(Task::name_of("0123", own, take), name);
        }
    }
}
