//! Storages that answer with what no storage should: each time the reason is true, nothing that lipsyncd writes contains a
//! key or a link, and all continues automatically.

use std::net::TcpListener;

use super::{
    KEYS, assert_no_links, configure, env_with, job, objects_of,
    proxy::{Mode, Proxy},
    put_video,
    server::{ACCESS_KEY, SECRET_KEY, bucket_name, s3},
    start_tracing, video, waiting_for,
};
use crate::support::daemon::Ran;

#[test]
fn no_answer_of_a_storage_reveals_a_link_or_ends_a_job() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("hostile");
    s3.create(&bucket);
    let mut env = env_with(&s3.endpoint, &bucket, "");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let elsewhere = other.local_addr().unwrap().port();
    let proxy = Proxy::start(&env, &s3.endpoint, Mode::Repeat);
    configure(&env, &proxy.endpoint, &bucket, "");
    let content = video("hostile", 300_000);
    put_video(&env, "v.mp4", &content);
    env.drop_in_old("en.yaml", job("v.mp4", "en"));
    start_tracing(&mut env);
    for (mode, begin, says) in [
        (Mode::Repeat, "uploads are held: ", "HTTP 403 AccessDenied (/"),
        (Mode::Redirect(elsewhere), "uploads are held: ", "; set upload.s3.endpoint to https://"),
        (
            Mode::Endless,
            "uploads are held: ",
            "; this is no answer of S3: correct upload.s3.endpoint",
        ),
        (
            Mode::Refuse(403, "SignatureDoesNotMatch"),
            "uploads are held: ",
            "; correct S3_ACCESS_KEY and S3_SECRET_KEY",
        ),
        (
            Mode::ClockAhead(20),
            "uploads are held: ",
            "; the clock of this machine is 20 min behind the clock of the storage: set it",
        ),
        (Mode::Break, "try ", "failed: the connection to 127.0.0.1 broke: "),
        (Mode::Length(5), "try ", "the bucket has 5 of 300000 bytes after the upload"),
    ] {
        proxy.set(mode);
        env.until(&format!("the reason of {mode:?}"), |env| {
            let reason = waiting_for(env, "en");
            reason.starts_with(begin) && reason.contains(says)
        });
        for command in [&["status"][..], &["show", "en"], &["list", "--json"], &["doctor"]] {
            let ran = env.command(command).envs(KEYS).output().unwrap();
            let ran = Ran::from(ran);
            for secret in ["X-Amz-", ACCESS_KEY, SECRET_KEY] {
                assert!(!format!("{ran:?}").contains(secret), "{mode:?}: {ran:?}");
            }
        }
    }
    proxy.set(Mode::Forward);
    env.until_state("en", "succeeded");
    objects_of(s3, &bucket, &[&content]);
    assert_eq!(env.ledger().tasks.len(), 1);
    assert!(other.accept().is_err(), "a redirect to another server was followed");
    env.signal("TERM");
    assert!(env.wait_until_ended().success());
    assert!(env.log().contains("TRACE"), "little is logged");
    assert_no_links(&env);
}
