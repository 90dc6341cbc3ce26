//! Which face speaks, and which part of the audio goes where in the video.
//!
//! Applies the defaults of the manifest's time keys and the API's rules about them, so that no create request
//! that breaks a rule is sent and paid. The face times that the API reports are not trusted: any integer is
//! possible, and nothing overflows.

use serde::{Deserialize, Serialize};

use super::{FaceChoice, JobSpec};

mod error;

pub use error::{Seconds, TimingError};

/// The least audio that can be cropped, and the least that must overlap with the face ("must not be
/// shorter than 2 seconds", "overlap [...] for at least 2 seconds": Create Task on the API page).
pub const SHORTEST_MS: i64 = 2_000;

/// The longest audio and the longest video (API page, `sound_file` and `video_url`).
pub const LONGEST_MS: i64 = 60_000;

/// A face as Identify Face reports it. Times are milliseconds of the video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct FaceSpan {
    #[serde(rename = "id")]
    pub face_id: String,
    pub start_ms: i64,
    pub end_ms: i64,
}

impl FaceSpan {
    /// Returns the part of its span that is in a video: not before the start.
    fn seen(&self) -> (i64, i64) {
        (self.start_ms.max(0), self.end_ms.max(0))
    }

    /// Returns how long it is seen; 0 when its times make no sense.
    fn seen_ms(&self) -> i64 {
        let (start_ms, end_ms) = self.seen();
        end_ms.saturating_sub(start_ms).max(0)
    }
}

/// Face and times of the create request, which keep the API's rules: `sound_start_time`, `sound_end_time` and
/// `sound_insert_time`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Plan {
    pub face_id: String,
    pub sound_start_ms: i64,
    pub sound_end_ms: i64,
    pub sound_insert_ms: i64,
}

/// Picks the face that speaks.
///
/// An id that is listed several times is one face that is seen several times: it counts as one face for `only`,
/// with its longest appearance.
pub fn choose_face<'f>(
    choice: &FaceChoice,
    faces: &'f [FaceSpan],
) -> Result<&'f FaceSpan, TimingError> {
    let first = faces.first().ok_or(TimingError::NoFace)?;
    match choice {
        FaceChoice::Longest => longest(faces.iter()).ok_or(TimingError::NoFace),
        FaceChoice::First => {
            let earliest = faces.iter().min_by_key(|face| face.seen().0);
            earliest.ok_or(TimingError::NoFace)
        }
        FaceChoice::Only if faces.iter().all(|face| face.face_id == first.face_id) => {
            longest(faces.iter()).ok_or(TimingError::NoFace)
        }
        FaceChoice::Only => Err(TimingError::SeveralFaces { count: faces.len() }),
        FaceChoice::Index(index) => {
            faces.get(*index).ok_or(TimingError::NoFaceAt { index: *index, count: faces.len() })
        }
        FaceChoice::Id(id) => longest(faces.iter().filter(|face| face.face_id == *id))
            .ok_or_else(|| TimingError::NoFaceCalled { id: id.clone(), known: ids(faces) }),
    }
}

/// Returns the face seen longest; among equals the one that appears first, then the one listed first.
fn longest<'f>(faces: impl Iterator<Item = &'f FaceSpan>) -> Option<&'f FaceSpan> {
    faces.min_by_key(|face| (-face.seen_ms(), face.seen().0))
}

fn ids(faces: &[FaceSpan]) -> String {
    let mut known: Vec<_> =
        faces.iter().take(5).map(|face| format!("`{}`", face.face_id)).collect();
    if faces.len() > known.len() {
        known.push("…".to_owned());
    }
    known.join(", ")
}

