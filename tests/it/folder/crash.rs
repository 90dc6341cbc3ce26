//! Power failures at any moment: nothing is paid twice, nothing is lost.

use std::{
    collections::BTreeSet,
    fs,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
};

use lipsyncd::sim::Call;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::daemon::{House, clip, quick};

const JOBS: usize = 40;
const KILLS: usize = 10;

/// Listens for callbacks, answers each, and counts them.
fn listener(house: &House) -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/kling", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    house.spawn_beside(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                let _ = stream.read(&mut request).await;
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
            });
        }
    });
    (url, count)
}

/// Forty jobs of every kind in eight manifests. Returns their keys and how many videos they have.
fn fill(house: &House, callback_url: &str) -> (Vec<String>, u64) {
    fs::write(house.path("media/remote.mp3"), clip("welcome-fr.mp3")).unwrap();
    house.drop_in("sounds/en.mp3", clip("welcome-en.mp3"));
    house.drop_in("sounds/es.wav", clip("welcome-es.wav"));
    let remote = format!("{}/media/remote.mp3", house.sim.base_url());
    let mut keys = Vec::new();
    for batch in 0..JOBS / 8 {
        let video =
            format!("https://cdn.example.com/{batch}.mp4?duration_ms=9000&face_ms=0-9000,0-8000");
        let made = format!("{{ id: sim-video-{batch}-2faces-12000ms }}");
        let jobs = [
            format!("video: \"{video}\", audio: \"{remote}\""),
            format!(
                "video: \"{video}\", audio: {{ id: sim-audio-{batch}-8000ms }}, sound_end_time: 5s"
            ),
            format!("video: {made}, audio: ../sounds/en.mp3, face: {{ index: 1 }}"),
            format!("video: {made}, audio: ../sounds/es.wav, watermark: true"),
            format!(
                "video: \"{video}\", audio: ../sounds/en.mp3, callback_url: \"{callback_url}\""
            ),
            format!(
                "video: \"{video}\", audio: \"{remote}\", sound_start_time: 100, sound_end_time: 2.2s, sound_insert_time: 1s"
            ),
            format!("video: {made}, audio: \"{remote}\", face: first, priority: 5"),
            format!(
                "video: \"{video}\", audio: ../sounds/es.wav, external_task_id: own-{batch}, original_audio_volume: 0"
            ),
        ];
        let jobs = jobs.iter().enumerate();
        let text: String = jobs.map(|(n, job)| format!("- {{ id: j{n}, {job} }}\n")).collect();
        house.drop_in(&format!("sub/b{batch}.yaml"), format!("jobs:\n{text}"));
        keys.extend((0..8).map(|n| format!("sub/b{batch}/j{n}")));
    }
    (keys, 2 * (JOBS / 8) as u64)
}

#[test]
fn ten_power_failures_pay_nothing_twice_and_lose_nothing() {
    let mut house = House::new(quick());
    let (callback_url, callbacks) = listener(&house);
    let (keys, videos) = fill(&house, &callback_url);
    assert_eq!(keys.len(), JOBS);
    let done =
        |house: &House| house.states().iter().filter(|(_, state)| state == "succeeded").count();
    for round in 0..KILLS {
        house.spawn();
        // A different moment each time: after so many tasks, calls or results.
        let (tasks, sounds) = (house.ledger().tasks.len(), done(&house));
        house.until("something to happen", |house| match round % 4 {
            _ if sounds == JOBS => true,
            0 => house.ledger().tasks.len() > tasks + round / 2,
            1 => done(house) > sounds || tasks == JOBS,
            2 => house
                .states()
                .iter()
                .any(|(_, state)| state == "creating" || state == "downloading"),
            _ => house.states().iter().any(|(_, state)| state == "processing") || tasks == JOBS,
        });
        house.kill();
    }
    house.start();
    house.until("all to succeed", |house| done(house) == JOBS);
    let ledger = house.ledger();
    assert_eq!(ledger.tasks.len(), JOBS, "each is paid once");
    assert!(ledger.paid_twice.external_task_ids.is_empty(), "{:?}", ledger.paid_twice);
    assert!(ledger.paid_twice.contents.is_empty(), "{:?}", ledger.paid_twice);
    assert!(ledger.at_once_max <= 5, "{}", ledger.at_once_max);
    for (call, count) in &ledger.calls {
        let refused: Vec<_> = count.refused.keys().filter(|code| **code != 1203).collect();
        assert!(refused.is_empty(), "{call:?}: {refused:?}");
    }
    let lives = KILLS as u64 + 1;
    let identified = ledger.accepted(Call::Identify);
    assert!((videos..=videos * lives).contains(&identified), "{identified} for {videos} videos");
    let mut outputs = BTreeSet::new();
    for key in &keys {
        let job = house.job(key).unwrap();
        assert_eq!(job.attempts, 1, "{key}");
        house.assert_whole(&job.output);
        assert!(house.path("output").join(&job.output).with_extension("json").exists());
        assert!(outputs.insert(job.output));
    }
    house.assert_whole("sub/b0/j3.watermark.mp4");
    house.until("the callbacks to come in", |_| callbacks.load(Ordering::Relaxed) > 0);
}
