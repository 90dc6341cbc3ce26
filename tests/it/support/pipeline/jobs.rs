//! Jobs as the inbox would hand them over.

use std::fs;

use lipsyncd::{
    job::{JobSpec, Media, Source},
    media::{audio, public_url, sha256_of, video},
    store::{OnChange, WantedJob},
};

use super::TestEnv;
use crate::testing::{self, jobs::manifest, media::clip_path};

/// A job of a batch: three seconds of a remote audio for a remote video of its own.
pub fn wanted(key: &str) -> WantedJob {
    let video = format!("https://cdn.example/{key}.mp4?duration_ms=10000&faces=1");
    let audio = format!("https://cdn.example/{key}.mp3?duration_ms=8000");
    let spec = JobSpec {
        id: key.rsplit_once('/').map(|(_, id)| id.to_owned()),
        sound_end_ms: Some(3_000),
        labels: [("team".to_owned(), "dub".to_owned())].into(),
        ..JobSpec::new(key, Source::Url(video), Source::Url(audio))
    };
    hashed(spec, Media::default())
}

/// A job with these media, and the hashes of what it asks for.
pub fn hashed(spec: JobSpec, media: Media) -> WantedJob {
    testing::jobs::hashed(spec, Ok(media))
}

/// The same, changed.
pub fn with(key: &str, change: impl FnOnce(&mut JobSpec)) -> WantedJob {
    let mut spec = wanted(key).spec;
    change(&mut spec);
    hashed(spec, Media::default())
}

/// So many jobs of one manifest.
pub fn many(manifest: &str, count: usize) -> Vec<WantedJob> {
    (0..count).map(|n| wanted(&format!("{manifest}/{n:03}"))).collect()
}

impl TestEnv {
    /// Puts a manifest's jobs into the database, as the inbox does.
    pub async fn put(&self, path: &str, jobs: Vec<WantedJob>) {
        let policy = self.settings.policy.clone();
        let accepted =
            self.store.accept(manifest(path, jobs), self.moment(), policy, OnChange::Flag);
        accepted.await.unwrap().unwrap();
    }

    /// Puts a clip of the demo into the folder of manifests.
    pub fn clip(&self, name: &str) {
        let to = self.settings.locator.jobs_dir.join(name);
        fs::copy(clip_path(name), to).unwrap();
    }

    /// The job with what the inbox learns from its local media.
    pub fn measured(&self, job: WantedJob) -> WantedJob {
        let mut media = Media::default();
        let locator = &self.settings.locator;
        let locate = |name: &str| locator.locate(&locator.jobs_dir, name).unwrap();
        if let Source::File(name) = &job.spec.audio {
            let located = locate(name);
            let bytes = fs::read(&located.path).unwrap();
            media.audio_ms = Some(audio::measure(&bytes).unwrap().length_ms);
            media.audio_stamp = Some(located.stamp.to_string());
            media.audio_sha256 = Some(sha256_of(&located).unwrap());
        }
        if let Source::File(name) = &job.spec.video {
            let located = locate(name);
            let base = format!("{}/media", self.sim.base_url());
            media.video_ms = video::probe(&located.path).unwrap().length_ms;
            media.video_stamp = Some(located.stamp.to_string());
            media.video_sha256 = Some(sha256_of(&located).unwrap());
            media.video_url = Some(public_url(&base, &located.public_path));
        }
        hashed(job.spec, media)
    }
}
