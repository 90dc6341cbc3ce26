//! Length, shape and size of a video file, and what the API takes of them.
//!
//! Owns the API page's limits of `video_url`; reads boxes, never pictures, so that a file of 2 GiB
//! costs no more than a short one.

use std::{
    io::{self, Read, Seek},
    path::Path,
};

use super::{
    boxes::{BoxError, movie::Movie},
    open_regular,
};
use crate::job::timing::{LONGEST_MS, SHORTEST_MS, Seconds};

/// "File size ≤100MB". Read as decimal megabytes, the stricter of the two readings.
pub const MAX_BYTES: u64 = 100_000_000;

/// "Both width and height between 512px–2160px".
const SIDES: std::ops::RangeInclusive<u32> = 512..=2160;

/// "Supported video formats: .mp4/.mov".
const ENDINGS: [&str; 2] = ["mp4", "mov"];

/// What a video file's boxes say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoFacts {
    /// How long its picture lasts, rounded down; none when the file does not say, as a fragmented
    /// one whose fragments give no times.
    pub length_ms: Option<i64>,
    /// In pixels, as it is seen: a video that a phone recorded upright is higher than wide.
    pub width: u32,
    /// Likewise.
    pub height: u32,
    /// The size of the file.
    pub bytes: u64,
}

/// Why a file is no video, or none that the API takes. Its text is for users.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// Not named as the API wants it.
    #[error("the video's name ends in `{0}`; .mp4 and .mov are allowed")]
    Ending(String),
    /// The content is of another kind; the text says which.
    #[error("the file is no MP4 or QuickTime video: it holds {0}")]
    Foreign(&'static str),
    /// A box claims more than the file has.
    #[error("the video is cut short: its file is smaller than its boxes say")]
    CutShort,
    /// A recording that was not closed, or the first part of a file.
    #[error("the video is not whole: it has no `{0}` box")]
    Missing(&'static str),
    /// Something stands behind the video or between its boxes.
    #[error("the video's file holds something besides the video")]
    Extra,
    /// The boxes contradict each other.
    #[error("the video is damaged: {0}")]
    Damaged(&'static str),
    /// There is no picture in it.
    #[error("the file has no video track with pictures")]
    NoPicture,
    /// Over [`MAX_BYTES`].
    #[error("the video is {0} bytes; at most 100 MB (100000000 bytes) are allowed")]
    TooBig(u64),
    /// Outside 2 to 60 s.
    #[error("the video lasts {}; 2 to 60 s are allowed", Seconds(*.0))]
    Length(i64),
    /// Too small, too large, or neither 720p nor 1080p.
    #[error(
        "the video is {width}x{height}; 720p or 1080p is allowed (the shorter side 720 or 1080, or as many pixels in another shape), with both sides from 512 to 2160"
    )]
    Shape {
        /// In pixels, as it is seen.
        width: u32,
        /// Likewise.
        height: u32,
    },
    /// The file cannot be read.
    #[error("the video cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl VideoError {
    /// Its name in the database and in `--json`, which stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ending(_) | Self::Foreign(_) | Self::NoPicture => "video_format",
            Self::CutShort | Self::Missing(_) | Self::Extra | Self::Damaged(_) => "video_damaged",
            Self::TooBig(_) => "video_too_big",
            Self::Length(..SHORTEST_MS) => "video_too_short",
            Self::Length(_) => "video_too_long",
            Self::Shape { .. } => "video_resolution",
            Self::Io(_) => "video_unreadable",
        }
    }
}

impl From<BoxError> for VideoError {
    fn from(fault: BoxError) -> Self {
        match fault {
            BoxError::Foreign(what) => Self::Foreign(what),
            BoxError::CutShort => Self::CutShort,
            BoxError::Damaged(what) => Self::Damaged(what),
            BoxError::Io(error) => Self::Io(error),
        }
    }
}

/// Reads what a file's boxes say. Judges its name, not its facts: [`check`] does that.
///
/// # Errors
/// When it is not named `.mp4` or `.mov`, is no such video, or is not whole.
pub fn probe(path: &Path) -> Result<VideoFacts, VideoError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    if !ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
        return Err(VideoError::Ending(format!(".{ending}")));
    }
    let (file, metadata) = open_regular(path)?;
    probe_reader(file, metadata.len())
}

/// Reads what the boxes of `len` bytes say. Bytes behind the video are let pass.
///
/// # Errors
/// When they are no MP4 or QuickTime video, or not a whole one.
pub fn probe_reader(reader: impl Read + Seek, len: u64) -> Result<VideoFacts, VideoError> {
    read(reader, len).map(|(_, facts)| facts)
}

/// Reads a downloaded video and makes sure that it is one, from its first byte to its last: the
/// boxes fill the file, the description and the pictures are there.
///
/// # Errors
/// When anything is missing or is too much; also for a page or an error text saved as a video.
pub fn check_complete(reader: impl Read + Seek, len: u64) -> Result<VideoFacts, VideoError> {
    let (movie, facts) = read(reader, len)?;
    if !movie.has_media {
        return Err(VideoError::Missing("mdat"));
    }
    if !movie.tiled {
        return Err(VideoError::Extra);
    }
    Ok(facts)
}

fn read(reader: impl Read + Seek, len: u64) -> Result<(Movie, VideoFacts), VideoError> {
    let movie = Movie::read(reader, len)?;
    if !movie.described {
        return Err(VideoError::Missing("moov"));
    }
    let track = movie.track(b"vide").ok_or(VideoError::NoPicture)?;
    let (width, height) = track.shape();
    let facts = VideoFacts { length_ms: movie.length_ms(track), width, height, bytes: len };
    Ok((movie, facts))
}

/// Holds a video against the API's limits (API page, `video_url`). An unknown length passes.
///
/// # Errors
/// The first limit it breaks, with what is and what is allowed.
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
    let sides_fit = SIDES.contains(&width) && SIDES.contains(&height);
    if !sides_fit || !is_720p_or_1080p(width, height) {
        return Err(VideoError::Shape { width, height });
    }
    Ok(())
}

/// "Resolution 720p or 1080p". The page does not say what that means for other shapes than 16:9. Read
/// here as: the shorter side is 720 or 1080, as the names have it; or it has as many pixels (within
/// 2 %, for sides rounded to blocks of 8 or 16), as Kling's own square videos of 960x960 and 1440x1440.
fn is_720p_or_1080p(width: u32, height: u32) -> bool {
    let pixels = u64::from(width) * u64::from(height);
    [(1280, 720), (1920, 1080)].iter().any(|(long, short)| {
        let full = long * u64::from(*short);
        width.min(height) == *short || pixels.abs_diff(full) * 50 <= full
    })
}

#[cfg(test)]
mod tests;
