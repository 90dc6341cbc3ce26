//! Requests to the API: the bodies of Identify Face and Create Task, exactly as documented.

use std::fmt;

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// A video; the API requires exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoRef {
    /// A URL that the API fetches.
    Url(String),
    /// A video that Kling made within the last 30 days.
    Id(String),
}

/// The audio to be spoken; the API requires exactly one.
#[derive(Clone, PartialEq, Eq)]
pub enum AudioSource {
    /// An audio file from Kling's speech synthesis.
    Id(String),
    /// A URL that the API fetches.
    Url(String),
    /// The bytes of an audio file, at most 5 MB, sent inline as Base64.
    File(Vec<u8>),
}

/// Create Task for one face. Times are milliseconds, volumes 0..=2.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are the API's")]
pub struct CreateRequest {
    pub session_id: String,
    pub face_id: String,
    pub audio: AudioSource,
    /// Where the audio is cropped from.
    pub sound_start_ms: i64,
    /// Where the crop ends, at least 2 s later.
    pub sound_end_ms: i64,
    /// Where in the video the cropped audio goes.
    pub sound_insert_ms: i64,
    pub sound_volume: f64,
    pub original_audio_volume: f64,
    /// Whether a watermarked result is made too.
    pub watermark: bool,
    /// Our name for the task, unique in the account.
    pub external_task_id: Option<String>,
    /// Where the API reports changes of the task.
    pub callback_url: Option<String>,
}

impl VideoRef {
    /// The JSON that is sent.
    pub fn body(&self) -> Vec<u8> {
        let (name, value) = match self {
            Self::Url(url) => ("video_url", url),
            Self::Id(id) => ("video_id", id),
        };
        serde_json::json!({ name: value }).to_string().into_bytes()
    }
}

impl CreateRequest {
    /// The JSON that is sent; the same request always gives the same bytes.
    pub fn body(&self) -> serde_json::Result<Vec<u8>> {
        let audio_bytes = if let AudioSource::File(bytes) = &self.audio { bytes.len() } else { 0 };
        let mut body = Vec::with_capacity(audio_bytes / 3 * 4 + 2048);
        serde_json::to_writer(&mut body, self)?;
        Ok(body)
    }
}

impl Serialize for CreateRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Watermark {
            enabled: bool,
        }
        let mut body = serializer.serialize_struct("CreateRequest", 5)?;
        body.serialize_field("session_id", &self.session_id)?;
        body.serialize_field("face_choose", &[FaceChosen(self)])?;
        if self.watermark {
            body.serialize_field("watermark_info", &Watermark { enabled: true })?;
        }
        if let Some(id) = &self.external_task_id {
            body.serialize_field("external_task_id", id)?;
        }
        if let Some(url) = &self.callback_url {
            body.serialize_field("callback_url", url)?;
        }
        body.end()
    }
}

/// The one entry of `face_choose`.
struct FaceChosen<'a>(&'a CreateRequest);

impl Serialize for FaceChosen<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.0;
        let mut face = serializer.serialize_struct("FaceChosen", 7)?;
        face.serialize_field("face_id", &request.face_id)?;
        match &request.audio {
            AudioSource::Id(id) => face.serialize_field("audio_id", id)?,
            AudioSource::Url(url) => face.serialize_field("sound_file", url)?,
            AudioSource::File(bytes) => face.serialize_field("sound_file", &Inline(bytes))?,
        }
        face.serialize_field("sound_insert_time", &request.sound_insert_ms)?;
        face.serialize_field("sound_start_time", &request.sound_start_ms)?;
        face.serialize_field("sound_end_time", &request.sound_end_ms)?;
        face.serialize_field("sound_volume", &request.sound_volume)?;
        face.serialize_field("original_audio_volume", &request.original_audio_volume)?;
        face.end()
    }
}

/// Bytes that are written as Base64 directly into the body, so that memory does not hold 5 MB three times.
struct Inline<'a>(&'a [u8]);

impl Serialize for Inline<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

impl fmt::Debug for AudioSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.debug_tuple("Id").field(id).finish(),
            Self::Url(url) => f.debug_tuple("Url").field(url).finish(),
            Self::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(audio: AudioSource) -> CreateRequest {
        CreateRequest {
            session_id: "850508686686064678".into(),
            face_id: "0".into(),
            audio,
            sound_start_ms: 0,
            sound_end_ms: 3000,
            sound_insert_ms: 1000,
            sound_volume: 2.0,
            original_audio_volume: 0.5,
            watermark: false,
            external_task_id: None,
            callback_url: None,
        }
    }

    fn sent(request: &CreateRequest) -> Value {
        serde_json::from_slice(&request.body().unwrap()).unwrap()
    }

    #[test]
    fn create_has_exactly_the_documented_fields() {
        let face = |name: &str, audio: &str| {
            json!({ "face_id": "0", name: audio, "sound_insert_time": 1000, "sound_start_time": 0,
                    "sound_end_time": 3000, "sound_volume": 2.0, "original_audio_volume": 0.5 })
        };
        assert_eq!(
            sent(&request(AudioSource::Url("https://cdn.example.com/a.mp3".into()))),
            json!({ "session_id": "850508686686064678",
                    "face_choose": [face("sound_file", "https://cdn.example.com/a.mp3")] })
        );
        let full = CreateRequest {
            watermark: true,
            external_task_id: Some("mine-1".into()),
            callback_url: Some("https://me.example.com/cb".into()),
            ..request(AudioSource::Id("s-1".into()))
        };
        assert_eq!(
            sent(&full),
            json!({ "session_id": "850508686686064678", "face_choose": [face("audio_id", "s-1")],
                    "watermark_info": { "enabled": true }, "external_task_id": "mine-1",
                    "callback_url": "https://me.example.com/cb" })
        );
    }

    #[test]
    fn audio_file_is_sent_inline_and_not_in_debug() {
        let request = request(AudioSource::File(b"\x00\xff audio".to_vec()));
        assert_eq!(sent(&request)["face_choose"][0]["sound_file"], "AP8gYXVkaW8=");
        assert!(format!("{request:?}").contains("File(8 bytes)"));
    }

    #[test]
    fn video_is_named_by_one_field() {
        assert_eq!(VideoRef::Id("v\"1".into()).body(), br#"{"video_id":"v\"1"}"#);
        assert_eq!(VideoRef::Url("https://a".into()).body(), br#"{"video_url":"https://a"}"#);
    }
}
