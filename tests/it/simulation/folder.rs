//! What the folder of manifests asks for, drawn from the seed.

use std::{path::Path, sync::Arc};

use lipsyncd::{
    job::{JobSpec, Media, Source},
    media::{Locator, sha256_of},
    store::{Accepted, WantedJob},
};

use crate::support::chance::Chance;
use crate::support::wanted;

/// The clip that local and measured sounds are.
pub const CLIP: &[u8] = include_bytes!("../../../src/cli/demo/clips/welcome-en.mp3");
pub const CLIP_NAME: &str = "clip.mp3";

/// A manifest as it lies in the folder.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub path: String,
    pub jobs: Vec<WantedJob>,
    pub is_there: bool,
    /// How often it was edited.
    pub edits: u32,
}

impl Manifest {
    /// As the inbox would hand it over.
    pub fn accepted(&self, now_ms: i64) -> Accepted {
        Accepted {
            path: self.path.clone(),
            print: format!("{} {}", self.edits, self.is_there),
            file_id: self.path.clone(),
            seen_at_ms: now_ms,
            unread: Arc::default(),
            jobs: self.jobs.clone(),
        }
    }
}

/// A few manifests of a few jobs each.
pub fn draw(chance: &Chance, now_ms: i64, clip_ms: i64, locator: &Locator) -> Vec<Manifest> {
    let videos: Vec<String> = (0..chance.between(1, 5))
        .map(|n| {
            let fails = if chance.happens(0.15) { "&fail=no%20face%20moves" } else { "" };
            format!("https://cdn.example/{n}.mp4?duration_ms=10000&faces=1{fails}")
        })
        .collect();
    let manifest = |m: i64| {
        let path = format!("m{m}.yaml");
        let jobs = (0..chance.between(1, 5)).map(|n| {
            let mut job = wanted(&format!("m{m}/{n:02}"));
            job.spec.video = Source::Url(chance.pick(&videos).clone());
            dress(&mut job.spec, chance, now_ms, clip_ms);
            measured(&mut job, clip_ms, locator);
            say(job)
        });
        Manifest { path, jobs: jobs.collect(), is_there: true, edits: 0 }
    };
    (0..chance.between(1, 3)).map(manifest).collect()
}

/// A job whose wish says what it is, as its checksum does.
pub fn say(mut job: WantedJob) -> WantedJob {
    job.meaning = format!("{:?}", JobSpec { key: String::new(), ..job.spec.clone() });
    job
}

fn dress(spec: &mut JobSpec, chance: &Chance, now_ms: i64, clip_ms: i64) {
    match chance.between(0, 9) {
        0..=5 => {}
        6 | 7 => {
            let key = &spec.key;
            let url = format!("https://cdn.example/clip.mp3?duration_ms={clip_ms}&for={key}");
            (spec.audio, spec.sound_end_ms) = (Source::Url(url), None);
        }
        8 => spec.audio = Source::Id("sim-audio-8000ms".to_owned()),
        _ => (spec.audio, spec.sound_end_ms) = (Source::File(CLIP_NAME.to_owned()), None),
    }
    if chance.happens(0.15) {
        spec.external_task_id = Some(format!("own-{}", spec.key.replace('/', "-")));
    }
    if chance.happens(0.15) {
        spec.not_before_at_ms = Some(now_ms + chance.between(0, 7_200_000));
    }
    spec.watermark = chance.happens(0.2);
    spec.priority = i32::try_from(chance.between(-1, 1)).unwrap();
}

/// Tells what is known of a local sound, as the inbox does.
fn measured(job: &mut WantedJob, clip_ms: i64, locator: &Locator) {
    if let Source::File(name) = &job.spec.audio {
        let located = locator.locate(&locator.jobs_dir, name).unwrap();
        job.media = Ok(Media {
            audio_ms: Some(clip_ms),
            audio_stamp: Some(located.stamp.to_string()),
            audio_sha256: Some(sha256_of(&located).unwrap()),
            ..Media::default()
        });
    }
}

/// Puts the clip where local sounds lie.
pub fn lay_out(jobs_dir: &Path) {
    std::fs::create_dir(jobs_dir).unwrap();
    std::fs::write(jobs_dir.join(CLIP_NAME), CLIP).unwrap();
}
