//! From a local file to a result: each content is uploaded once, and the link is nowhere.

use super::{
    KEYS, assert_no_links, env_with, identified, job, objects_of,
    proxy::{Mode, Proxy},
    put_video,
    server::{bucket_name, s3},
    start_tracing, video,
};
use crate::support::sha256;

#[test]
fn a_local_video_gets_a_result_and_its_link_is_nowhere() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("result");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let content = video("result", 3_000_000);
    put_video(&env, "anna.mp4", &content);
    env.drop_in_old("en.yaml", job("anna.mp4", "en"));
    env.start_with(&KEYS);
    env.until_state("en", "succeeded");
    objects_of(s3, &bucket, &[&content]);
    let object = format!("lipsyncd/{}.mp4", sha256(&content));
    assert_eq!(s3.head(&bucket, &object), (content.len() as u64, "video/mp4".to_owned()));
    assert_eq!((env.ledger().tasks.len(), identified(&env)), (1, 1));
    assert!(env.log().contains("video anna.mp4 uploaded (3.0 MB in "), "{}", env.log());
    assert_no_links(&env);
    let shown = env.run(&["show", "en", "--json"]);
    assert!(shown.out.contains(&object) && !shown.out.contains("X-Amz"), "{shown:?}");
}

#[test]
fn jobs_of_one_content_upload_it_once() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("once");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::Forward);
    super::configure(&env, &proxy.endpoint, &bucket, "");
    let contents = ["a", "b", "c"].map(|name| video(name, 500_000));
    for (name, content) in ["a.mp4", "b.mp4", "c.mp4"].iter().zip(&contents) {
        put_video(&env, name, content);
    }
    // Another name of the same content.
    put_video(&env, "copy of a.mp4", &contents[0]);
    let mut keys = Vec::new();
    for name in ["a.mp4", "b.mp4", "c.mp4", "copy of a.mp4"] {
        for audio in ["en", "fr"] {
            let key = format!("{}-{audio}", name.replace(['.', ' '], "-"));
            env.drop_in_old(&format!("{key}.yaml"), job(&format!("\"{name}\""), audio));
            keys.push(key);
        }
    }
    env.start_with(&KEYS);
    for key in &keys {
        env.until_state(key, "succeeded");
    }
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    objects_of(s3, &bucket, &contents);
    assert_eq!(proxy.puts(), 3, "one for each content");
    assert_eq!(env.ledger().tasks.len(), 6, "two sounds for each content");
    assert_eq!(identified(&env), 3);
    // After a restart the bucket is asked, and has the videos.
    env.kill();
    env.drop_in_old("again.yaml", format!("{}sound_end_time: 2500ms\n", job("b.mp4", "en")));
    env.start_with(&KEYS);
    env.until_state("again", "succeeded");
    assert_eq!((proxy.puts(), env.ledger().tasks.len()), (3, 7));
    assert_no_links(&env);
}

/// The libraries log what they do, too.
#[test]
fn no_log_contains_a_link_however_much_is_logged() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("trace");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    put_video(&env, "v.mp4", &video("trace", 300_000));
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    start_tracing(&mut env);
    env.until_state("en", "succeeded");
    env.signal("TERM");
    assert!(env.wait_until_ended().success());
    assert!(env.log().contains("TRACE"), "little is logged: {}", env.log());
    assert_no_links(&env);
}
