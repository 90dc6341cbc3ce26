//! A batch of jobs of every kind, and what must hold of it in the end, whatever came in between.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use lipsyncd::sim::Call;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::daemon::{House, clip};

/// The kinds of jobs in one manifest.
pub const KINDS: usize = 8;

/// What was put into a folder.
pub struct Batch {
    pub keys: Vec<String>,
    videos: u64,
    callbacks: Arc<AtomicUsize>,
}

impl Batch {
    /// Puts `manifests` manifests of eight jobs each into the folder.
    pub fn fill(house: &House, manifests: usize) -> Self {
        let (callback_url, callbacks) = listen(house);
        fs::write(house.path("media/remote.mp3"), clip("welcome-fr.mp3")).unwrap();
        house.drop_in_old("sounds/en.mp3", clip("welcome-en.mp3"));
        house.drop_in_old("sounds/es.wav", clip("welcome-es.wav"));
        let mut keys = Vec::new();
        for batch in 0..manifests {
            let jobs = jobs(house.sim.base_url(), &callback_url, batch);
            let jobs = jobs.iter().enumerate();
            let text: String = jobs.map(|(n, job)| format!("- {{ id: j{n}, {job} }}\n")).collect();
            house.drop_in_old(&format!("sub/b{batch}.yaml"), format!("jobs:\n{text}"));
            keys.extend((0..KINDS).map(|n| format!("sub/b{batch}/j{n}")));
        }
        Self { keys, videos: 2 * manifests as u64, callbacks }
    }

    pub fn all_succeeded(&self, house: &House) -> bool {
        let states = house.states();
        states.len() == self.keys.len() && states.iter().all(|(_, state)| state == "succeeded")
    }

    /// Each job is paid for once and its result whole, whoever ended the daemon how often.
    pub fn assert_delivered(&self, house: &House, lives: u64) {
        let ledger = house.ledger();
        assert!(ledger.paid_twice.external_task_ids.is_empty(), "{:?}", ledger.paid_twice);
        assert!(ledger.paid_twice.contents.is_empty(), "{:?}", ledger.paid_twice);
        assert_eq!(ledger.tasks.len(), self.keys.len(), "each is paid for once");
        assert!(ledger.at_once_max <= 5, "{}", ledger.at_once_max);
        for (call, count) in &ledger.calls {
            let refused: Vec<_> = count.refused.keys().filter(|code| **code != 1203).collect();
            assert!(refused.is_empty(), "{call:?}: {refused:?}");
        }
        let identified = ledger.accepted(Call::Identify);
        let bounds = self.videos..=self.videos * lives;
        assert!(bounds.contains(&identified), "{identified} for {} videos", self.videos);
        let mut outputs = BTreeSet::new();
        for key in &self.keys {
            let job = house.job(key).unwrap();
            assert_eq!(job.attempt, 1, "{key}");
            house.assert_whole(&job.output);
            assert!(house.path("output").join(&job.output).with_extension("json").exists());
            assert!(outputs.insert(job.output));
            if key.ends_with("j3") {
                house.assert_whole(&format!("{key}.watermark.mp4"));
            }
        }
        assert_eq!(house.hidden("output/sub"), [""; 0], "nothing is left beside the results");
        house.assert_integrity();
    }

    /// The simulator called back, as it was asked to.
    pub fn assert_called_back(&self, house: &House) {
        house.until("a callback to come in", |_| self.callbacks.load(Ordering::Relaxed) > 0);
    }
}

/// One job of each kind.
fn jobs(api: &str, callback_url: &str, batch: usize) -> [String; KINDS] {
    let remote = format!("{api}/media/remote.mp3");
    let video =
        format!("https://cdn.example.com/{batch}.mp4?duration_ms=9000&face_ms=0-9000,0-8000");
    let made = format!("{{ id: sim-video-{batch}-2faces-12000ms }}");
    [
        format!("video: \"{video}\", audio: \"{remote}\""),
        format!(
            "video: \"{video}\", audio: {{ id: sim-audio-{batch}-8000ms }}, sound_end_time: 5s"
        ),
        format!("video: {made}, audio: ../sounds/en.mp3, face: {{ index: 1 }}"),
        format!("video: {made}, audio: ../sounds/es.wav, watermark: true"),
        format!("video: \"{video}\", audio: ../sounds/en.mp3, callback_url: \"{callback_url}\""),
        format!(
            "video: \"{video}\", audio: \"{remote}\", sound_start_time: 100, sound_end_time: 2.2s, \
             sound_insert_time: 1s"
        ),
        format!("video: {made}, audio: \"{remote}\", face: first, priority: 5"),
        format!(
            "video: \"{video}\", audio: ../sounds/es.wav, external_task_id: own-{batch}, \
             original_audio_volume: 0"
        ),
    ]
}

/// Listens for callbacks, answers each, and counts them.
fn listen(house: &House) -> (String, Arc<AtomicUsize>) {
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
