//! Identify Face: the request, and its answer by the rules.

use std::sync::Arc;

use super::{
    account::AccountNumber,
    body::{self, Fields},
    faults::Endpoint,
    media_facts::{ReadMedia, SimVideoFacts},
    response::{Refusal, SimResponse},
    rules::Sim,
    session::{self, SimFace, SimSession, SimVideo},
    url_target::UrlTarget,
};

/// The content of an Identify Face request.
pub(super) struct SimIdentifyRequest {
    /// The source as the body spells it.
    spelled: String,
    source: VideoSource,
    /// Of a file in the media folder, or behind a signed link.
    facts: Option<SimVideoFacts>,
}

enum VideoSource {
    Id(String),
    Url(UrlTarget),
}

impl SimIdentifyRequest {
    /// Reads the body of a request, and its video if that is in the media folder; `base_url` identifies the
    /// simulator's own files.
    pub(super) fn read(
        body: &[u8],
        base_url: &str,
        media: &dyn ReadMedia,
    ) -> Result<Self, Refusal> {
        let object = body::object(body)?;
        let fields = Fields::top(&object);
        match (fields.optional_text("video_id")?, fields.optional_text("video_url")?) {
            (Some(id), None) => {
                let source = VideoSource::Id(id.to_owned());
                Ok(Self { spelled: id.to_owned(), source, facts: None })
            }
            (None, Some(url)) => {
                let place = UrlTarget::of("video_url", url, base_url)?;
                let facts = match &place {
                    UrlTarget::Media(path, _) => media.video(path),
                    UrlTarget::Elsewhere(url) => {
                        media.linked_video(url).transpose().map_err(|why| {
                            Refusal::illegal(format!(
                                "video_url cannot be downloaded: {why}: {url}"
                            ))
                        })?
                    }
                    UrlTarget::Result(..) => None,
                };
                Ok(Self { spelled: url.to_owned(), source: VideoSource::Url(place), facts })
            }
            (Some(_), Some(_)) => Err(Refusal::illegal(
                "video_id and video_url are mutually exclusive: only one can be filled",
            )),
            (None, None) => Err(Refusal::illegal("video_id and video_url cannot both be empty")),
        }
    }
}

impl Sim {
    /// Identify Face, from the body as sent.
    pub fn identify(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        body: &[u8],
        media: &dyn ReadMedia,
    ) -> SimResponse {
        let request = SimIdentifyRequest::read(body, &self.base_url, media);
        self.identify_request(now_ms, authorization, request)
    }

    /// The same for a request that was read before.
    pub(super) fn identify_request(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        request: Result<SimIdentifyRequest, Refusal>,
    ) -> SimResponse {
        let outcome = self.admit(Endpoint::Identify, now_ms, authorization).and_then(|account| {
            let (video, faces) = self.source(&request?, now_ms)?;
            self.spend(account, self.config.units_per_identify)?;
            Ok(self.open_session(account, video, faces, now_ms))
        });
        self.answered(Endpoint::Identify, outcome)
    }

    fn source(
        &self,
        request: &SimIdentifyRequest,
        now_ms: i64,
    ) -> Result<(SimVideo, Vec<SimFace>), Refusal> {
        let spelled = &request.spelled;
        match &request.source {
            VideoSource::Id(id) if id.starts_with("sim-video-") => {
                session::video_of_id(id, &self.base_url)
            }
            VideoSource::Id(id) => self.video_of_result(id, spelled, now_ms).ok_or_else(|| {
                Refusal::illegal(format!("video_id {id} not found or older than 30 days"))
            }),
            VideoSource::Url(UrlTarget::Result(name, _)) => {
                let id = name.trim_end_matches(".mp4").trim_end_matches(".watermark");
                self.video_of_result(id, spelled, now_ms)
                    .ok_or_else(|| Refusal::illegal("video_url cannot be downloaded: HTTP 404"))
            }
            VideoSource::Url(place) => session::video_at(spelled, place, request.facts),
        }
    }

    fn open_session(
        &mut self,
        account: AccountNumber,
        video: SimVideo,
        faces: Vec<SimFace>,
        now_ms: i64,
    ) -> serde_json::Value {
        let id = self.new_id(850_000_000_000_000_001, self.sessions.len());
        let session = SimSession { account, video: Arc::new(video), faces, made_at_ms: now_ms };
        let mut data = session.data(&id, &self.base_url);
        self.config.payment.report(self.config.units_per_identify, &mut data);
        self.counts.identify_units = self.counts.identify_units + self.config.units_per_identify;
        self.sessions.insert(id, session);
        data.into()
    }
}
