//! Whatever is logged, and however much: never a credential, a token or a body in Base64.

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lipsyncd::sim::{Endpoint, Fault, FaultRule, SimConfig};

use crate::support::daemon::{TestEnv, clip, quick};

const ACCESS_KEY: &str = "AkPlanted7Q2mZx90Accesskey";
const SECRET_KEY: &str = "SkPlantedW4vB81nR55Secretkey";
const TOKEN: &str = "TkPlantedH3jL67cY02Bearertoken";

/// Longer is no name, id or checksum of ours.
const BASE64_MAX: usize = 96;

/// A run with inline audio files and all kinds of calls, some of which fail, logged in full.
fn full_log(format: &str, environment: &[(&str, &str)]) -> String {
    let config = SimConfig {
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        bearer_token: Some(TOKEN.to_owned()),
        ..quick()
    };
    let more = format!("log: {{ format: {format} }}\npause: {{ probe_interval: 200ms }}\n");
    let mut test_env = TestEnv::with(config, 5, &more);
    let refusal = |code| Fault::Code { code, status: None, retry_after_s: None, message: None };
    for (call, fault) in [
        (Endpoint::Identify, refusal(5000)),
        (Endpoint::Create, Fault::LoseAnswer),
        (Endpoint::Create, Fault::Html { status: 502 }),
        (Endpoint::Query, refusal(1000)),
        (Endpoint::List, refusal(1000)),
    ] {
        test_env.sim.control(|sim| sim.add_fault(FaultRule::once(call, fault)));
    }
    test_env.drop_in("en.mp3", clip("welcome-en.mp3"));
    for name in ["a", "b", "c", "d"] {
        let video = format!("https://cdn.example.com/{name}.mp4?duration_ms=9000");
        test_env.drop_in(&format!("{name}.yaml"), format!("video: {video}\naudio: en.mp3\n"));
    }
    let daemon = test_env.command(&["run"]);
    let mut command = Command::new("env");
    command.env_clear().envs(environment.iter().copied()).arg("RUST_LOG=trace");
    command.arg(daemon.get_program()).args(daemon.get_args()).current_dir(test_env.dir.path());
    test_env.spawn_as(command);
    for name in ["a", "b", "c", "d"] {
        test_env.until_state(name, "succeeded");
    }
    test_env.signal("TERM");
    assert!(test_env.wait_until_ended().success());
    let log = test_env.log();
    assert!(log.contains("TRACE") && log.contains("idle connection"), "little is logged:\n{log}");
    log
}

/// The longest run of letters that Base64 is made of.
fn longest_base64(log: &str) -> &str {
    let is_base64 = |letter: char| letter.is_ascii_alphanumeric() || "+/=_-".contains(letter);
    // Addresses are made of the same letters, but have points and colons in them.
    log.split(|letter| !is_base64(letter)).max_by_key(|run| run.len()).unwrap_or_default()
}

/// `secret` and its longer parts.
fn parts(secret: &str) -> Vec<String> {
    let (first, last) = secret.split_at(secret.len() / 2);
    let encoded = STANDARD.encode(secret).trim_end_matches('=').to_owned();
    vec![secret.to_owned(), first.to_owned(), last.to_owned(), encoded]
}

#[track_caller]
fn assert_clean(log: &str) {
    for secret in [ACCESS_KEY, SECRET_KEY, TOKEN].into_iter().flat_map(parts) {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
    // Every signed token begins so: `{"` in Base64.
    assert!(!log.contains("eyJ"), "a token is in the log");
    assert!(!log.to_ascii_lowercase().contains("bearer"), "a header is in the log");
    let audio = STANDARD.encode(clip("welcome-en.mp3"));
    for part in [&audio[..40], &audio[2_000..2_040]] {
        assert!(!log.contains(part), "an audio file is in the log");
    }
    let longest = longest_base64(log);
    assert!(longest.len() <= BASE64_MAX, "{longest}");
}

#[test]
fn keys_and_the_tokens_they_sign_are_in_no_log() {
    let keys = [("KLING_ACCESS_KEY", ACCESS_KEY), ("KLING_SECRET_KEY", SECRET_KEY)];
    for format in ["text", "json"] {
        assert_clean(&full_log(format, &keys));
    }
}

#[test]
fn a_fixed_token_is_in_no_log() {
    assert_clean(&full_log("json", &[("KLING_API_TOKEN", TOKEN)]));
}

#[test]
fn the_check_would_find_an_audio_file() {
    let audio = STANDARD.encode(clip("welcome-en.mp3"));
    assert!(longest_base64(&format!("body={audio} and so on")).len() > BASE64_MAX);
}
