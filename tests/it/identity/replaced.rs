//! Folders and files that replace others: another request is made, and the same request is not.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use super::{
    env::{Env, was_sent},
    programs::remove,
    samples::{local, single, wav, write_at, write_old},
};

/// The one time of all audio files here: size, time and name are equal, and the content differs.
fn modified() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// Puts `<month>/news.yaml` into the folder, with this audio.
fn put_month(env: &Env, month: &str, audio: &str) {
    write_at(&env.jobs(month).join("news.wav"), wav(audio), modified());
    write_at(&env.jobs(month).join("news.yaml"), local("month", "news.wav"), modified());
}

/// A daemon that has finished `jan/news`. The job has left the folder since.
fn january_has_left() -> Env {
    let mut env = Env::new();
    put_month(&env, "jan", "january");
    env.start();
    env.until_all(&["jan/news".to_owned()], "succeeded");
    env.assert_paid(1, "in january");
    remove(&env.jobs("jan"));
    env.scanned();
    env
}

#[test]
fn new_audio_in_another_folder_is_made() {
    let env = january_has_left();
    put_month(&env, "feb", "february");
    env.until_all(&["feb/news".to_owned()], "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(2, "in february");
    assert!(was_sent(&wav("february")));
    let newest = env.ledger().tasks.pop().unwrap().task_id;
    assert_eq!(env.results()[&newest], [env.path("output/feb/news.mp4")]);
    env.assert_all_results_kept();
}

#[test]
fn return_with_another_request_is_made() {
    let env = january_has_left();
    put_month(&env, "jan", "january of the next year");
    env.until("the new request to be made", |test_env| test_env.ledger().tasks.len() == 2);
    env.scanned();
    env.until_all_ended();
    env.assert_paid(2, "after the return");
    assert_eq!(env.state("jan/news"), "succeeded");
    assert_eq!(env.column("jan/news", "changed_after_sent").as_deref(), Some("0"));
    let newest = env.ledger().tasks.pop().unwrap().task_id;
    assert_eq!(env.results()[&newest], [env.path("output/jan/news.mp4")]);
    assert_eq!(env.earlier_results("jan/news").len(), 1, "{:?}", env.output_files());
    env.assert_all_results_kept();
}

#[test]
fn return_with_the_same_request_pays_nothing() {
    let env = january_has_left();
    put_month(&env, "jan", "january");
    env.scanned();
    env.until_all(&["jan/news".to_owned()], "succeeded");
    env.until_all_ended();
    env.assert_paid(1, "after the return");
    assert!(env.result_path("jan/news").exists());
}

/// A paused queue with one job whose audio is `say.wav`, not sent yet.
fn queued(audio: &str) -> Env {
    let mut env = Env::new();
    env.start();
    env.command_done(&["pause"]);
    write_at(&env.jobs("say.wav"), wav(audio), modified());
    write_old(&env.jobs("x.yaml"), local(audio, "say.wav"));
    env.until_all(&["x".to_owned()], "queued");
    env
}

fn assert_new_audio_is_sent(env: &Env, old: &str, new: &str) {
    env.scanned();
    env.command_done(&["resume"]);
    env.until_all(&["x".to_owned()], "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(1, "after the replacement");
    assert!(was_sent(&wav(new)), "the new audio was not sent");
    assert!(!was_sent(&wav(old)), "the old audio was sent");
    assert_eq!(env.column("x", "changed_after_sent").as_deref(), Some("0"));
}

#[test]
fn audio_replaced_before_sending_is_sent() {
    let (old, new) = ("replaced-old", "replaced-new");
    let env = queued(old);
    write_at(&env.jobs("say.wav"), wav(new), modified());
    assert_new_audio_is_sent(&env, old, new);
}

#[test]
fn audio_overwritten_before_sending_is_sent() {
    let (old, new) = ("overwritten-old", "overwritten-new");
    let env = queued(old);
    // The same inode, size and time as before.
    fs::write(env.jobs("say.wav"), wav(new)).unwrap();
    let file = File::options().write(true).open(env.jobs("say.wav")).unwrap();
    file.set_modified(modified()).unwrap();
    assert_new_audio_is_sent(&env, old, new);
}

#[test]
fn manifest_edited_before_sending_is_sent() {
    let mut env = Env::new();
    env.start();
    env.command_done(&["pause"]);
    env.drop_in("x.yaml", single("edited"));
    env.until_all(&["x".to_owned()], "queued");
    env.drop_in("x.yaml", single("edited-later"));
    env.scanned();
    env.command_done(&["resume"]);
    env.until_all(&["x".to_owned()], "succeeded");
    env.assert_paid(1, "after the edit");
    let video = env.ledger().tasks.remove(0).video;
    assert!(video.contains("edited-later"), "{video}");
}
