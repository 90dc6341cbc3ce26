//! Videos of Identify Face: the page's limits, the faces, the session.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    account::AccountNumber,
    media_facts::{MediaParameters, SimVideoFacts},
    random,
    response::Refusal,
    url_target::{self, UrlTarget},
};

const ENDINGS: [&str; 2] = [".mp4", ".mov"];
const BYTES_MAX: u64 = 100 * 1024 * 1024;
const SIDE_PX: std::ops::RangeInclusive<u32> = 512..=2160;
pub(super) const LENGTH_MS: std::ops::RangeInclusive<i64> = 2_000..=60_000;

/// A video that was identified, shared by its sessions and tasks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SimVideo {
    /// Its id; for a URL, made from it.
    pub(super) id: String,
    /// What the request said.
    pub(super) spelled: String,
    pub(super) url: String,
    pub(super) length_ms: i64,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Its path in the media folder, if it is there.
    pub(super) media_path: Option<String>,
    /// Tasks of this video end failed, with this message.
    pub(super) fail: Option<String>,
}

/// A face, and when it is visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SimFace {
    pub(super) id: String,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
}

/// What one Identify Face found.
#[derive(Debug)]
pub(super) struct SimSession {
    pub(super) account: AccountNumber,
    pub(super) video: Arc<SimVideo>,
    pub(super) faces: Vec<SimFace>,
    pub(super) made_at_ms: i64,
}

impl SimSession {
    /// `data` of the answer to Identify Face.
    pub(super) fn data(&self, session_id: &str, base_url: &str) -> Map<String, Value> {
        let faces = self.faces.iter().map(|face| {
            json!({
                "face_id": face.id,
                "face_image": url_target::face_url(base_url, session_id, &face.id),
                "start_time": face.start_ms,
                "end_time": face.end_ms,
            })
        });
        let mut data = Map::new();
        data.insert("session_id".into(), json!(session_id));
        data.insert("face_data".into(), json!(faces.collect::<Vec<_>>()));
        data
    }
}

/// The video behind a URL that is none of the simulator's results, within the page's limits.
///
/// `read`: the facts about the file in the media folder, or behind a signed link.
pub(super) fn video_at(
    spelled: &str,
    place: &UrlTarget,
    read: Option<SimVideoFacts>,
) -> Result<(SimVideo, Vec<SimFace>), Refusal> {
    let parameters = MediaParameters::of_url(place.url())?;
    if !place.has_ending(&ENDINGS) {
        return Err(Refusal::illegal("video_url: only .mp4 and .mov videos are supported"));
    }
    if let Some(status) = parameters.status.filter(|status| *status >= 300) {
        return Err(Refusal::illegal(format!("video_url cannot be downloaded: HTTP {status}")));
    }
    // A file, or a video that was downloaded by a signed link.
    let made_up = read.is_none();
    let (facts, media_path) = match place {
        UrlTarget::Media(path, _) => {
            let facts = read.ok_or_else(|| {
                Refusal::illegal("video_url cannot be downloaded, or is not a video")
            })?;
            (facts, Some(path.clone()))
        }
        _ => (read.unwrap_or_else(|| parameters.video(spelled)), None),
    };
    let length_ms = check_limits(&facts)?;
    let faces = faces(&parameters, spelled, length_ms, made_up);
    let video = SimVideo {
        id: format!("v{:016x}", random::number_of(spelled)),
        spelled: spelled.to_owned(),
        url: spelled.to_owned(),
        length_ms,
        width: facts.width,
        height: facts.height,
        media_path,
        fail: parameters.fail,
    };
    Ok((video, faces))
}

/// A made-up video for an id that begins with `sim-video-`. Only the length limit of 60 seconds applies to it.
pub(super) fn video_of_id(id: &str, base_url: &str) -> Result<(SimVideo, Vec<SimFace>), Refusal> {
    let parameters = MediaParameters::of_id(id);
    let facts = parameters.video(id);
    let length_ms = facts.length_ms.unwrap_or_default();
    check_length("video_id", length_ms)?;
    let faces = faces(&parameters, id, length_ms, true);
    let video = SimVideo {
        id: id.to_owned(),
        spelled: id.to_owned(),
        url: url_target::result_url(base_url, id, false),
        length_ms,
        width: facts.width,
        height: facts.height,
        media_path: None,
        fail: parameters.fail,
    };
    Ok((video, faces))
}

/// One face for the complete video, for a result that is dubbed again.
pub(super) fn whole(length_ms: i64) -> Vec<SimFace> {
    vec![SimFace { id: "0".to_owned(), start_ms: 0, end_ms: length_ms }]
}

fn check_limits(facts: &SimVideoFacts) -> Result<i64, Refusal> {
    if facts.bytes > BYTES_MAX {
        return Err(Refusal::illegal("video_url: the file is larger than 100MB"));
    }
    let Some(length_ms) = facts.length_ms else {
        return Err(Refusal::illegal("video_url: the duration cannot be determined"));
    };
    check_length("video_url", length_ms)?;
    let (width, height) = (facts.width, facts.height);
    if !SIDE_PX.contains(&width) || !SIDE_PX.contains(&height) {
        return Err(Refusal::illegal(format!(
            "video_url: width and height must be between 512px and 2160px, not {width}x{height}"
        )));
    }
    Ok(length_ms)
}

pub(super) fn check_length(field: &str, length_ms: i64) -> Result<(), Refusal> {
    if LENGTH_MS.contains(&length_ms) {
        return Ok(());
    }
    Err(Refusal::illegal(format!("{field}: the duration must be 2s to 60s, not {length_ms}ms")))
}

/// The faces from the parameters, else one; some made-up videos have two. Each face starts and ends later than the one
/// before, and the last is visible longest.
fn faces(
    parameters: &MediaParameters,
    address: &str,
    length_ms: i64,
    made_up: bool,
) -> Vec<SimFace> {
    let two = made_up && random::number_of(address).is_multiple_of(8);
    let count = parameters.faces.unwrap_or(if two { 2 } else { 1 }).min(100);
    let times = parameters.face_ms.clone().unwrap_or_else(|| {
        let n = i64::try_from(count).unwrap_or(1);
        (0..n).map(|i| (length_ms * i / (2 * n), length_ms * (i + 1) / n)).collect()
    });
    let number = |(i, (start_ms, end_ms)): (usize, (i64, i64))| SimFace {
        id: i.to_string(),
        start_ms: start_ms.min(length_ms),
        end_ms: end_ms.min(length_ms),
    };
    times.into_iter().enumerate().map(number).collect()
}
