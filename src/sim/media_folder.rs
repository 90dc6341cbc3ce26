//! Reads real media for the rules: files of the media folder, and inline audio. It blocks, so the server runs it on
//! other threads.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use url::Url;

use super::{
    linked_video,
    media_facts::{ReadMedia, SimAudioFacts, SimVideoFacts},
};
use crate::media;

/// How media are read; by default as lipsyncd itself reads local media.
#[derive(Debug, Clone, Copy)]
pub struct MediaReader {
    /// The facts of a video file; none for what is no video.
    pub video: fn(&Path) -> Option<SimVideoFacts>,
    /// The length in ms of an audio file from its bytes; none for what is no audio.
    pub audio_ms: fn(&[u8]) -> Option<i64>,
}

impl Default for MediaReader {
    fn default() -> Self {
        let video = |path: &Path| {
            let facts = media::video::probe(path).ok()?;
            let media::VideoFacts { length_ms, width, height, bytes } = facts;
            Some(SimVideoFacts { length_ms, width, height, bytes })
        };
        let audio_ms =
            |bytes: &[u8]| media::audio::measure(bytes).ok().map(|facts| facts.length_ms);
        Self { video, audio_ms }
    }
}

/// The media folder with its reader.
#[derive(Debug, Clone)]
pub(super) struct MediaFolder {
    pub(super) dir: Option<PathBuf>,
    pub(super) reader: MediaReader,
}

impl MediaFolder {
    /// Returns the file of a decoded path under `/media/`; none for one outside of the folder.
    pub(super) fn locate(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        Some(self.dir.as_ref()?.join(path)).filter(|_| inside)
    }
}

impl ReadMedia for MediaFolder {
    fn video(&self, path: &str) -> Option<SimVideoFacts> {
        (self.reader.video)(&self.locate(path)?)
    }

    fn linked_video(&self, url: &Url) -> Option<Result<SimVideoFacts, String>> {
        linked_video::read(url, self.reader.video)
    }

    fn sound_file(&self, path: &str) -> Option<SimAudioFacts> {
        self.audio(&fs::read(self.locate(path)?).ok()?)
    }

    fn audio(&self, bytes: &[u8]) -> Option<SimAudioFacts> {
        let length_ms = (self.reader.audio_ms)(bytes)?;
        Some(SimAudioFacts { length_ms, bytes: bytes.len() as u64 })
    }
}
