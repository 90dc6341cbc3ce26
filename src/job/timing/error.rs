//! Messages for a face or a time that breaks a rule. The rules are in `timing`.

use std::fmt;

/// Milliseconds, shown as seconds without needless zeros: `1.2 s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        if rest == 0 {
            return write!(f, "{sign}{whole} s");
        }
        let decimals = format!("{rest:03}");
        write!(f, "{sign}{whole}.{} s", decimals.trim_end_matches('0'))
    }
}

/// Why the face or the times of a job are not valid. The text is for users; [`TimingError::code`] is for the
/// database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's sentence says what its figures are")]
pub enum TimingError {
    #[error("no face was found in the video")]
    NoFace,
    #[error(
        "`face: only` needs a video with one face, and this video has {count}; choose one, for example `face: longest`"
    )]
    SeveralFaces { count: usize },
    #[error("there is no face {index}: the video has {count}, counted from 0; change `face`")]
    NoFaceAt { index: usize, count: usize },
    #[error("there is no face `{id}` in the video, only {known}; change `face`")]
    NoFaceCalled { id: String, known: String },
    #[error(
        "face `{face_id}` is seen for {}; at least 2 s are needed, so choose another `face`",
        Seconds(*.seen_ms)
    )]
    FaceTooShort { face_id: String, seen_ms: i64 },
    #[error("`{key}` is {}; it must not be negative", Seconds(*.given_ms))]
    Negative { key: &'static str, given_ms: i64 },
    #[error("the length of audio given by id is unknown: set `sound_end_time`")]
    SoundEndNeeded,
    #[error(
        "the audio lasts {} and is cropped from {}; at least 2 s must be left, so change `sound_start_time` or use longer audio",
        Seconds(*.length_ms), Seconds(*.start_ms)
    )]
    AudioTooShort { start_ms: i64, length_ms: i64 },
    #[error(
        "the audio goes in at {}, and there is room until {}; at least 2 s are needed, so change `sound_insert_time` or `face`",
        Seconds(*.insert_ms), Seconds(*.room_end_ms)
    )]
    NoRoom { insert_ms: i64, room_end_ms: i64 },
    #[error(
        "the crop from {} to {} is too short: `sound_end_time` must be at least 2 s after `sound_start_time`",
        Seconds(*.start_ms), Seconds(*.end_ms)
    )]
    CropTooShort { start_ms: i64, end_ms: i64 },
    #[error(
        "the crop from {} to {} is too long: `sound_end_time` must be at most 60 s after `sound_start_time`",
        Seconds(*.start_ms), Seconds(*.end_ms)
    )]
    CropTooLong { start_ms: i64, end_ms: i64 },
    #[error(
        "`sound_end_time` is {}, but {} {}; choose an earlier time",
        Seconds(*.end_ms),
        if *.known { "the audio lasts" } else { "an audio file may last at most" },
        Seconds(*.length_ms)
    )]
    PastAudioEnd { end_ms: i64, length_ms: i64, known: bool },
    #[error(
        "{} of audio inserted at {} would run past the end of the video: {} {}; choose an earlier `sound_insert_time` or `sound_end_time`",
        Seconds(*.crop_ms), Seconds(*.insert_ms),
        if *.known { "it lasts" } else { "its length is not known, and a video may last at most" },
        Seconds(*.video_ms)
    )]
    PastVideoEnd { insert_ms: i64, crop_ms: i64, video_ms: i64, known: bool },
    #[error(
        "the audio runs from {} to {} and face `{face_id}` is seen from {} to {}: they overlap for {}, at least 2 s are needed; change `sound_insert_time` or `face`",
        Seconds(*.insert_ms), Seconds(*.stop_ms), Seconds(*.seen_ms), Seconds(*.gone_ms), Seconds(*.overlap_ms)
    )]
    NoOverlap {
        face_id: String,
        seen_ms: i64,
        gone_ms: i64,
        insert_ms: i64,
        stop_ms: i64,
        overlap_ms: i64,
    },
}

impl TimingError {
    /// Returns its code for the database and `--json`. The code stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoFace => "no_face",
            Self::SeveralFaces { .. } => "several_faces",
            Self::NoFaceAt { .. } | Self::NoFaceCalled { .. } => "face_not_found",
            Self::FaceTooShort { .. } => "face_too_short",
            Self::Negative { .. } => "negative_time",
            Self::SoundEndNeeded => "sound_end_needed",
            Self::AudioTooShort { .. } => "audio_too_short",
            Self::NoRoom { .. } => "no_room",
            Self::CropTooShort { .. } => "crop_too_short",
            Self::CropTooLong { .. } => "crop_too_long",
            Self::PastAudioEnd { .. } => "past_audio_end",
            Self::PastVideoEnd { .. } => "past_video_end",
            Self::NoOverlap { .. } => "no_overlap",
        }
    }
}
