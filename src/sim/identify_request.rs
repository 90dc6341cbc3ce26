//! The body of an Identify Face: which video it names, and that it names one.

use super::{
    body::{self, Fields},
    response::Refusal,
    url_target::UrlTarget,
};

/// An Identify Face as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimIdentifyRequest {
    /// The source as the body spells it.
    pub(super) spelled: String,
    pub(super) source: VideoSource,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VideoSource {
    Id(String),
    Url(UrlTarget),
}

impl SimIdentifyRequest {
    /// Reads the body of a request; `base_url` identifies the simulator's own files.
    ///
    /// # Errors
    /// 1200 for a body that is no JSON object, 1201 for a value that the page does not allow.
    pub fn read(body: &[u8], base_url: &str) -> Result<Self, Refusal> {
        let object = body::object(body)?;
        let fields = Fields::top(&object);
        match (fields.optional_text("video_id")?, fields.optional_text("video_url")?) {
            (Some(id), None) => {
                Ok(Self { spelled: id.to_owned(), source: VideoSource::Id(id.to_owned()) })
            }
            (None, Some(url)) => {
                let place = UrlTarget::of("video_url", url, base_url)?;
                Ok(Self { spelled: url.to_owned(), source: VideoSource::Url(place) })
            }
            (Some(_), Some(_)) => Err(Refusal::illegal(
                "video_id and video_url are mutually exclusive: only one can be filled",
            )),
            (None, None) => Err(Refusal::illegal("video_id and video_url cannot both be empty")),
        }
    }

    /// The file of the media folder that has to be read for this request.
    pub fn media_path(&self) -> Option<&str> {
        match &self.source {
            VideoSource::Url(UrlTarget::Media(path, _)) => Some(path),
            _ => None,
        }
    }
}
