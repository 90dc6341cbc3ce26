//! Jobs, their tasks, and the outcomes that lead them to their end.

use crate::{
    job::{
        Charge, Cost, FaceSpan, JobSpec, Media, Moment, Outcome, Policy, ResultFile, Session,
        Source, Task, outcome::PermanentError,
    },
    manifest::{ContentHashes, request_hash, spec_hash},
    store::{AcceptedManifest, Hold, HoldKind, SessionFaces, Store, WantedJob},
};

/// 2026-03-01T12:00:07.050Z
pub(crate) const NOW_MS: i64 = 1_772_366_407_050;

pub(crate) const MOMENT: Moment = Moment { now_ms: NOW_MS, chance: 0.5 };

pub(crate) const POLICY: Policy = Policy {
    retry_initial_ms: 1_000,
    retry_max_ms: 300_000,
    give_up_after_ms: 86_400_000,
    create_settle_ms: 10_000,
};

pub(crate) const RESULT_BYTES: u64 = 1_572_864;

pub(crate) fn spec() -> JobSpec {
    spec_of("promo/en")
}

/// A job whose request no other key has.
pub(crate) fn spec_of(key: &str) -> JobSpec {
    let video = Source::Url("https://cdn.example.com/v.mp4".to_owned());
    let audio = Source::Url(format!("https://cdn.example.com/{key}.mp3"));
    JobSpec {
        id: key.rsplit_once('/').map(|(_, id)| id.to_owned()),
        sound_end_ms: Some(5_000),
        original_audio_volume: 0.5,
        labels: [("language".to_owned(), "en".to_owned())].into(),
        ..JobSpec::new(key, video, audio)
    }
}

/// What is known of a local audio file with this content.
pub(crate) fn audio_of(sha256: &str) -> Media {
    Media {
        audio_ms: Some(5_000),
        audio_stamp: Some(format!("stamp of {sha256}")),
        audio_sha256: Some(sha256.to_owned()),
        ..Media::default()
    }
}

/// The job as the inbox hands it over, with the hashes of what it asks for.
pub(crate) fn hashed(spec: JobSpec, media: Result<Media, PermanentError>) -> WantedJob {
    let complete = media.as_ref().ok().filter(|media| media.wait_reason.is_none());
    let request_hash = complete.and_then(|media| {
        let (video_sha256, audio_sha256) =
            (media.video_sha256.as_deref(), media.audio_sha256.as_deref());
        request_hash(&spec, ContentHashes { video_sha256, audio_sha256 })
    });
    let output_is_explicit = spec.output != format!("{}.mp4", spec.key);
    let spec_hash = spec_hash(&spec, output_is_explicit);
    WantedJob { spec_hash, request_hash, media, spec }
}

pub(crate) fn manifest(path: &str, jobs: Vec<WantedJob>) -> AcceptedManifest {
    AcceptedManifest { path: path.to_owned(), file_stamp: "stamp".to_owned(), jobs }
}

/// A task that nothing was done for yet.
pub(crate) fn task() -> Task {
    Task::new(spec(), Media::default(), "hash".into(), 1, "ext".into())
}

pub(crate) fn permanent_error(message: &str) -> PermanentError {
    PermanentError { code: "1201".to_owned(), message: message.to_owned() }
}

/// A hold of the queue that does not end by itself.
pub(crate) fn hold(reason: &str) -> Option<Hold> {
    Some(Hold { kind: HoldKind::Budget, reason: reason.to_owned(), until_ms: i64::MAX })
}

/// A session of the video that the store knows.
pub(crate) async fn session(store: &Store) -> Session {
    let session = Session {
        row: 0,
        session_id: "s".to_owned(),
        identified_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 1_000,
    };
    let known = SessionFaces { session, faces: Vec::new() };
    store.keep_session("account", "video", known).await.unwrap().session
}

/// From queued to an accepted task.
pub(crate) fn until_submitted(session: &Session, task_id: &str) -> Vec<Outcome> {
    let faces = vec![FaceSpan { face_id: "7".to_owned(), start_ms: 0, end_ms: 10_000 }];
    let host = "api-singapore.klingai.com".to_owned();
    vec![
        Outcome::Identified { session: session.clone(), faces, cost: Some(Cost::units(50_000)) },
        Outcome::CreateIntended { host, account: "account".to_owned() },
        Outcome::Accepted { task_id: task_id.to_owned() },
    ]
}

/// From an accepted task to its [`result`].
pub(crate) fn until_succeeded() -> Vec<Outcome> {
    vec![
        Outcome::Processing,
        Outcome::TaskSucceeded { charge: Some(Charge::units(1_000_000)) },
        Outcome::Delivered(result()),
    ]
}

pub(crate) fn result() -> ResultFile {
    ResultFile { bytes: RESULT_BYTES, sha256: "ab".repeat(32), duration_ms: Some(10_000) }
}