/// Chooses the face and the times of a job by its manifest and the defaults.
///
/// `audio_length_ms` is none for an audio file that Kling made, `video_length_ms` for a video that was not
/// measured. A video of unknown length lasts at least until the last moment at which a face is seen: defaults
/// end there, while times in the manifest may reach the API's limit of 60 s.
pub fn plan(
    spec: &JobSpec,
    faces: &[FaceSpan],
    audio_length_ms: Option<i64>,
    video_length_ms: Option<i64>,
) -> Result<Plan, TimingError> {
    let face = choose_face(&spec.face, faces)?;
    if face.seen_ms() < SHORTEST_MS {
        return Err(TimingError::FaceTooShort {
            face_id: face.face_id.clone(),
            seen_ms: face.seen_ms(),
        });
    }
    let start_ms = not_negative("sound_start_time", spec.sound_start_ms)?;
    let insert_ms = match spec.sound_insert_ms {
        Some(wanted) => not_negative("sound_insert_time", wanted)?,
        None => face.seen().0,
    };
    let end_ms = match spec.sound_end_ms {
        Some(wanted) => wanted,
        None => {
            let last_seen_ms = faces.iter().map(|face| face.seen().1).max().unwrap_or(0);
            let room_end_ms = video_length_ms.unwrap_or(last_seen_ms.min(LONGEST_MS));
            default_end(start_ms, insert_ms, audio_length_ms, room_end_ms)?
        }
    };
    let plan = Plan {
        face_id: face.face_id.clone(),
        sound_start_ms: start_ms,
        sound_end_ms: end_ms,
        sound_insert_ms: insert_ms,
    };
    plan.check(face, audio_length_ms, video_length_ms)?;
    Ok(plan)
}

fn not_negative(key: &'static str, given_ms: i64) -> Result<i64, TimingError> {
    if given_ms < 0 {
        return Err(TimingError::Negative { key, given_ms });
    }
    Ok(given_ms)
}

/// Returns the end of as much audio as fits: to its end, to the end of the video, or 60 s.
fn default_end(
    start_ms: i64,
    insert_ms: i64,
    audio_length_ms: Option<i64>,
    room_end_ms: i64,
) -> Result<i64, TimingError> {
    let length_ms = audio_length_ms.ok_or(TimingError::SoundEndNeeded)?;
    let audio_ms = length_ms.saturating_sub(start_ms);
    if audio_ms < SHORTEST_MS {
        return Err(TimingError::AudioTooShort { start_ms, length_ms });
    }
    let room_ms = room_end_ms.saturating_sub(insert_ms);
    if room_ms < SHORTEST_MS {
        return Err(TimingError::NoRoom { insert_ms, room_end_ms });
    }
    Ok(start_ms.saturating_add(audio_ms.min(room_ms).min(LONGEST_MS)))
}

impl Plan {
    /// Checks the plan against every rule of Create Task on the API page.
    fn check(
        &self,
        face: &FaceSpan,
        audio_length_ms: Option<i64>,
        video_length_ms: Option<i64>,
    ) -> Result<(), TimingError> {
        let (start_ms, end_ms) = (self.sound_start_ms, self.sound_end_ms);
        let crop_ms = end_ms.saturating_sub(start_ms);
        if crop_ms < SHORTEST_MS {
            return Err(TimingError::CropTooShort { start_ms, end_ms });
        }
        if crop_ms > LONGEST_MS {
            return Err(TimingError::CropTooLong { start_ms, end_ms });
        }
        // An audio file of unknown length is at most as long as the API accepts.
        let length_ms = audio_length_ms.unwrap_or(LONGEST_MS);
        if end_ms > length_ms {
            let known = audio_length_ms.is_some();
            return Err(TimingError::PastAudioEnd { end_ms, length_ms, known });
        }
        let insert_ms = self.sound_insert_ms;
        let stop_ms = insert_ms.saturating_add(crop_ms);
        let video_ms = video_length_ms.unwrap_or(LONGEST_MS);
        if stop_ms > video_ms {
            let known = video_length_ms.is_some();
            return Err(TimingError::PastVideoEnd { insert_ms, crop_ms, video_ms, known });
        }
        let (seen_ms, gone_ms) = face.seen();
        let overlap_ms = stop_ms.min(gone_ms).saturating_sub(insert_ms.max(seen_ms)).max(0);
        if overlap_ms < SHORTEST_MS {
            let face_id = face.face_id.clone();
            return Err(TimingError::NoOverlap {
                face_id,
                seen_ms,
                gone_ms,
                insert_ms,
                stop_ms,
                overlap_ms,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
