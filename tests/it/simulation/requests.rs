//! What one job of a manifest asks for, as users write it, and what Kling makes of it.

use std::fmt::Write as _;

use lipsyncd::kling::{AudioSource, CreateRequest};

use super::audio_files;
use crate::support::chance::Chance;

/// Where an audio file comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Audio {
    /// A local file, by its name.
    File(String),
    /// A remote file. It is measured where the manifest gives no end.
    Url(String),
    /// An audio that Kling made.
    Id,
}

/// What one job asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    pub video: String,
    pub audio: Audio,
    pub first_face: bool,
    pub start_ms: i64,
    pub end_ms: Option<i64>,
    pub volume: f64,
    pub watermark: bool,
    pub own_name: Option<String>,
    pub take: Option<u32>,
    pub priority: i64,
    pub label: i64,
    pub not_before: Option<String>,
}

/// All that decides what Kling makes. Two tasks with the same key were paid twice, unless they are two takes.
pub type RequestKey = String;

const AUDIO_ID: &str = "sim-audio-8000ms";
const END_MS: i64 = 3_000;
const VOLUMES: [f64; 3] = [0.5, 1.0, 1.5];

/// The local files that manifests name.
pub const AUDIO_NAMES: [&str; 2] = ["s0.wav", "s1.wav"];

/// A remote video with two faces: the first is seen for a shorter time.
pub fn video(number: i64, fails: bool) -> String {
    let fails = if fails { "&fail=no%20face%20moves" } else { "" };
    let faces = "faces=2&face_ms=0-6000,500-10000";
    format!("https://cdn.example/{number}.mp4?duration_ms=10000&{faces}{fails}")
}

impl JobRequest {
    /// A new request for one of these videos. `now_ms` is the wall time.
    pub fn draw(chance: &Chance, videos: &[String], now_ms: i64) -> Self {
        let mut request = Self {
            video: chance.pick(videos).clone(),
            audio: Audio::Id,
            first_face: chance.happens(0.2),
            start_ms: 0,
            end_ms: Some(END_MS),
            volume: 1.0,
            watermark: chance.happens(0.15),
            own_name: None,
            take: None,
            priority: chance.between(-1, 1),
            label: 0,
            not_before: None,
        };
        request.change_request(chance);
        if chance.happens(0.15) {
            let at_ms = now_ms + chance.between(0, 7_200_000);
            let at = lipsyncd_time(at_ms);
            request.not_before = Some(at);
        }
        request
    }

    /// Another request for the same video.
    pub fn change_request(&mut self, chance: &Chance) {
        self.volume = *chance.pick(&VOLUMES);
        self.start_ms = *chance.pick(&[0, 0, 500]);
        self.end_ms = chance.happens(0.5).then_some(END_MS);
        self.own_name = None;
        self.audio = match chance.between(0, 9) {
            0..=5 => Audio::File((*chance.pick(&AUDIO_NAMES)).to_owned()),
            6 => {
                self.end_ms = Some(END_MS);
                Audio::Id
            }
            _ => {
                let (number, ms) = (chance.between(0, 2), audio_files::LENGTHS_MS[0]);
                Audio::Url(format!("https://cdn.example/voice.wav?duration_ms={ms}&n={number}"))
            }
        };
        // A name belongs to one request, also when a file gets other content: only what has no files has one.
        if !matches!(self.audio, Audio::File(_)) && chance.happens(0.4) {
            self.own_name = Some(format!("own-{:x}", chance.next() >> 32));
        }
    }

    /// Its key. `content` returns the clip that a local file holds; none: the file is not complete.
    pub fn request_key(&self, content: impl Fn(&str) -> Option<usize>) -> Option<RequestKey> {
        let audio = match &self.audio {
            Audio::File(name) => format!("clip {}", content(name)?),
            Audio::Url(url) => url.clone(),
            Audio::Id => AUDIO_ID.to_owned(),
        };
        let Self { video, first_face, start_ms, end_ms, volume, watermark, own_name, .. } = self;
        let own_name = own_name.as_deref();
        Some(text(video, &audio, *first_face, *start_ms, *end_ms, *volume, *watermark, own_name))
    }

    /// Whether Kling fails its tasks.
    pub fn fails(&self) -> bool {
        self.video.contains("fail=")
    }

    /// As it is written. Cut anywhere, it is not valid YAML.
    pub fn yaml(&self, id: Option<&str>) -> String {
        let mut text = String::from("{");
        let mut put = |key: &str, value: &dyn std::fmt::Display| {
            write!(text, "{key}: {value}, ").unwrap();
        };
        if let Some(id) = id {
            put("id", &id);
        }
        put("video", &format!("{:?}", self.video));
        match &self.audio {
            Audio::File(name) => put("audio", name),
            Audio::Url(url) => put("audio", &format!("{url:?}")),
            Audio::Id => put("audio", &format!("{{id: {AUDIO_ID:?}}}")),
        }
        if self.first_face {
            put("face", &"first");
        }
        put("sound_start_time", &self.start_ms);
        if let Some(end_ms) = self.end_ms {
            put("sound_end_time", &end_ms);
        }
        put("sound_volume", &self.volume);
        put("watermark", &self.watermark);
        if let Some(name) = &self.own_name {
            put("external_task_id", &format!("{name:?}"));
        }
        if let Some(take) = self.take {
            put("take", &take);
        }
        put("priority", &self.priority);
        put("labels", &format!("{{n: \"{}\"}}", self.label));
        if let Some(at) = &self.not_before {
            put("not_before", &format!("{at:?}"));
        }
        text + "}"
    }
}

/// The key of what a create request asks for, with the video of its session.
pub fn request_key_of(request: &CreateRequest, video: &str) -> Option<RequestKey> {
    let audio = match &request.audio {
        AudioSource::File(bytes) => format!("clip {}", audio_files::number_of(bytes)?),
        AudioSource::Url(url) => url.clone(),
        AudioSource::Id(id) => id.clone(),
    };
    let name = request.external_task_id.as_deref().unwrap_or_default();
    let own_name = name.starts_with("own-").then(|| base_of(name));
    let end_ms = Some(request.sound_end_ms).filter(|end_ms| *end_ms == END_MS);
    let first_face = request.face_id == "0";
    let (start_ms, volume) = (request.sound_start_ms, request.sound_volume);
    Some(text(video, &audio, first_face, start_ms, end_ms, volume, request.watermark, own_name))
}

/// A task's name without its take.
pub fn base_of(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((base, take)) if base.contains('-') && take.len() <= 2 => base,
        _ => name,
    }
}

/// The take in a task's name.
pub fn take_of(name: &str) -> u32 {
    name[base_of(name).len()..].trim_start_matches('-').parse().unwrap_or(1)
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the key")]
fn text(
    video: &str,
    audio: &str,
    first_face: bool,
    start_ms: i64,
    end_ms: Option<i64>,
    volume: f64,
    watermark: bool,
    own_name: Option<&str>,
) -> RequestKey {
    let video = video.trim_start_matches("https://cdn.example/").split('?').next().unwrap_or(video);
    let own_name = own_name.unwrap_or_default();
    let end_ms = end_ms.unwrap_or(0);
    format!("{video} {audio} {first_face} {start_ms} {end_ms} {volume} {watermark} {own_name}")
}

fn lipsyncd_time(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap().to_string()
}
