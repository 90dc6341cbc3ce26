//! Identify Face by the rules.

use std::sync::Arc;

use super::{
    account::AccountNumber,
    faults::Endpoint,
    identify_request::{SimIdentifyRequest, VideoSource},
    media_facts::{ReadMedia, SimVideoFacts},
    response::{Refusal, SimResponse},
    rules::Sim,
    session::{self, SimFace, SimSession, SimVideo},
    url_target::UrlTarget,
};

impl Sim {
    /// Identify Face, from the body as sent.
    pub fn identify(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        body: &[u8],
        media: &dyn ReadMedia,
    ) -> SimResponse {
        let request = SimIdentifyRequest::read(body, &self.base_url);
        let facts = request.as_ref().ok().and_then(SimIdentifyRequest::media_path);
        let facts = facts.and_then(|path| media.video(path));
        self.identify_request(now_ms, authorization, request, facts)
    }

    /// The same in two steps, for a caller that reads media in between: `facts` belong to the
    /// request's `media_path`.
    pub fn identify_request(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        request: Result<SimIdentifyRequest, Refusal>,
        facts: Option<SimVideoFacts>,
    ) -> SimResponse {
        let outcome = self.admit(Endpoint::Identify, now_ms, authorization).and_then(|account| {
            let (video, faces) = self.source(&request?, facts, now_ms)?;
            self.spend(account, self.config.units_per_identify)?;
            Ok(self.open_session(account, video, faces, now_ms))
        });
        self.answered(Endpoint::Identify, outcome)
    }

    fn source(
        &self,
        request: &SimIdentifyRequest,
        facts: Option<SimVideoFacts>,
        now_ms: i64,
    ) -> Result<(SimVideo, Vec<SimFace>), Refusal> {
        let spelled = &request.spelled;
        match &request.source {
            VideoSource::Id(id) if id.starts_with("sim-video-") => {
                session::video_of_id(id, &self.base_url)
            }
            VideoSource::Id(id) => self.made_before(id, spelled, now_ms).ok_or_else(|| {
                Refusal::illegal(format!("video_id {id} not found or older than 30 days"))
            }),
            VideoSource::Url(UrlTarget::Result(name, _)) => {
                let id = name.trim_end_matches(".mp4").trim_end_matches(".watermark");
                self.made_before(id, spelled, now_ms)
                    .ok_or_else(|| Refusal::illegal("video_url cannot be downloaded: HTTP 404"))
            }
            VideoSource::Url(place) => session::video_at(spelled, place, facts),
        }
    }

    fn made_before(
        &self,
        id: &str,
        spelled: &str,
        now_ms: i64,
    ) -> Option<(SimVideo, Vec<SimFace>)> {
        let video = self.video_of_result(id, spelled, now_ms)?;
        let faces = session::whole(video.length_ms);
        Some((video, faces))
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
        let units = self.config.units_per_identify.to_string();
        let data = session.data(&id, &units, &self.base_url);
        self.counts.identify_units = self.counts.identify_units + self.config.units_per_identify;
        self.sessions.insert(id, session);
        data
    }
}
