//! Identify Face by the rules.

use std::sync::Arc;

use super::{
    account::AccountNumber,
    answer::{Answer, Refusal},
    facts::{ReadMedia, VideoFacts},
    faults::Call,
    identify_request::{IdentifyRequest, VideoSource},
    place::Place,
    rules::Sim,
    session::{self, Face, Session, Video},
};

impl Sim {
    /// Identify Face, from the body as sent.
    pub fn identify(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        body: &[u8],
        media: &dyn ReadMedia,
    ) -> Answer {
        let request = IdentifyRequest::read(body, &self.base_url);
        let facts = request.as_ref().ok().and_then(IdentifyRequest::media_path);
        let facts = facts.and_then(|path| media.video(path));
        self.identify_request(now_ms, authorization, request, facts)
    }

    /// The same in two steps, for a caller that reads media meanwhile: `facts` are those of the
    /// request's `media_path`.
    pub fn identify_request(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        request: Result<IdentifyRequest, Refusal>,
        facts: Option<VideoFacts>,
    ) -> Answer {
        let outcome = self.admit(Call::Identify, now_ms, authorization).and_then(|account| {
            let (video, faces) = self.source(&request?, facts, now_ms)?;
            self.spend(account, self.config.units_per_identify)?;
            Ok(self.open_session(account, video, faces, now_ms))
        });
        self.answered(Call::Identify, outcome)
    }

    fn source(
        &self,
        request: &IdentifyRequest,
        facts: Option<VideoFacts>,
        now_ms: i64,
    ) -> Result<(Video, Vec<Face>), Refusal> {
        let spelled = &request.spelled;
        match &request.source {
            VideoSource::Id(id) if id.starts_with("sim-video-") => {
                session::video_of_id(id, &self.base_url)
            }
            VideoSource::Id(id) => self.made_before(id, spelled, now_ms).ok_or_else(|| {
                Refusal::illegal(format!("video_id {id} not found or older than 30 days"))
            }),
            VideoSource::Url(Place::Result(name, _)) => {
                let id = name.trim_end_matches(".mp4").trim_end_matches(".watermark");
                self.made_before(id, spelled, now_ms)
                    .ok_or_else(|| Refusal::illegal("video_url cannot be downloaded: HTTP 404"))
            }
            VideoSource::Url(place) => session::video_at(spelled, place, facts),
        }
    }

    fn made_before(&self, id: &str, spelled: &str, now_ms: i64) -> Option<(Video, Vec<Face>)> {
        let video = self.video_of_result(id, spelled, now_ms)?;
        let faces = session::whole(video.length_ms);
        Some((video, faces))
    }

    fn open_session(
        &mut self,
        account: AccountNumber,
        video: Video,
        faces: Vec<Face>,
        now_ms: i64,
    ) -> serde_json::Value {
        let id = self.new_id(850_000_000_000_000_001, self.sessions.len());
        let session = Session { account, video: Arc::new(video), faces, made_at_ms: now_ms };
        let units = self.config.units_per_identify.to_string();
        let data = session.data(&id, &units, &self.base_url);
        self.counts.identify_units = self.counts.identify_units + self.config.units_per_identify;
        self.sessions.insert(id, session);
        data
    }
}
