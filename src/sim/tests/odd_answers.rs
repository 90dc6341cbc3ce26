//! Answers in other forms: they say the same.

use serde_json::json;

use super::*;
use crate::sim::{OddAnswers, SessionGoneError};

#[test]
fn odd_answers_say_the_same_in_other_types_and_words() {
    let odd_answers = OddAnswers { no_parent_video: true, ..OddAnswers::ALL };
    let mut sim = Sim::new(SimConfig { odd_answers, ..config() }, BASE_URL);
    let identified = identify(&mut sim, NOW_MS, &json!({"video_url": VIDEO}));
    let session_id = identified.data()["session_id"].as_u64().unwrap();
    assert_eq!(identified.body["code"], "0");
    assert_eq!(identified.data()["final_unit_deduction"], 0.05);
    let face = &identified.data()["face_data"][0];
    assert_eq!((&face["face_id"], &face["start_time"]), (&json!(0), &json!("0")));

    let created = create(&mut sim, NOW_MS, &good_create(&session_id.to_string(), "a"));
    assert_eq!(created.data()["task_status"], "SUBMITTED");
    let id = created.data()["task_id"].as_u64().unwrap().to_string();
    let early = sim.query(NOW_MS, TOKEN, &id);
    assert_eq!(early.data()["task_result"], json!([]));
    assert_eq!(early.data()["task_info"]["parent_video"], json!([]));
    let ended = sim.query(NOW_MS + 20_000, TOKEN, &id);
    assert_eq!(ended.data()["task_status"], "SUCCEEDED");
    assert_eq!(ended.data()["created_at"], NOW_MS.to_string());
    let videos = ended.data()["task_result"]["videos"].as_array().unwrap();
    assert_eq!((videos.len(), &videos[0]["url"]), (2, &Value::Null));

    let refused = create(&mut sim, NOW_MS, &good_create("0", "b"));
    assert_eq!((refused.code(), refused.body["code"].to_string()), (1201, "1201.0".to_owned()));
}

#[test]
fn session_that_is_gone_is_refused_in_the_configured_words() {
    let mut sim = Sim::new(config(), BASE_URL);
    for gone_session in SessionGoneError::all() {
        sim.config_mut().gone_session = gone_session;
        let refused = create(&mut sim, NOW_MS, &good_create("7", "a"));
        assert_eq!(refused.code(), u64::from(gone_session.code));
        assert_eq!(refused.message(), gone_session.message.replace("{}", "7"));
    }
}
