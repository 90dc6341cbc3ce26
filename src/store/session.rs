//! Sessions: answers of Identify Face, which all tasks of a video share.

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::{
    Store, StoreError, job_row,
    sql::{Sql as _, columns},
};
use crate::job::{FaceSpan, JobId, JobSpec, Session, Task};

/// Among a billion videos, two have the same digest with a chance of less than 1 in 10^11.
const DIGEST_BYTES: usize = 12;

/// A session with the faces in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SessionFaces {
    pub session: Session,
    pub faces: Vec<FaceSpan>,
}

/// An answer of Identify Face that is not stored yet.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NewSession {
    pub account: String,
    /// Any text that identifies a video.
    pub video: String,
    /// The row of its session is 0.
    pub known: SessionFaces,
}

impl NewSession {
    /// Stores it, and returns its row.
    pub(super) fn keep(&self, connection: &Connection) -> Result<i64, StoreError> {
        let SessionFaces { session, faces } = &self.known;
        let Session { session_id, identified_at_ms, expires_at_ms, .. } = session;
        connection.run(
            "INSERT INTO session (video, session_id, identified_at_ms, expires_at_ms)
             VALUES (?1, ?2, ?3, ?4)",
            (digest(&self.account, &self.video), session_id, identified_at_ms, expires_at_ms),
        )?;
        let row = connection.last_insert_rowid();
        for (place, FaceSpan { face_id, start_ms, end_ms }) in faces.iter().enumerate() {
            connection.run(
                "INSERT INTO face (session_row, place, face_id, start_ms, end_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                (row, place, face_id, start_ms, end_ms),
            )?;
        }
        Ok(row)
    }
}

/// Identifies a video of an account: URLs with signatures are long, and each would be stored twice.
fn digest(account: &str, video: &str) -> Vec<u8> {
    Sha256::digest(format!("{account}\n{video}"))[..DIGEST_BYTES].to_vec()
}

/// What the metadata file of a job's result needs.
#[derive(Debug)]
pub struct MetadataFacts {
    /// The face of the task's plan.
    pub face: Option<FaceSpan>,
    /// The request of the job.
    pub spec: JobSpec,
    /// The job points to the task now.
    pub is_asked_for: bool,
}

impl Store {
    /// Returns the newest session of `video` with `account` that is valid at `now_ms` and was identified after
    /// `after_ms`. `video` is any text that identifies a video.
    pub async fn fresh_session(
        &self,
        account: &str,
        video: &str,
        now_ms: i64,
        after_ms: i64,
    ) -> Result<Option<SessionFaces>, StoreError> {
        let video = digest(account, video);
        self.read(move |connection| {
            let session = connection.first(
                "SELECT id AS row, session_id, identified_at_ms, expires_at_ms FROM session
                 WHERE video = ?1 AND expires_at_ms > ?2 AND identified_at_ms >= ?3
                 ORDER BY expires_at_ms DESC LIMIT 1",
                (&video, now_ms, after_ms),
                |row| columns!(row => Session: row session_id identified_at_ms expires_at_ms),
            )?;
            let Some(session) = session else { return Ok(None) };
            let faces = faces(connection, session.row)?;
            Ok(Some(SessionFaces { session, faces }))
        })
        .await
    }

    /// Stores an answer of Identify Face without a task, and sets its `row`. For tests and the bench.
    pub async fn keep_session(
        &self,
        account: &str,
        video: &str,
        known: SessionFaces,
    ) -> Result<SessionFaces, StoreError> {
        let new = NewSession { account: account.to_owned(), video: video.to_owned(), known };
        self.write(move |connection| {
            let mut known = new.known.clone();
            known.session.row = new.keep(connection)?;
            Ok(known)
        })
        .await
    }

    /// Returns what the metadata file of a job's result needs.
    pub async fn metadata_facts(
        &self,
        task: &Task,
        job: JobId,
    ) -> Result<MetadataFacts, StoreError> {
        let id = task.id;
        let session_row = task.session.as_ref().map(|session| session.row);
        let face_id = task.plan.as_ref().map(|plan| plan.face_id.clone());
        self.read(move |connection| {
            let all = session_row.map(|row| faces(connection, row)).transpose()?;
            let is_chosen = |face: &FaceSpan| Some(&face.face_id) == face_id.as_ref();
            let face = all.unwrap_or_default().into_iter().find(is_chosen);
            let row =
                job_row::by_id(connection, job)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            let labels = job_row::labels(connection, job)?;
            let is_asked_for = row.job.task == Some(id);
            Ok(MetadataFacts { face, spec: JobSpec { labels, ..row.job.spec }, is_asked_for })
        })
        .await
    }
}

fn faces(connection: &Connection, session_row: i64) -> Result<Vec<FaceSpan>, StoreError> {
    connection.all(
        "SELECT face_id, start_ms, end_ms FROM face WHERE session_row = ?1 ORDER BY place",
        [session_row],
        |row| columns!(row => FaceSpan: face_id start_ms end_ms),
    )
}
