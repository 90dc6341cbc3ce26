//! Each rule of the page violated once: the code, the HTTP status, the message.

use super::*;

fn check(answer: &SimResponse, what: &str, code: u64, words: &str) {
    assert_eq!(answer.code(), code, "{what}: {}", answer.message());
    assert!(answer.message().contains(words), "{what}: {}", answer.message());
    let status = if code == 0 { 200 } else { 400 };
    assert_eq!(answer.http_status, status, "{what}");
    assert_eq!(answer.body.get("data").is_some(), code == 0, "{what}");
}

#[test]
fn identify_accepts_what_the_page_allows() {
    let url = |query: &str| json!({"video_url": format!("https://cdn.example/v.mp4?{query}")});
    let media = |path: &str| json!({"video_url": format!("{BASE_URL}/media/{path}")});
    let table = [
        (0, "", json!({"video_url": VIDEO, "video_id": ""})),
        (0, "", json!({"video_url": VIDEO, "video_id": null, "new_field": 1})),
        (0, "", json!({"video_url": "https://cdn.example/V.MOV", "video_id": ""})),
        (0, "", json!({"video_id": "sim-video-2faces-12000ms"})),
        (0, "", url("duration_ms=2000")),
        (0, "", url("duration_ms=60000&width=1920&height=1080")),
        (0, "", url("bytes=104857600")),
        (0, "", media("here.mp4")),
        (0, "", media("a%20b/here.mp4")),
        (0, "", json!({"video_url": "http://localhost:9/media/here.mp4"})),
        (1200, "JSON object", json!([])),
        (1201, "both be empty", json!({})),
        (1201, "both be empty", json!({"video_url": "", "video_id": ""})),
        (1201, "mutually exclusive", json!({"video_url": VIDEO, "video_id": "sim-video-1"})),
        (1201, "must be a string", json!({"video_id": 7})),
        (1201, "not found", json!({"video_id": "870000000000000001"})),
        (1201, "2s to 60s", json!({"video_id": "sim-video-61000ms"})),
        (1201, "http or https", json!({"video_url": "ftp://cdn.example/v.mp4"})),
        (1201, "http or https", json!({"video_url": "v.mp4"})),
        (1201, ".mp4 and .mov", json!({"video_url": "https://cdn.example/v.avi"})),
        (1201, "HTTP 404", url("status=404")),
        (1201, "2s to 60s", url("duration_ms=1999")),
        (1201, "2s to 60s", url("duration_ms=60001")),
        (1201, "100MB", url("bytes=104857601")),
        (1201, "512px", url("width=720&height=511")),
        (1201, "512px", url("width=2161&height=1080")),
        (1201, "cannot be downloaded", media("gone.mp4")),
        (1201, "duration", media("unknown_length.mp4")),
        (1201, "404", json!({"video_url": format!("{BASE_URL}/results/1.mp4")})),
    ];
    let mut sim = Sim::new(config(), BASE_URL);
    for (code, words, body) in table {
        check(&identify(&mut sim, NOW_MS, &body), &body.to_string(), code, words);
    }
}

#[test]
fn faces_follow_the_parameters() {
    let mut sim = Sim::new(config(), BASE_URL);
    let mut faces = |query: &str| {
        let url = format!("https://cdn.example/v.mp4?duration_ms=12000&{query}");
        let answer = identify(&mut sim, NOW_MS, &json!({"video_url": url}));
        let times = |face: &Value| (face["start_time"].as_i64(), face["end_time"].as_i64());
        let faces = answer.data()["face_data"].as_array().unwrap().clone();
        faces.iter().map(times).collect::<Vec<_>>()
    };
    assert_eq!(faces("faces=0"), []);
    assert_eq!(faces("faces=1"), [(Some(0), Some(12_000))]);
    assert_eq!(faces("faces=2"), [(Some(0), Some(6_000)), (Some(3_000), Some(12_000))]);
    assert_eq!(
        faces("face_ms=500-3000,0-99999"),
        [(Some(500), Some(3_000)), (Some(0), Some(12_000))]
    );
}

