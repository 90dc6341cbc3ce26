//! Media that change once their job was queued: told before anything is paid for them, and used as
//! they are then.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use lipsyncd::sim::Call;

use crate::support::daemon::{House, clip, quick};

/// Other content in the very same file, of the same length and with the time of before.
fn replace_unseen(path: &Path) {
    let before = fs::metadata(path).unwrap();
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() * 2 / 3;
    bytes[at] ^= 1;
    fs::write(path, &bytes).unwrap();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(before.modified().unwrap())
        .unwrap();
    let now = fs::metadata(path).unwrap();
    assert_eq!(
        (before.ino(), before.len(), before.mtime(), before.mtime_nsec()),
        (now.ino(), now.len(), now.mtime(), now.mtime_nsec())
    );
}

/// A job that is ready, and held by a pause.
fn held(video: &str) -> House {
    let mut house = House::new(quick());
    let served = format!("{}/media/", house.sim.base_url());
    house.configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{served}\" }}\n"));
    fs::write(house.path("media/anna.mp4"), clip("anna.mp4")).unwrap();
    house.drop_in("en.mp3", clip("welcome-en.mp3"));
    house.start();
    assert_eq!(house.run(&["pause"]).code, Some(0));
    house.drop_in("x.yaml", format!("video: {video}\naudio: en.mp3\n"));
    house.until_state("x", "queued");
    house
}

fn history(house: &House, key: &str) -> Vec<String> {
    let database = house.database().unwrap();
    let mut all = database.prepare("SELECT what FROM job_history WHERE key = ?1").unwrap();
    all.query_map([key], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The media were there, were not, and were there again, before the create request was written.
fn assert_measured_twice(house: &House, key: &str) {
    let told = history(house, key);
    let sent = told.iter().position(|what| what.contains("create request written")).unwrap();
    let found = told[..sent].iter().filter(|what| what.contains("its media are there"));
    assert_eq!(found.count(), 2, "{told:?}");
}

#[test]
fn audio_that_changed_is_measured_again_before_it_is_sent() {
    let house = held("https://cdn.example.com/v.mp4?duration_ms=9000");
    replace_unseen(&house.path("jobs/en.mp3"));
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("x", "succeeded");
    assert_measured_twice(&house, "x");
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn video_that_changed_is_measured_again_before_it_is_sent() {
    let house = held("anna.mp4");
    replace_unseen(&house.path("media/anna.mp4"));
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until_state("x", "succeeded");
    assert_measured_twice(&house, "x");
    assert_eq!(house.ledger().tasks.len(), 1);
    assert!(house.ledger().accepted(Call::Identify) <= 2);
}

#[test]
fn media_that_go_away_are_waited_for_by_name() {
    let house = held("anna.mp4");
    fs::rename(house.path("media/anna.mp4"), house.path("media/away")).unwrap();
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until("the video to be missed", |house| {
        let job = house.job("x").unwrap();
        job.state == "waiting" && job.waiting_for.contains("anna.mp4")
    });
    assert!(house.ledger().tasks.is_empty());
    fs::rename(house.path("media/away"), house.path("media/anna.mp4")).unwrap();
    house.until_state("x", "succeeded");
    assert_eq!(house.ledger().tasks.len(), 1);
}
