//! A batch with jobs of every kind, and what must hold of it in the end, whatever happened before.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use lipsyncd::sim::Endpoint;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{
    daemon::{TestEnv, clip},
    sha256,
};

/// The kinds of jobs in one manifest.
pub const KINDS: usize = 10;
/// The tasks of these jobs: two jobs share one.
pub const TASKS: usize = 9;
/// A result from before the database was lost, at the path of a job that asks for another take.
const EARLIER: &[u8] = b"an earlier result";

/// The jobs that were put into a folder.
pub struct Batch {
    pub keys: Vec<String>,
    videos: u64,
    callbacks: Arc<AtomicUsize>,
}

impl Batch {
    /// Puts `manifests` manifests of ten jobs each into the folder.
    pub fn fill(test_env: &TestEnv, manifests: usize) -> Self {
        let (callback_url, callbacks) = listen(test_env);
        fs::write(test_env.path("media/remote.mp3"), clip("welcome-fr.mp3")).unwrap();
        test_env.drop_in_old("audio/en.mp3", clip("welcome-en.mp3"));
        test_env.drop_in_old("audio/es.wav", clip("welcome-es.wav"));
        let mut keys = Vec::new();
        for batch in 0..manifests {
            let jobs = jobs(test_env.sim.base_url(), &callback_url, batch);
            let jobs = jobs.iter().enumerate();
            let text: String = jobs.map(|(n, job)| format!("- {{ id: j{n}, {job} }}\n")).collect();
            test_env.drop_in_old(&format!("sub/b{batch}.yaml"), format!("jobs:\n{text}"));
            put_earlier_result(test_env, &format!("early/{batch}"));
            keys.extend((0..KINDS).map(|n| format!("sub/b{batch}/j{n}")));
        }
        Self { keys, videos: 2 * manifests as u64, callbacks }
    }

    pub fn all_succeeded(&self, test_env: &TestEnv) -> bool {
        let states = test_env.states();
        states.len() == self.keys.len()
            && states.iter().all(|(_, state)| state == "succeeded")
            && test_env.has_all_watermarks()
    }

    /// Each job was paid for once, and its result is complete, after the daemon was started `runs` times.
    pub fn assert_delivered(&self, test_env: &TestEnv, runs: u64) {
        let ledger = test_env.ledger();
        assert!(ledger.paid_twice.external_task_ids.is_empty(), "{:?}", ledger.paid_twice);
        // One more take of a request per manifest.
        let again = ledger.paid_twice.contents.iter().map(|repeat| repeat.task_ids.len());
        assert_eq!(again.collect::<Vec<_>>(), vec![2; self.keys.len() / KINDS], "{ledger:?}");
        let manifests = self.keys.len() / KINDS;
        assert_eq!(ledger.tasks.len(), TASKS * manifests, "each is paid for once");
        assert!(ledger.at_once_max <= 5, "{}", ledger.at_once_max);
        for (call, count) in &ledger.calls {
            let refused: Vec<_> = count.refused.keys().filter(|code| **code != 1203).collect();
            assert!(refused.is_empty(), "{call:?}: {refused:?}");
        }
        let identified = ledger.accepted(Endpoint::Identify);
        let bounds = self.videos..=self.videos * runs;
        assert!(bounds.contains(&identified), "{identified} for {} videos", self.videos);
        let mut outputs = BTreeSet::new();
        for key in &self.keys {
            let job = test_env.job(key).unwrap();
            // The last job has no `take`, so it joins the highest one.
            let take = if key.ends_with("j8") || key.ends_with("j9") { 2 } else { 1 };
            assert_eq!(job.attempt, take, "{key}");
            test_env.assert_complete(&job.output);
            assert!(test_env.path("output").join(&job.output).with_extension("json").exists());
            assert!(outputs.insert(job.output));
            if key.ends_with("j3") {
                test_env.assert_complete(&format!("{key}.watermark.mp4"));
            }
        }
        for batch in 0..manifests {
            let left = test_env.hidden(&format!("output/sub/b{batch}"));
            assert_eq!(left, [""; 0], "nothing is left beside the results");
            let earlier = format!("output/early/{batch}.{}.mp4", &sha256(EARLIER)[..8]);
            assert_eq!(fs::read(test_env.path(&earlier)).unwrap(), EARLIER);
        }
        assert_eq!(test_env.hidden("output/early"), [""; 0], "nothing is left beside the results");
        test_env.assert_integrity();
    }

    /// The simulator called back, as a job asked.
    pub fn assert_called_back(&self, test_env: &TestEnv) {
        test_env.until("a callback to come in", |_| self.callbacks.load(Ordering::Relaxed) > 0);
    }
}

/// Puts a result of a lost database where a job will write its own.
fn put_earlier_result(test_env: &TestEnv, output: &str) {
    let path = test_env.path("output").join(output);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path.with_extension("mp4"), EARLIER).unwrap();
    let metadata = json!({
        "format": "lipsyncd-result",
        "job": output,
        "request_hash": "0".repeat(32),
        "take": 1,
        "task_id": "1",
        "external_task_id": format!("lipsyncd-{}", "0".repeat(32)),
        "video": "v.mp4",
        "audio": "a.mp3",
        "face": {"id": "0", "start_ms": 0, "end_ms": 5_000},
        "timing": {
            "sound_start_ms": 0,
            "sound_end_ms": 3_000,
            "sound_insert_ms": 0,
            "sound_volume": 1.0,
            "original_audio_volume": 1.0,
        },
        "sha256": sha256(EARLIER),
        "bytes": EARLIER.len(),
        "created_at": "2024-08-04T11:05:57.708Z",
        "finished_at": "2024-08-04T11:07:37.000Z",
    });
    fs::write(path.with_extension("json"), metadata.to_string()).unwrap();
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
        format!("video: {made}, audio: ../audio/en.mp3, face: {{ index: 1 }}"),
        format!("video: {made}, audio: ../audio/es.wav, watermark: true"),
        format!("video: \"{video}\", audio: ../audio/en.mp3, callback_url: \"{callback_url}\""),
        format!(
            "video: \"{video}\", audio: \"{remote}\", sound_start_time: 100, sound_end_time: 2.2s, \
             sound_insert_time: 1s"
        ),
        format!("video: {made}, audio: \"{remote}\", face: first, priority: 5"),
        format!(
            "video: \"{video}\", audio: ../audio/es.wav, external_task_id: own-{batch}, \
             original_audio_volume: 0"
        ),
        format!("video: \"{video}\", audio: \"{remote}\", take: 2, output: early/{batch}.mp4"),
        format!("video: \"{video}\", audio: \"{remote}\", priority: -5"),
    ]
}

/// Listens for callbacks, answers each, and counts them.
fn listen(test_env: &TestEnv) -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/kling", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    test_env.spawn_on_runtime(async move {
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
