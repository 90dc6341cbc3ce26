//! Describes what lipsyncd would do for one job, or why the job must fail.

use std::borrow::Cow;

use crate::{
    cli::safe,
    job::{
        FaceChoice, JobSpec, Media,
        timing::{self, FaceSpan, Seconds},
    },
};

/// Returns the timing error that occurs whatever faces the API finds: the timing is tested with a face that is visible
/// all the time.
pub(super) fn timing_error(spec: &JobSpec, media: &Media) -> Option<String> {
    media.audio_ms?;
    let face = FaceSpan {
        face_id: "any".to_owned(),
        start_ms: 0,
        end_ms: media.video_ms.unwrap_or(timing::LONGEST_MS),
    };
    let spec = JobSpec { face: FaceChoice::First, ..spec.clone() };
    timing::plan(&spec, &[face], media.audio_ms, media.video_ms)
        .err()
        .map(|error| error.to_string())
}

/// Describes the job on one line, with all that differs from the defaults:
/// `promo/en  anna.mp4 (6 s) + en.mp3 (4.2 s), first face → promo/en.mp4`.
pub(super) fn plan(spec: &JobSpec, media: &Media) -> String {
    let length = |ms: Option<i64>| ms.map(|ms| format!(" ({})", Seconds(ms))).unwrap_or_default();
    let face: Cow<'_, str> = match &spec.face {
        FaceChoice::Longest => "".into(),
        FaceChoice::First => ", first face".into(),
        FaceChoice::Only => ", only face".into(),
        FaceChoice::Index(index) => format!(", face {index} of the list").into(),
        FaceChoice::Id(id) => format!(", face id {id}").into(),
    };
    let mut timing = String::new();
    if spec.sound_start_ms > 0 || spec.sound_end_ms.is_some() {
        timing = format!(", audio from {}", Seconds(spec.sound_start_ms));
    }
    if let Some(end_ms) = spec.sound_end_ms {
        timing += &format!(" to {}", Seconds(end_ms));
    }
    if let Some(insert_ms) = spec.sound_insert_ms {
        timing += &format!(", inserted at {}", Seconds(insert_ms));
    }
    let take = spec.take.map(|take| format!(", take {take}")).unwrap_or_default();
    format!(
        "{}  {}{} + {}{}{}{timing} → {}{take}",
        safe(&spec.key),
        safe(spec.video.as_written()),
        length(media.video_ms),
        safe(spec.audio.as_written()),
        length(media.audio_ms),
        safe(&face),
        safe(&spec.output),
    )
}
