//! The pure core: what a job is, what to do with it next, what an outcome makes of it.
//!
//! A job moves only so: [`decide()`] names the [`Action`], the pipeline performs it and gets an
//! [`Outcome`], [`apply()`] makes the [`Transition`], the store writes that down. Nothing here does IO,
//! reads a clock or rolls a die: time and chance come in as arguments. It imports nothing of the
//! other modules.

pub mod apply;
pub mod decide;
pub mod outcome;
mod person;
pub mod retry;
pub mod spec;
pub mod state;
pub mod timing;

#[cfg(test)]
pub(crate) mod tests;

pub use apply::{Illegal, Transition, apply};
pub use decide::{Action, decide};
pub use outcome::{Outcome, Spend};
pub use person::is_by_a_person;
pub use retry::{Moment, Policy};
pub use spec::{FaceChoice, JobSpec, Source};
pub use state::State;
pub use timing::{FaceSpan, Plan};

/// The row number of a job in the state database; stable for the job's life.
pub type JobId = i64;

/// The [`Failure::code`] of a job that was taken out of the folder before it was sent.
pub const REMOVED: &str = "removed";

/// How the [`Job::waits`] of a job begins whose place in the output folder cannot be written.
pub const BLOCKED: &str = "its place in the output folder, which cannot be written";

/// One job as the database holds it: what was asked, and how far it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its row.
    pub id: JobId,
    /// Counts the writes of its row, so that nobody writes over what they have not read.
    pub revision: i64,
    /// Where it stands.
    pub state: State,
    /// 1 for the first; each `lipsyncd retry` adds one.
    pub attempt: u32,
    /// Its place among the jobs of one priority: manifests take turns.
    pub turn: i64,
    /// What the manifest asks.
    pub spec: JobSpec,
    /// What is known of its sound and video.
    pub media: Media,
    /// The name its task goes by, without the `-2`, `-3` of later attempts.
    pub external_base: String,
    /// Not before this (Unix ms) is anything done for it; 0: at once.
    pub due_at_ms: i64,
    /// Failures in a row of the step it stands at.
    pub tries: u32,
    /// Since when (Unix ms) that step fails.
    pub failing_since_ms: Option<i64>,
    /// Young sessions that got lost under this attempt.
    pub sessions_lost: u32,
    /// What it waits for, where that is its own affair and not the whole line's.
    pub waits: Option<String>,
    /// The Identify Face answer it uses.
    pub session: Option<Session>,
    /// Face and timing, once they are settled.
    pub plan: Option<Plan>,
    /// The create, once it is written down.
    pub create: Option<Create>,
    /// The accepted task.
    pub task_id: Option<String>,
    /// What it cost in all, in millionths of a unit.
    pub units_micro: i64,
    /// Why it failed or was cancelled.
    pub failure: Option<Failure>,
    /// What is on disk for it.
    pub result: Option<Delivered>,
    /// The manifest asks for something else since it was sent.
    pub changed_since: bool,
}

/// What is known of the media of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Media {
    /// What is missing, in one clause; none: nothing is missing.
    pub missing: Option<String>,
    /// The length of the audio; none while it is unknown.
    pub audio_ms: Option<i64>,
    /// The file stamp of a local audio file when it was measured.
    pub audio_stamp: Option<String>,
    /// The SHA-256 of a local audio file, in lower-case hex.
    pub audio_sha256: Option<String>,
    /// The length of the video; none while it is unknown.
    pub video_ms: Option<i64>,
    /// The file stamp of a local video file when it was measured.
    pub video_stamp: Option<String>,
    /// The SHA-256 of a local video file, in lower-case hex.
    pub video_sha256: Option<String>,
    /// The URL from which the API fetches a local video.
    pub video_url: Option<String>,
}

/// An Identify Face answer as a job refers to it.
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

/// A create that was written down, and may have been sent.
///
/// It stays with a job that has to be identified or measured anew before the create can be sent once
/// more: while it is there, an earlier send may exist at the API, and is looked for first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Whose account it was sent with.
    pub account: String,
    /// When (Unix ms) it was first written down.
    pub first_sent_at_ms: i64,
    /// When (Unix ms) it was last written down.
    pub sent_at_ms: i64,
    /// How often it was written down to be sent.
    pub sends: u32,
    /// Checksum of an inline sound, so that the same body is sent again or none.
    pub sound_sha256: Option<String>,
}

impl Create {
    /// Whether it may have been sent before the last time: then a refusal of the last send does not
    /// say that no task goes by its name.
    #[must_use]
    pub fn was_sent_before(&self) -> bool {
        self.sends > 1
    }
}

/// Why a job ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable word or the API's number.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// A result on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its size.
    pub bytes: u64,
    /// Its checksum, in hex.
    pub sha256: String,
    /// Its length, where the file tells it.
    pub duration_ms: Option<i64>,
}

impl Job {
    /// A job that was just read from its manifest: it waits for a first look at its media.
    #[must_use]
    pub fn new(spec: JobSpec, external_base: String, turn: i64) -> Self {
        Self {
            id: 0,
            revision: 0,
            state: State::Waiting,
            attempt: 1,
            turn,
            spec,
            media: Media {
                missing: Some("its media to be looked at".to_owned()),
                ..Media::default()
            },
            external_base,
            due_at_ms: 0,
            tries: 0,
            failing_since_ms: None,
            sessions_lost: 0,
            waits: None,
            session: None,
            plan: None,
            create: None,
            task_id: None,
            units_micro: 0,
            failure: None,
            result: None,
            changed_since: false,
        }
    }

    /// The name of this attempt's task: what the manifest or we gave, with `-2`, `-3`, … from the
    /// second attempt on.
    #[must_use]
    pub fn external_task_id(&self) -> String {
        self.name_of(self.attempt)
    }

    /// The name of the task of any attempt, from 1.
    #[must_use]
    pub fn name_of(&self, attempt: u32) -> String {
        match attempt {
            0 | 1 => self.external_base.clone(),
            attempt => format!("{}-{attempt}", self.external_base),
        }
    }

    /// The folder of its manifest under `jobs_dir`, parts joined by `/`; empty for `jobs_dir` itself.
    #[must_use]
    pub fn manifest_dir(&self) -> &str {
        let parent = |path: &'_ str| path.rfind('/').map_or(0, |end| end);
        let key = self.spec.key.as_str();
        let stem = if self.spec.id.is_some() { &key[..parent(key)] } else { key };
        &stem[..parent(stem)]
    }

    /// Whether it was cancelled because it left the folder, and not by a person's word.
    #[must_use]
    pub fn was_removed(&self) -> bool {
        let removed = |failure: &Failure| failure.code == REMOVED;
        self.state == State::Cancelled && self.failure.as_ref().is_some_and(removed)
    }

    /// Whether the API does not know its task at the moment.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        matches!(self.state, State::Submitted | State::Processing)
            && self.failing_since_ms.is_some()
    }

    /// Whether nothing that costs a task ever left the machine for this attempt.
    #[must_use]
    pub fn was_never_sent(&self) -> bool {
        self.task_id.is_none() && self.create.is_none()
    }

    /// Whether a remote sound must be fetched and measured before it can be planned.
    #[must_use]
    pub fn needs_sound_length(&self) -> bool {
        self.spec.sound_end_ms.is_none()
            && self.media.audio_ms.is_none()
            && matches!(self.spec.audio, Source::Url(_))
    }
}
