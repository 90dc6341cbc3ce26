//! (replaced by the media branch)
#![allow(missing_docs)]
use super::{FaceChoice, JobSpec};
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceSpan {
    pub face_id: String,
    pub start_ms: i64,
    pub end_ms: i64,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub face_id: String,
    pub sound_start_ms: i64,
    pub sound_end_ms: i64,
    pub sound_insert_ms: i64,
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct TimingFault;
impl TimingFault {
    pub fn code(&self) -> &'static str {
        "x"
    }
}
pub fn plan(
    spec: &JobSpec,
    faces: &[FaceSpan],
    sound: Option<i64>,
    video: Option<i64>,
) -> Result<Plan, TimingFault> {
    let _ = (spec, sound, video, FaceChoice::Longest);
    faces
        .first()
        .map(|f| Plan {
            face_id: f.face_id.clone(),
            sound_start_ms: 0,
            sound_end_ms: 2000,
            sound_insert_ms: 0,
        })
        .ok_or(TimingFault)
}
