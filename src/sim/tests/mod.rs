//! What a client sees of the simulator: the rules by tables, then over real HTTP.

use serde_json::{Value, json};

use super::{
    config::SimConfig,
    media_facts::{NoFiles, ReadMedia, SimAudioFacts, SimVideoFacts},
    response::SimResponse,
    rules::Sim,
};

mod account;
mod accounts;
mod delayed;
mod duplicate_names;
mod lookups;
mod odd_answers;
mod refusals;
mod wire;
mod wire_faults;

const NOW_MS: i64 = 1_800_000_000_000;
const TOKEN: Option<&str> = Some("Bearer fixed");
const BASE_URL: &str = "http://127.0.0.1:9";
const VIDEO: &str = "https://cdn.example/v.mp4?duration_ms=10000&faces=1";

fn config() -> SimConfig {
    SimConfig {
        bearer_token: Some("fixed".into()),
        identify_per_second: None,
        create_per_second: None,
        task_ms: (10_000, 10_000),
        ..SimConfig::default()
    }
}

/// Media files with these names: `here.mp4`, `unknown_length.mp4`, `here.mp3`, `large.mp3`; inline
/// audio files of 8 s, unless they begin with `not`.
struct FewFiles;

impl ReadMedia for FewFiles {
    fn video(&self, path: &str) -> Option<SimVideoFacts> {
        let here = SimVideoFacts { length_ms: Some(7_000), width: 720, height: 1280, bytes: 9_000 };
        match path {
            "here.mp4" | "a b/here.mp4" => Some(here),
            "unknown_length.mp4" => Some(SimVideoFacts { length_ms: None, ..here }),
            _ => None,
        }
    }

    fn sound_file(&self, path: &str) -> Option<SimAudioFacts> {
        match path {
            "here.mp3" => Some(SimAudioFacts { length_ms: 6_000, bytes: 90_000 }),
            "large.mp3" => Some(SimAudioFacts { length_ms: 6_000, bytes: 5_242_881 }),
            _ => None,
        }
    }

    fn audio(&self, bytes: &[u8]) -> Option<SimAudioFacts> {
        let is_audio = !bytes.starts_with(b"not");
        NoFiles { audio_ms: 8_000 }.audio(bytes).filter(|_| is_audio)
    }
}

fn identify(sim: &mut Sim, now_ms: i64, body: &Value) -> SimResponse {
    sim.identify(now_ms, TOKEN, body.to_string().as_bytes(), &FewFiles)
}

fn create(sim: &mut Sim, now_ms: i64, body: &Value) -> SimResponse {
    sim.create(now_ms, TOKEN, body.to_string().as_bytes(), &FewFiles)
}

/// A session of a video of 10 s with one face.
fn session(sim: &mut Sim, now_ms: i64) -> String {
    session_of(sim, now_ms, VIDEO)
}

fn session_of(sim: &mut Sim, now_ms: i64, url: &str) -> String {
    let answer = identify(sim, now_ms, &json!({"video_url": url, "video_id": ""}));
    answer.data()["session_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", answer.message()))
        .to_owned()
}

/// A create request that the rules accept, with three seconds of audio at one second.
fn good_create(session_id: &str, external_task_id: &str) -> Value {
    json!({
        "session_id": session_id,
        "face_choose": [{
            "face_id": "0",
            "sound_file": "https://cdn.example/s.mp3?duration_ms=8000",
            "sound_insert_time": 1000,
            "sound_start_time": 0,
            "sound_end_time": 3000,
            "sound_volume": 2,
            "original_audio_volume": 0.5,
        }],
        "external_task_id": external_task_id,
        "callback_url": "",
    })
}

fn task_id(answer: &SimResponse) -> String {
    answer.data()["task_id"].as_str().unwrap_or_else(|| panic!("{}", answer.message())).to_owned()
}
