//! Many jobs on few videos, while the daemon is killed in the middle of uploads: at most one object for each video, and
//! nothing is paid twice.

use lipsyncd::sim::SimConfig;

use super::{
    KEYS, assert_no_links, be_patient, configure, env_of, env_with, identified, job, objects_of,
    proxy::{Mode, Proxy},
    put_video,
    server::{bucket_name, s3},
    text_of, video,
};
use crate::support::{
    counts::is_full,
    daemon::{TestEnv, quick},
};

/// Puts so many videos into the environment, with so many jobs each. Returns the jobs and the videos.
fn many(
    env: &TestEnv,
    name: &str,
    (videos, jobs_each): (usize, usize),
) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut keys = Vec::new();
    let contents: Vec<Vec<u8>> =
        (0..videos).map(|nth| video(&format!("{name} {nth}"), 1_000_000)).collect();
    for (nth, content) in contents.iter().enumerate() {
        put_video(env, &format!("{nth}.mp4"), content);
        for other in 1..=jobs_each {
            let key = format!("{nth}-{other}");
            let text = format!(
                "{}original_audio_volume: 0.{other:02}\n",
                job(&format!("{nth}.mp4"), "en")
            );
            env.drop_in_old(&format!("{key}.yaml"), text);
            keys.push(key);
        }
    }
    (keys, contents)
}

#[test]
fn each_video_of_many_jobs_is_uploaded_once() {
    let Some(s3) = s3() else { return };
    let (videos, jobs_each) = if is_full() { (20, 10) } else { (6, 3) };
    let bucket = bucket_name("many");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::Forward);
    configure(&env, &proxy.endpoint, &bucket, "");
    let (keys, contents) = many(&env, "many", (videos, jobs_each));
    env.start_with(&KEYS);
    for key in &keys {
        env.until_state(key, "succeeded");
    }
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    objects_of(s3, &bucket, &contents);
    assert_eq!((proxy.puts(), env.ledger().tasks.len()), (videos, videos * jobs_each));
    assert_eq!(identified(&env), i64::try_from(videos).unwrap());
}

#[test]
fn kills_in_the_middle_of_uploads_leave_one_object_for_each_video() {
    let Some(s3) = s3() else { return };
    let (videos, jobs_each, kills) = if is_full() { (20, 10, 20) } else { (4, 3, 3) };
    let bucket = bucket_name("kills");
    s3.create(&bucket);
    // One for each job: create requests that kills keep from arriving hold theirs until the end.
    let slots = videos * jobs_each;
    let mut env = env_of(SimConfig { concurrency: slots, ..quick() });
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::HangEveryOtherPut(300_000));
    env.configure(u32::try_from(slots).unwrap(), &text_of(&proxy.endpoint, &bucket));
    be_patient(&env);
    let (keys, contents) = many(&env, "kills", (videos, jobs_each));
    for _ in 0..kills {
        let before = proxy.hung();
        env.start_with(&KEYS);
        env.until("an upload in the middle", |env| {
            let states = env.states();
            let is_before_upload = |state: &str| state == "waiting" || state == "queued";
            let are_uploaded = !states.iter().any(|(_, state)| is_before_upload(state));
            proxy.hung() > before || !states.is_empty() && are_uploaded
        });
        env.kill();
    }
    proxy.set(Mode::Forward);
    // A create request that a kill kept from arriving is sent again soon.
    env.change_config(
        "create_settle: 11m, request_timeout: 10m",
        "create_settle: 2s, request_timeout: 1s",
    );
    env.start_with(&KEYS);
    for key in &keys {
        env.until_state(key, "succeeded");
    }
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    objects_of(s3, &bucket, &contents);
    assert_eq!(env.ledger().tasks.len(), videos * jobs_each);
    // A kill may lose an answer of Identify Face, and nothing else.
    assert!(identified(&env) <= i64::try_from(videos + kills).unwrap());
    assert_no_links(&env);
}
