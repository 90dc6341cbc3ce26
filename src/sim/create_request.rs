//! The body of a Create Task: shape, types, ranges and exclusions, as far as the body alone shows them.
//!
//! Has no state: `create.rs` checks the session and whether the times fit.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use url::Url;

use super::{
    body::{self, Fields},
    media_facts::{ReadMedia, SimAudioFacts},
    random::hex_digest,
    response::Refusal,
    url_target::UrlTarget,
};

const ENDINGS: [&str; 4] = [".mp3", ".wav", ".m4a", ".aac"];
/// The page says "5MB"; read as mebibytes.
const AUDIO_BYTES_MAX: u64 = 5 * 1024 * 1024;
/// The minimum length of cropped audio, and of its overlap with the face.
pub(super) const CROP_MS_MIN: i64 = 2_000;

/// The content of a Create Task request.
pub(super) struct SimCreateRequest {
    pub(super) session_id: String,
    pub(super) face_id: String,
    pub(super) audio: SimAudioSource,
    /// Of audio in the media folder, or inline.
    pub(super) audio_facts: Option<SimAudioFacts>,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) insert_ms: i64,
    /// Of the audio, and of the video's own audio.
    pub(super) volumes: [f64; 2],
    /// As sent; none if it was not sent.
    pub(super) watermark: Option<bool>,
    pub(super) external_task_id: Option<String>,
    pub(super) callback_url: Option<String>,
    /// The SHA-256 of the body as sent.
    pub(super) body_digest: String,
}

pub(super) enum SimAudioSource {
    Id(String),
    Url(UrlTarget),
    /// Decoded.
    Inline(Vec<u8>),
}

impl SimCreateRequest {
    /// Reads the body of a request, and its audio with `media`; `base_url` identifies the simulator's own files.
    pub(super) fn read(
        body: &[u8],
        base_url: &str,
        media: &dyn ReadMedia,
    ) -> Result<Self, Refusal> {
        let object = body::object(body)?;
        let top = Fields::top(&object);
        let session_id = top.text("session_id")?.to_owned();
        let face = Fields::inner(only_face(top)?, "face_choose[0].");
        let face_id = face.text("face_id")?.to_owned();
        let audio = SimAudioSource::read(face, base_url)?;
        let (start_ms, end_ms) =
            (face.time_ms("sound_start_time")?, face.time_ms("sound_end_time")?);
        let insert_ms = face.time_ms("sound_insert_time")?;
        let volumes = [face.volume("sound_volume")?, face.volume("original_audio_volume")?];
        if end_ms.saturating_sub(start_ms) < CROP_MS_MIN {
            return Err(
                face.wrong("sound_end_time", "leaves a cropped audio shorter than 2 seconds")
            );
        }
        Ok(Self {
            session_id,
            face_id,
            audio_facts: audio.read_facts(media),
            audio,
            start_ms,
            end_ms,
            insert_ms,
            volumes,
            watermark: watermark(top)?,
            external_task_id: top.optional_text("external_task_id")?.map(str::to_owned),
            callback_url: callback_url(top)?,
            body_digest: hex_digest(body),
        })
    }

    /// How long the cropped audio is.
    pub(super) const fn crop_ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }

    /// A digest of the work: audio, crop, volumes, watermark and position in `video`, without the session and the
    /// names.
    pub(super) fn content_digest(&self, video: &str) -> String {
        let audio = match &self.audio {
            SimAudioSource::Id(id) => id.clone(),
            SimAudioSource::Url(place) => place.url().to_string(),
            SimAudioSource::Inline(bytes) => hex_digest(bytes),
        };
        let Self { face_id, start_ms, end_ms, insert_ms, volumes, .. } = self;
        let watermark = self.watermark.unwrap_or(false);
        let content = format!(
            "{video}\n{audio}\n{face_id}\n{start_ms}\n{end_ms}\n{insert_ms}\n{volumes:?}\n{watermark}"
        );
        hex_digest(content.as_bytes())
    }
}

impl SimAudioSource {
    fn read_facts(&self, media: &dyn ReadMedia) -> Option<SimAudioFacts> {
        match self {
            Self::Url(UrlTarget::Media(path, _)) => media.sound_file(path),
            Self::Inline(bytes) => media.audio(bytes),
            Self::Url(_) | Self::Id(_) => None,
        }
    }

    fn read(face: Fields<'_>, base_url: &str) -> Result<Self, Refusal> {
        match (face.optional_text("audio_id")?, face.optional_text("sound_file")?) {
            (Some(id), None) => Ok(Self::Id(id.to_owned())),
            (None, Some(file)) => Self::of_file(face, file, base_url),
            (Some(_), Some(_)) => Err(face.wrong(
                "audio_id",
                "and sound_file are mutually exclusive: only one can be filled",
            )),
            (None, None) => Err(face.wrong("audio_id", "and sound_file cannot both be empty")),
        }
    }

    fn of_file(face: Fields<'_>, file: &str, base_url: &str) -> Result<Self, Refusal> {
        if file.starts_with("http://") || file.starts_with("https://") {
            let place = UrlTarget::of("sound_file", file, base_url)?;
            // The content decides. It is simulated, and an ending that the page excludes means other content.
            let is_usable = place.has_ending(&ENDINGS) || !place.has_any_ending();
            if matches!(place, UrlTarget::Media(..)) || is_usable {
                return Ok(Self::Url(place));
            }
            return Err(face.wrong("sound_file", "must be .mp3, .wav, .m4a or .aac"));
        }
        let bytes = STANDARD
            .decode(file)
            .map_err(|_| face.wrong("sound_file", "is not a URL, and not valid Base64"))?;
        check_size(bytes.len() as u64)?;
        Ok(Self::Inline(bytes))
    }
}

/// 1201 for an audio file above the page's 5 MB.
pub(super) fn check_size(bytes: u64) -> Result<(), Refusal> {
    if bytes > AUDIO_BYTES_MAX {
        return Err(Refusal::illegal("sound_file: the file is larger than 5MB"));
    }
    Ok(())
}

fn only_face<'a>(top: Fields<'a>) -> Result<&'a Map<String, Value>, Refusal> {
    let faces = top.value("face_choose").ok_or_else(|| top.wrong("face_choose", "is required"))?;
    let faces = faces.as_array().ok_or_else(|| top.wrong("face_choose", "must be an array"))?;
    match faces.as_slice() {
        [] => Err(top.wrong("face_choose", "must not be empty")),
        [Value::Object(face)] => Ok(face),
        [_] => Err(top.wrong("face_choose", "must hold an object")),
        _ => Err(top.wrong("face_choose", "currently only supports one person lip-sync")),
    }
}

fn watermark(top: Fields<'_>) -> Result<Option<bool>, Refusal> {
    let Some(info) = top.value("watermark_info") else {
        return Ok(None);
    };
    let info = info.as_object().ok_or_else(|| top.wrong("watermark_info", "must be an object"))?;
    match info.get("enabled") {
        None | Some(Value::Null) => Ok(Some(false)),
        Some(Value::Bool(enabled)) => Ok(Some(*enabled)),
        Some(_) => Err(top.wrong("watermark_info.enabled", "must be a boolean")),
    }
}

fn callback_url(top: Fields<'_>) -> Result<Option<String>, Refusal> {
    let Some(text) = top.optional_text("callback_url")? else {
        return Ok(None);
    };
    let http = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if http {
        return Ok(Some(text.to_owned()));
    }
    Err(top.wrong("callback_url", "must be an http or https URL"))
}
