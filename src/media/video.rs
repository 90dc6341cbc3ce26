//! Reads length, shape and size of a video file, and checks them against the API's limits.
//!
//! Owns the API page's limits of `video_url`. Reads boxes, never pictures, so a file of 2 GiB costs no more than a
//! short one.

use std::{
    io::{self, Read, Seek},
    path::Path,
};

use super::{
    boxes::{BoxError, movie::Movie},
    incomplete::Incomplete,
    open::open_regular,
};
use crate::job::timing::{LONGEST_MS, SHORTEST_MS, Seconds};

/// "File size ≤100MB". Read as decimal megabytes, the stricter of the two readings.
pub const MAX_BYTES: u64 = 100_000_000;

/// "Both width and height between 512px–2160px".
const SIDES: std::ops::RangeInclusive<u32> = 512..=2160;

/// "Supported video formats: .mp4/.mov".
const ENDINGS: [&str; 2] = ["mp4", "mov"];

/// What the boxes of a video file say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoFacts {
    /// Length of the video track, rounded down. None: unknown, such as for fragments without times.
    pub length_ms: Option<i64>,
    /// In pixels, as the video is shown: a video that a phone recorded upright is higher than wide.
    pub width: u32,
    /// In pixels, as the video is shown.
    pub height: u32,
    /// The size of the file.
    pub bytes: u64,
}

/// Why the API would not accept a video file. Its text is for users.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages describe the variants")]
pub enum VideoError {
    #[error("the video's name ends in `{0}`; .mp4 and .mov are allowed")]
    Ending(String),
    #[error("the file is not an MP4 or QuickTime video: it contains {0}")]
    Foreign(&'static str),
    /// It is still being written, or was cut short.
    #[error("the video is incomplete ({0})")]
    Incomplete(Incomplete),
    #[error("the video is damaged: {0}")]
    Damaged(&'static str),
    #[error("the file has no video track with pictures")]
    NoPicture,
    #[error("the video has {0} bytes; at most 100 MB (100000000 bytes) are allowed")]
    TooBig(u64),
    #[error("the video lasts {}; 2 to 60 s are allowed", Seconds(*.0))]
    Length(i64),
    #[error(
        "the video is {width}x{height}; 720p or 1080p is allowed, with both sides from 512 to 2160"
    )]
    Shape { width: u32, height: u32 },
    #[error("the video cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl VideoError {
    /// Returns the stable code for the database and for `--json`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ending(_) | Self::Foreign(_) | Self::NoPicture => "video_format",
            Self::Incomplete(_) | Self::Damaged(_) => "video_damaged",
            Self::TooBig(_) => "video_too_big",
            Self::Length(..SHORTEST_MS) => "video_too_short",
            Self::Length(_) => "video_too_long",
            Self::Shape { .. } => "video_resolution",
            Self::Io(_) => "video_unreadable",
        }
    }
}

impl From<BoxError> for VideoError {
    fn from(error: BoxError) -> Self {
        match error {
            BoxError::Foreign(what) => Self::Foreign(what),
            BoxError::Incomplete(what) => Self::Incomplete(what),
            BoxError::Damaged(what) => Self::Damaged(what),
            BoxError::Io(error) => Self::Io(error),
        }
    }
}

/// Reads the boxes of a file. Checks its name; [`check`] checks the facts.
pub fn probe(path: &Path) -> Result<VideoFacts, VideoError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    if !ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
        return Err(VideoError::Ending(format!(".{ending}")));
    }
    let (file, metadata) = open_regular(path)?;
    probe_reader(file, metadata.len())
}

/// Reads the boxes of `len` bytes of a file that somebody may still be writing. Other bytes behind the video are
/// ignored.
pub fn probe_reader(reader: impl Read + Seek, len: u64) -> Result<VideoFacts, VideoError> {
    let movie = Movie::read(reader, len)?;
    match movie.unwritten() {
        Some(what) => Err(VideoError::Incomplete(what)),
        None => facts(&movie, len),
    }
}

/// Checks that a downloaded file is a complete video: its description and every sample are inside the file. Whatever
/// follows them is ignored: servers add line breaks, zeros and more. The returned length is measured in the file.
///
/// # Errors
/// When bytes are missing, or the file is no video, such as an error page saved as a video.
pub fn check_complete(reader: impl Read + Seek, len: u64) -> Result<VideoFacts, VideoError> {
    let movie = Movie::read(reader, len)?;
    match movie.missing() {
        Some(what) => Err(VideoError::Incomplete(what)),
        None => facts(&movie, len),
    }
}

fn facts(movie: &Movie, len: u64) -> Result<VideoFacts, VideoError> {
    let track = movie.pictures().ok_or(VideoError::NoPicture)?;
    let (width, height) = track.shape();
    Ok(VideoFacts { length_ms: movie.end_ms(track), width, height, bytes: len })
}

/// Checks a video against the API's limits (API page, `video_url`). An unknown length passes.
pub fn check(facts: &VideoFacts) -> Result<(), VideoError> {
    if facts.bytes > MAX_BYTES {
        return Err(VideoError::TooBig(facts.bytes));
    }
    match facts.length_ms {
        Some(length_ms) if !(SHORTEST_MS..=LONGEST_MS).contains(&length_ms) => {
            return Err(VideoError::Length(length_ms));
        }
        _ => {}
    }
    let (width, height) = (facts.width, facts.height);
    if !SIDES.contains(&width) || !SIDES.contains(&height) {
        return Err(VideoError::Shape { width, height });
    }
    Ok(())
}

impl VideoFacts {
    /// Returns why the API may refuse the video, although no limit of the API page forbids it clearly.
    ///
    /// "Resolution 720p or 1080p". The page does not say what that means for other shapes than 16:9. The shorter side
    /// may be 720 or 1080; or there may be as many pixels (within 2 %, because sides are rounded to blocks of 8 or
    /// 16), as in Kling's own square videos of 960x960 and 1440x1440.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Self { width, height, .. } = *self;
        let pixels = u64::from(width) * u64::from(height);
        let is_usual = [(1280, 720), (1920, 1080)].iter().any(|(long, short)| {
            let full = long * u64::from(*short);
            width.min(height) == *short || pixels.abs_diff(full) * 50 <= full
        });
        (!is_usual).then(|| {
            format!("it is {width}x{height}; the API page allows 720p or 1080p, so Kling may refuse this shape")
        })
    }
}

#[cfg(test)]
mod tests;
