//! Facts about videos and audio files.
//!
//! The rules never read a file: their caller does, through [`ReadMedia`]. Facts about files elsewhere are made up from
//! the address and its parameters, always the same for the same address.

use url::Url;

use super::{random, response::Refusal};

/// What Identify Face needs to know about a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SimVideoFacts {
    /// None: the file does not say.
    pub length_ms: Option<i64>,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
}

/// What Create Task needs to know about audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SimAudioFacts {
    pub length_ms: i64,
    pub bytes: u64,
}

/// Reads media for the rules: files under `/media/` by their decoded path there, and inline audio files.
pub trait ReadMedia {
    /// None: there is no such file, or it is no video.
    fn video(&self, path: &str) -> Option<SimVideoFacts>;
    /// A video behind a signed link to another server of this machine; none: it is not downloaded, but made up. An error
    /// is why it cannot be downloaded.
    fn linked_video(&self, _url: &Url) -> Option<Result<SimVideoFacts, String>> {
        None
    }
    /// None: there is no such file, or it is no audio.
    fn sound_file(&self, path: &str) -> Option<SimAudioFacts>;
    /// None: these bytes are no audio.
    fn audio(&self, bytes: &[u8]) -> Option<SimAudioFacts>;
}

/// For simulations without files: there are none under `/media/`, and any bytes are an audio file of so
/// many milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles {
    /// The length that every inline audio is taken to have.
    pub audio_ms: i64,
}

impl ReadMedia for NoFiles {
    fn video(&self, _path: &str) -> Option<SimVideoFacts> {
        None
    }

    fn sound_file(&self, _path: &str) -> Option<SimAudioFacts> {
        None
    }

    fn audio(&self, bytes: &[u8]) -> Option<SimAudioFacts> {
        Some(SimAudioFacts { length_ms: self.audio_ms, bytes: bytes.len() as u64 })
    }
}

/// What an address says about the media file.
///
/// In a URL as query parameters: `duration_ms`, `width`, `height`, `bytes`, `faces` (how many),
/// `face_ms` (when each is seen: `0-5200,3000-9000`), `status` (what fetching it would answer) and
/// `fail` (tasks with this video end failed, with this message). In an id as parts between hyphens:
/// `sim-video-2faces-12000ms-1920x1080-fail`, `sim-audio-8000ms`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MediaParameters {
    pub(super) duration_ms: Option<i64>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) bytes: Option<u64>,
    pub(super) faces: Option<usize>,
    pub(super) face_ms: Option<Vec<(i64, i64)>>,
    pub(super) status: Option<u16>,
    pub(super) fail: Option<String>,
}

impl MediaParameters {
    pub(super) fn of_url(url: &Url) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        for (name, value) in url.query_pairs() {
            let understood = match &*name {
                "duration_ms" => set(&mut parameters.duration_ms, &value),
                "width" => set(&mut parameters.width, &value),
                "height" => set(&mut parameters.height, &value),
                "bytes" => set(&mut parameters.bytes, &value),
                "faces" => set(&mut parameters.faces, &value),
                "status" => set(&mut parameters.status, &value),
                "fail" => set(&mut parameters.fail, &value),
                "face_ms" => {
                    parameters.face_ms = value.split(',').map(interval).collect();
                    parameters.face_ms.is_some()
                }
                _ => true,
            };
            if !understood {
                return Err(Refusal::illegal(format!(
                    "{name}={value} is not a valid parameter of a simulated file"
                )));
            }
        }
        Ok(parameters)
    }

    pub(super) fn of_id(id: &str) -> Self {
        let mut parameters = Self::default();
        for part in id.split('-') {
            if part == "fail" {
                parameters.fail =
                    Some("the content triggers the platform's risk control".to_owned());
            } else if let Some(ms) = part.strip_suffix("ms") {
                set(&mut parameters.duration_ms, ms);
            } else if let Some(faces) = part.strip_suffix("faces").or(part.strip_suffix("face")) {
                set(&mut parameters.faces, faces);
            } else if let Some((width, height)) = part.split_once('x') {
                set(&mut parameters.width, width);
                set(&mut parameters.height, height);
            }
        }
        parameters
    }

    /// A video with these parameters; the rest is made up from the address.
    pub(super) fn video(&self, address: &str) -> SimVideoFacts {
        let chance = random::number_of(address);
        let made_up_ms = 4_000 + i64::try_from(chance % 300).unwrap_or_default() * 40;
        SimVideoFacts {
            length_ms: Some(self.duration_ms.unwrap_or(made_up_ms)),
            width: self.width.unwrap_or(1280),
            height: self.height.unwrap_or(720),
            bytes: self.bytes.unwrap_or(1_000_000 + chance % 9_000_000),
        }
    }

    /// An audio file with these parameters; the rest is made up from the address.
    pub(super) fn audio(&self, address: &str) -> SimAudioFacts {
        let chance = random::number_of(address);
        let made_up_ms = 3_000 + i64::try_from(chance % 600).unwrap_or_default() * 10;
        SimAudioFacts {
            length_ms: self.duration_ms.unwrap_or(made_up_ms),
            bytes: self.bytes.unwrap_or(50_000 + chance % 500_000),
        }
    }
}

fn set<T: std::str::FromStr>(field: &mut Option<T>, value: &str) -> bool {
    *field = value.parse().ok();
    field.is_some()
}

fn interval(text: &str) -> Option<(i64, i64)> {
    let (start, end) = text.split_once('-')?;
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    (0 <= start && start <= end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_parameters_decide_the_facts() {
        let url = "https://cdn.example/v.mp4?duration_ms=9000&faces=2&face_ms=0-5200,3000-9000";
        let parameters = MediaParameters::of_url(&url.parse().unwrap()).unwrap();
        assert_eq!(parameters.face_ms, Some(vec![(0, 5200), (3000, 9000)]));
        assert_eq!(parameters.video(url).length_ms, Some(9000));
        let parameters = MediaParameters::of_id("sim-video-2faces-12000ms-1080x1920-fail");
        assert_eq!((parameters.faces, parameters.duration_ms), (Some(2), Some(12_000)));
        assert_eq!((parameters.width, parameters.height), (Some(1080), Some(1920)));
        assert!(parameters.fail.is_some());
        assert!(MediaParameters::of_url(&"https://h/v.mp4?faces=many".parse().unwrap()).is_err());
        assert!(MediaParameters::of_url(&"https://h/v.mp4?face_ms=9-1".parse().unwrap()).is_err());
    }

    #[test]
    fn made_up_facts_are_stable_and_within_the_limits() {
        for n in 0..200 {
            let address = format!("https://cdn.example/{n}.mp4");
            let (video, audio) = (
                MediaParameters::default().video(&address),
                MediaParameters::default().audio(&address),
            );
            assert_eq!(video, MediaParameters::default().video(&address));
            assert!((2_000..=60_000).contains(&video.length_ms.unwrap()));
            assert!((2_000..=60_000).contains(&audio.length_ms));
        }
    }
}
