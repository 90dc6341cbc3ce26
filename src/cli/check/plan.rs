//! What `check` says of one job: what would be done for it, or why that must fail.

use crate::{
    cli::text::safe,
    job::{
        FaceChoice, JobSpec,
        timing::{self, FaceSpan, Seconds},
    },
};

/// What must fail whatever faces the API finds: the timing against a face that is always seen.
pub(super) fn doomed(
    spec: &JobSpec,
    audio_ms: Option<i64>,
    video_ms: Option<i64>,
) -> Option<String> {
    audio_ms?;
    let always = FaceSpan {
        face_id: "any".to_owned(),
        start_ms: 0,
        end_ms: video_ms.unwrap_or(timing::LONGEST_MS),
    };
    let anyone = JobSpec { face: FaceChoice::First, ..spec.clone() };
    timing::plan(&anyone, &[always], audio_ms, video_ms).err().map(|fault| fault.to_string())
}

/// One line: what would be done.
pub(super) fn plan(spec: &JobSpec, audio_ms: Option<i64>, video_ms: Option<i64>) -> String {
    let length = |ms: Option<i64>| ms.map(|ms| format!(" ({})", Seconds(ms))).unwrap_or_default();
    let face = match &spec.face {
        FaceChoice::Longest => "the longest face".to_owned(),
        FaceChoice::First => "the first face".to_owned(),
        FaceChoice::Only => "the only face".to_owned(),
        FaceChoice::Index(index) => format!("face {index} of the list"),
        FaceChoice::Id(id) => format!("face id {id}"),
    };
    let insert =
        spec.sound_insert_ms.map_or("the face's start".to_owned(), |ms| Seconds(ms).to_string());
    let end = spec.sound_end_ms.map_or("as much as fits".to_owned(), |ms| Seconds(ms).to_string());
    let take = spec.take.map(|take| format!(", take {take}")).unwrap_or_default();
    format!(
        "{}  {face} of {}{} speaks {}{} from {} to {end}, at {insert} → {}{take}",
        safe(&spec.key),
        safe(spec.video.as_written()),
        length(video_ms),
        safe(spec.audio.as_written()),
        length(audio_ms),
        Seconds(spec.sound_start_ms),
        safe(&spec.output),
    )
}
