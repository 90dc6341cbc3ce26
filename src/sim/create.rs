//! Create Task: the call that costs most.

use std::sync::Arc;

use serde_json::Value;

use super::{
    account::AccountNumber,
    billing::BilledLength,
    create_request::{CROP_MS_MIN, SimAudioSource, SimCreateRequest, check_size},
    faults::Endpoint,
    media_facts::{MediaParameters, ReadMedia},
    response::{Refusal, SimResponse, usual_message},
    rules::Sim,
    session::{SimFace, SimVideo, check_length},
    task::{DueCallback, SimTask},
    units::SimUnits,
    url_target::UrlTarget,
};

/// The part of a task's time in which it is `submitted` is a tenth, and no longer than this.
const SUBMITTED_MS_MAX: i64 = 2_000;

impl Sim {
    /// Create Task, from the body as sent.
    pub fn create(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        body: &[u8],
        media: &dyn ReadMedia,
    ) -> SimResponse {
        let request = SimCreateRequest::read(body, &self.base_url, media);
        self.create_request(now_ms, authorization, request)
    }

    /// The same for a request that was read before.
    pub(super) fn create_request(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        request: Result<SimCreateRequest, Refusal>,
    ) -> SimResponse {
        self.settle(now_ms);
        let outcome = self
            .admit(Endpoint::Create, now_ms, authorization)
            .and_then(|account| self.accept(account, request?, now_ms));
        self.answered(Endpoint::Create, outcome)
    }

    /// Checks all parameters before the account, so that a refusal with 1303 means that the same request is valid
    /// later.
    fn accept(
        &mut self,
        account: AccountNumber,
        request: SimCreateRequest,
        now_ms: i64,
    ) -> Result<Value, Refusal> {
        let session = self.session(account, &request.session_id, now_ms)?;
        let face =
            session.faces.iter().find(|face| face.id == request.face_id).ok_or_else(|| {
                Refusal::illegal(format!("face_id {} not found in the session", request.face_id))
            })?;
        check_audio(&request)?;
        check_times(&request, face, session.video.length_ms)?;
        let video = Arc::clone(&session.video);
        self.check_external_id(account, &request)?;
        if self.running_of(account) >= self.config.concurrency {
            return Err(Refusal::new(1303, usual_message(1303)));
        }
        let billed_ms = match self.config.billed_length {
            BilledLength::Video => video.length_ms,
            BilledLength::Audio => request.crop_ms(),
        };
        let begun = billed_ms.max(1).saturating_add(4_999) / 5_000;
        let units = self.config.units_per_five_seconds.times(begun);
        self.spend(account, units)?;
        Ok(self.begin(account, request, video, units, now_ms))
    }

    fn running_of(&self, account: AccountNumber) -> usize {
        self.running.iter().filter(|(_, index)| self.tasks[*index].account == account).count()
    }

    fn check_external_id(
        &self,
        account: AccountNumber,
        request: &SimCreateRequest,
    ) -> Result<(), Refusal> {
        let Some(id) = &request.external_task_id else {
            return Ok(());
        };
        let mut namesakes = self.by_external_id.get(id).into_iter().flatten();
        let is_known = namesakes.any(|index| self.tasks[*index].account == account);
        if self.config.unique_external_ids && is_known {
            return Err(self.config.duplicate_name.refusal(id));
        }
        Ok(())
    }

    fn begin(
        &mut self,
        account: AccountNumber,
        request: SimCreateRequest,
        video: Arc<SimVideo>,
        units: SimUnits,
        now_ms: i64,
    ) -> Value {
        let index = self.tasks.len();
        let (low, high) = self.config.task_ms;
        let takes_ms = self.random.between(low, high).max(0);
        let content_digest = request.content_digest(&video.spelled);
        let task = SimTask {
            id: self.new_id(860_000_000_000_000_001, index),
            account,
            result_id: self.new_id(870_000_000_000_000_001, index),
            external_task_id: request.external_task_id,
            session_id: request.session_id,
            video,
            watermark: request.watermark,
            callback_url: request.callback_url,
            accepted_at_ms: now_ms,
            processing_at_ms: now_ms + (takes_ms / 10).min(SUBMITTED_MS_MAX),
            ends_at_ms: now_ms + takes_ms,
            units,
            payment: self.config.payment,
            body_digest: request.body_digest,
            content_digest,
        };
        let data = task.created();
        self.by_task_id.insert(task.id.clone(), index);
        self.by_result_id.insert(task.result_id.clone(), index);
        if let Some(external) = &task.external_task_id {
            self.by_external_id.entry(external.clone()).or_default().push(index);
        }
        if task.callback_url.is_some() {
            self.due_callbacks.extend(DueCallback::of(&task, index));
        }
        self.running.insert((task.ends_at_ms, index));
        self.tasks.push(task);
        self.counts.at_once_max = self.counts.at_once_max.max(self.running_of(account));
        data
    }
}

/// Refuses audio that is missing, not an audio file, too large, too short, too long, or cropped beyond its end.
fn check_audio(request: &SimCreateRequest) -> Result<(), Refusal> {
    let (field, facts) = match &request.audio {
        SimAudioSource::Id(id) if id.starts_with("sim-audio-") => {
            ("audio_id", MediaParameters::of_id(id).audio(id))
        }
        SimAudioSource::Id(id) => {
            let text = format!("audio_id {id} not found or older than 30 days");
            return Err(Refusal::illegal(text));
        }
        SimAudioSource::Url(place @ (UrlTarget::Elsewhere(url) | UrlTarget::Result(_, url))) => {
            let parameters = MediaParameters::of_url(place.url())?;
            if let Some(status) = parameters.status.filter(|status| *status >= 300) {
                let text = format!("sound_file cannot be downloaded: HTTP {status}");
                return Err(Refusal::illegal(text));
            }
            ("sound_file", parameters.audio(url.as_str()))
        }
        SimAudioSource::Url(UrlTarget::Media(..)) | SimAudioSource::Inline(_) => {
            let facts = request.audio_facts.ok_or_else(|| {
                Refusal::illegal("sound_file cannot be read, or is not .mp3, .wav, .m4a or .aac")
            })?;
            ("sound_file", facts)
        }
    };
    check_size(facts.bytes)?;
    // A minute of audio in complete frames.
    let is_minute = (60_000..=60_150).contains(&facts.length_ms);
    check_length(field, if is_minute { 60_000 } else { facts.length_ms })?;
    if request.end_ms > facts.length_ms {
        return Err(Refusal::illegal(format!(
            "sound_end_time {} is later than the total duration of the audio, {}",
            request.end_ms, facts.length_ms
        )));
    }
    Ok(())
}

fn check_times(request: &SimCreateRequest, face: &SimFace, video_ms: i64) -> Result<(), Refusal> {
    let (from_ms, to_ms) = (request.insert_ms, request.insert_ms.saturating_add(request.crop_ms()));
    if to_ms > video_ms {
        return Err(Refusal::illegal(format!(
            "sound_insert_time: the inserted audio ends at {to_ms}, later than the video, {video_ms}"
        )));
    }
    let overlap_ms = to_ms.min(face.end_ms) - from_ms.max(face.start_ms);
    if overlap_ms < CROP_MS_MIN {
        return Err(Refusal::illegal(format!(
            "sound_insert_time: the audio ({from_ms} to {to_ms}) must overlap the face's time \
             ({} to {}) for at least 2 seconds",
            face.start_ms, face.end_ms
        )));
    }
    Ok(())
}
