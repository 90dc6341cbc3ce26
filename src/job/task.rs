//! A task as the database holds it: one request, one take, and its progress at Kling.

use serde::Serialize;

use super::{Cost, CreateAttempt, Failure, JobId, JobSpec, Plan, Resend, Source, State, TaskId};

/// One task: unique by request and take, shared by all jobs that ask for both.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Task {
    pub id: TaskId,
    /// Counts the writes of its row, so that no writer overwrites a change that it has not read.
    pub revision: i64,
    pub state: State,
    /// Digest of everything that decides what Kling makes.
    pub request_hash: String,
    /// 1 for the first; `retry` and `take:` ask for others.
    pub take: u32,
    pub name: String,
    /// The job that gets the result first.
    pub lead: JobId,
    /// The file that this job has now: its SHA-256 and size.
    pub lead_file: Option<(String, u64)>,
    /// Whether its lead job had another task before a retry.
    pub has_earlier_task: bool,
    /// Whether that job asks for another task now: the result is kept beside the newer one.
    pub is_superseded: bool,
    /// Its position among the tasks of one priority: manifests take turns.
    pub turn: i64,
    /// The folder of the lead job's manifest under `jobs_dir`: local paths start there.
    pub media_dir: String,
    /// The request as its lead job makes it, with the key and output of that job, but the highest priority and
    /// the earliest `not_before` of all its jobs.
    pub spec: JobSpec,
    pub media: Media,
    /// When (Unix ms) its next step is due; 0: at once.
    pub due_at_ms: i64,
    pub tries: u32,
    /// When (Unix ms) the first of these failures happened.
    pub failing_since_ms: Option<i64>,
    pub sessions_lost: u32,
    /// Only sessions identified after this (Unix ms) are used: a retry uses no older session.
    pub sessions_after_ms: i64,
    /// Why it waits, if the reason concerns this task alone.
    pub wait_reason: Option<String>,
    /// Whether lookups have shown that Kling has no task for its create request, which may be sent again.
    pub may_resend: bool,
    /// Whether it waits because the output file of its lead job cannot be written.
    pub output_blocked: bool,
    pub session: Option<Session>,
    pub plan: Option<Plan>,
    /// The create request, from its record until it is known that Kling has no task for it.
    pub create: Option<CreateAttempt>,
    /// Whether its slot was released because Kling has not shown the task for long.
    pub slot_released: bool,
    /// A person's decision that Kling has no task of an earlier create request.
    pub resend: Option<Resend>,
    pub task_id: Option<String>,
    /// What Kling charged for it, also for its Identify Face calls.
    pub cost: Cost,
    pub failure: Option<Failure>,
    pub result: Option<ResultFile>,
    pub created_at_ms: i64,
}

/// What is known of local media.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Media {
    /// Why the job waits without a task, usually for a file; none: its media are complete.
    #[serde(rename = "missing")]
    pub wait_reason: Option<String>,
    pub audio_ms: Option<i64>,
    #[serde(skip)]
    pub audio_stamp: Option<String>,
    pub audio_sha256: Option<String>,
    pub video_ms: Option<i64>,
    #[serde(skip)]
    pub video_stamp: Option<String>,
    pub video_sha256: Option<String>,
    /// The URL of a local video for the API.
    pub video_url: Option<String>,
}

/// An Identify Face answer as a task refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Session {
    pub row: i64,
    pub session_id: String,
    pub identified_at_ms: i64,
    pub expires_at_ms: i64,
}

/// A result on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ResultFile {
    pub bytes: u64,
    pub sha256: String,
    pub duration_ms: Option<i64>,
}

/// The highest take.
pub const TAKE_MAX: u32 = 99;

/// The refusal of a younger session is the task's last, if another session was refused before. An older session may
/// have expired. The API page does not say how long a session lasts.
const SESSION_YOUNG_MS: i64 = 5 * 60 * 1000;

impl Task {
    /// Whether the session is too young to have expired. A session from the future proves nothing: the clock was set
    /// back since.
    #[must_use]
    pub fn is_session_young(&self, now_ms: i64) -> bool {
        self.session.as_ref().is_none_or(|session| {
            let age_ms = now_ms.saturating_sub(session.identified_at_ms);
            (0..SESSION_YOUNG_MS).contains(&age_ms)
        })
    }

    /// Creates a task of this request and take.
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
            has_earlier_task: false,
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
            cost: Cost::default(),
            failure: None,
            result: None,
            created_at_ms: 0,
        }
    }

    /// Returns the `external_task_id` of a request and a take: the name in the manifest, else a name made from the
    /// request hash alone. So a lost database, another host or another key arrives at the same name.
    pub fn name_of(request_hash: &str, own: Option<&str>, take: u32) -> String {
        let first = own.map_or_else(|| format!("lipsyncd-{request_hash}"), str::to_owned);
        if take > 1 { format!("{first}-{take}") } else { first }
    }

    /// Returns its `external_task_id`.
    pub fn external_task_id(&self) -> String {
        self.name.clone()
    }

    /// Whether Kling does not show its task at the moment.
    pub fn is_not_found(&self) -> bool {
        matches!(self.state, State::Submitted | State::Processing)
            && self.failing_since_ms.is_some()
    }

    /// Whether it holds, or may hold, one of the account's slots.
    pub fn holds_slot(&self) -> bool {
        self.state.holds_slot() && !self.slot_released
    }

    /// Whether its create request is being sent, or was not looked up since.
    pub fn is_sending(&self) -> bool {
        self.state == State::Creating && self.wait_reason.is_none()
    }

    /// Returns why it waits while the outcome of its create request is unknown: how often the request was sent,
    /// what the last send failed at, and the progress of the lookups, if any.
    pub(super) fn open_create_reason(&self, lookups: &str) -> String {
        let sent = self.create.as_ref().map(CreateAttempt::summary).unwrap_or_default();
        let lookups = if lookups.is_empty() { String::new() } else { format!("; {lookups}") };
        format!("checking whether Kling accepted the create request ({sent}){lookups}")
    }

    /// Whether Kling has no task of it: no create request was sent, or it is known that Kling accepted none.
    pub fn is_uncreated(&self) -> bool {
        self.task_id.is_none() && self.create.is_none()
    }

    /// Whether Kling accepted it: only an accepted task uses a take up.
    pub fn was_accepted(&self) -> bool {
        self.task_id.is_some()
    }

    /// Returns when (Unix ms) Kling created the task: the API's `created_at` if known, else the time of the create
    /// request. An adopted task has no create request: Kling created it before its row was inserted.
    pub fn made_at_ms(&self, remote_at_ms: Option<i64>) -> i64 {
        let sent_at_ms = self.create.as_ref().map(|create| create.first_sent_at_ms);
        remote_at_ms.or(sent_at_ms).unwrap_or(self.created_at_ms)
    }

    /// Whether its remote audio must be downloaded and measured before the timing can be chosen.
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