/// What to change in a valid create request. Null removes a field.
type Change = (&'static str, Value);

fn changed(session_id: &str, external: &str, changes: &[Change]) -> Value {
    let mut body = good_create(session_id, external);
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    body
}

#[test]
fn create_accepts_what_the_page_allows() {
    let face = |name: &'static str, value: Value| -> Change {
        let pointer = format!("/face_choose/0/{name}");
        (Box::leak(pointer.into_boxed_str()), value)
    };
    let audio = |file: &str| vec![face("sound_file", json!(file))];
    let url = |query: &str| audio(&format!("https://cdn.example/s.mp3?{query}"));
    let media = |name: &str| audio(&format!("{BASE_URL}/media/{name}"));
    let by_id = |id: &str| vec![face("sound_file", json!("")), face("audio_id", json!(id))];
    let times = |start: i64, end: i64, insert: i64| {
        vec![
            face("sound_start_time", json!(start)),
            face("sound_end_time", json!(end)),
            face("sound_insert_time", json!(insert)),
        ]
    };
    let top = |name: &'static str, value: Value| vec![(name, value)];
    let large = "AAAA".repeat(5 * 1024 * 1024 / 3 + 1);
    let table: Vec<(u64, &str, Vec<Change>)> = vec![
        (0, "", vec![]),
        (0, "", by_id("sim-audio-8000ms")),
        (0, "", media("here.mp3")),
        (0, "", audio("AAAABBBB")),
        (0, "", audio("https://cdn.example/s.WAV?duration_ms=3000")),
        (0, "", audio("https://cdn.example/tts/v2.0/say?voice=anna")),
        (0, "", times(6_000, 8_000, 8_000)),
        (0, "", vec![face("sound_volume", json!(0)), face("original_audio_volume", Value::Null)]),
        (0, "", top("/watermark_info", json!({"enabled": true}))),
        (0, "", top("/callback_url", json!("https://hooks.example/done"))),
        (0, "", top("/unknown", json!(true))),
        (1201, "session_id is required", top("/session_id", Value::Null)),
        (1201, "must be a string", top("/session_id", json!(850))),
        (1201, "session_id 7 not found or expired", top("/session_id", json!("7"))),
        (1201, "required", top("/face_choose", Value::Null)),
        (1201, "array", top("/face_choose", json!({}))),
        (1201, "empty", top("/face_choose", json!([]))),
        (1201, "object", top("/face_choose", json!(["0"]))),
        (1201, "only supports one person", top("/face_choose", json!([{}, {}]))),
        (1201, "face_id is required", vec![face("face_id", json!(""))]),
        (1201, "must be a string", vec![face("face_id", json!(0))]),
        (1201, "face_id 9 not found", vec![face("face_id", json!("9"))]),
        (1201, "both be empty", vec![face("sound_file", json!(""))]),
        (1201, "mutually exclusive", vec![face("audio_id", json!("sim-audio-1"))]),
        (1201, "not found", by_id("audio-1")),
        (1201, "2s to 60s", by_id("sim-audio-1999ms")),
        (1201, ".mp3, .wav", audio("https://cdn.example/s.ogg")),
        (1201, "HTTP 403", url("status=403")),
        (0, "", url("duration_ms=60150")),
        (1201, "2s to 60s", url("duration_ms=60151")),
        (1201, "larger than 5MB", url("bytes=5242881")),
        (1201, "cannot be read", media("gone.mp3")),
        (1201, "larger than 5MB", media("large.mp3")),
        (1201, "Base64", audio("data:audio/mp3;base64,AAAA")),
        (1201, "Base64", audio("AAA")),
        (1201, "Base64", audio("AAAA\nBBBB")),
        (1201, "Base64", audio("__--")),
        (1201, "larger than 5MB", audio(&large)),
        (1201, "cannot be read", audio("bm90IGEgc291bmQ=")),
        (1201, "sound_start_time is required", vec![face("sound_start_time", Value::Null)]),
        (1201, "whole number", vec![face("sound_end_time", json!("3000"))]),
        (1201, "whole number", vec![face("sound_end_time", json!(3000.0))]),
        (1201, "negative", times(-1, 3_000, 0)),
        (1201, "negative", times(0, 3_000, -1)),
        (1201, "shorter than 2 seconds", times(1_000, 2_999, 0)),
        (1201, "shorter than 2 seconds", times(3_000, 1_000, 0)),
        (1201, "later than the total duration", times(5_000, 8_001, 0)),
        (1201, "later than the video", times(0, 3_000, 7_001)),
        (1201, "[0, 2]", vec![face("sound_volume", json!(2.1))]),
        (1201, "[0, 2]", vec![face("original_audio_volume", json!(-0.1))]),
        (1201, "a number", vec![face("sound_volume", json!("1"))]),
        (1201, "an object", top("/watermark_info", json!(true))),
        (1201, "a boolean", top("/watermark_info", json!({"enabled": "true"}))),
        (1201, "must be a string", top("/external_task_id", json!(7))),
        (1201, "external_task_id n0 already exists", top("/external_task_id", json!("n0"))),
        (1201, "http or https", top("/callback_url", json!("mailto:me"))),
    ];
    let mut sim = Sim::new(SimConfig { concurrency: 100, ..config() }, BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    for (n, (code, words, changes)) in table.iter().enumerate() {
        let body = changed(&session_id, &format!("n{n}"), changes);
        let what: String = body.to_string().chars().take(400).collect();
        check(&create(&mut sim, NOW_MS, &body), &what, *code, words);
    }
    assert_eq!(sim.ledger(NOW_MS).tasks.len(), table.iter().filter(|row| row.0 == 0).count());
}

#[test]
fn audio_must_overlap_its_face() {
    let mut sim = Sim::new(config(), BASE_URL);
    let url = "https://cdn.example/v.mp4?duration_ms=10000&face_ms=4000-9000";
    let session_id = session_of(&mut sim, NOW_MS, url);
    // The audio lasts 3 s.
    for (insert, code) in [(2_999, 1201), (3_000, 0), (7_000, 0), (1_000, 1201)] {
        let external = format!("at-{insert}");
        let body =
            changed(&session_id, &external, &[("/face_choose/0/sound_insert_time", json!(insert))]);
        check(&create(&mut sim, NOW_MS, &body), &external, code, "");
    }
}

#[test]
fn body_that_is_not_json_is_1200() {
    let mut sim = Sim::new(config(), BASE_URL);
    for body in ["", "{", "[]", "\"text\""] {
        check(&sim.create(NOW_MS, TOKEN, body.as_bytes(), &FewFiles), body, 1200, "");
    }
}

#[test]
fn pages_are_within_their_ranges() {
    let mut sim = Sim::new(config(), BASE_URL);
    for (query, code) in [
        ("", 0),
        ("pageNum=1&pageSize=500", 0),
        ("pageNum=1000", 0),
        ("pageNum=0", 1201),
        ("pageNum=1001", 1201),
        ("pageSize=0", 1201),
        ("pageSize=501", 1201),
        ("pageSize=many", 1201),
        ("pageNum=-1", 1201),
    ] {
        check(&sim.list(NOW_MS, TOKEN, query), query, code, "");
    }
}
