//! Checks the media of a job: present, settled, and accepted by the API.
//!
//! Each file is measured and hashed once, however many jobs use it. Blocks: call it on a thread that
//! may block.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use self::measure::{Facts, FileFacts, Kind, Unusable};
use super::settle::Settling;
use crate::{
    job::{JobSpec, Media, Source, outcome::PermanentError},
    media::{FileStamp, LocateError, Located, Locator, public_url},
};

mod measure;
#[cfg(test)]
mod tests;

/// The result of a check of a job's media.
#[derive(Debug)]
pub enum MediaCheck {
    /// All are present and settled. Local files have a length, a stamp and a SHA-256.
    Ready(Media),
    /// Some are absent, unreadable, or still being written.
    Missing {
        /// What is missing, in one clause.
        what: String,
        /// How soon another check is useful; none: at the next scan.
        again: Option<Duration>,
    },
    /// One of them cannot be used.
    Unusable {
        /// Whether it is the audio, not the video.
        audio: bool,
        /// Whether the manifest names a file outside the allowed folders: an error of the manifest.
        outside: bool,
        /// Why not.
        error: PermanentError,
    },
}

/// Checks media, and remembers what it measured.
#[derive(Debug)]
pub struct MediaChecker {
    locator: Locator,
    public_base_url: Option<Url>,
    settle: Duration,
    settling: Settling<PathBuf, FileStamp>,
    facts: Facts,
}

/// A local file of a job that exists and is settled.
struct Settled<'a> {
    kind: Kind,
    /// The name in the manifest.
    name: &'a str,
    located: Located,
}

impl MediaChecker {
    /// `settle`: how long a file must stay unchanged before it is read.
    #[must_use]
    pub fn new(locator: Locator, public_base_url: Option<Url>, settle: Duration) -> Self {
        Self {
            locator,
            public_base_url,
            settle,
            settling: Settling::new(settle),
            facts: Facts::default(),
        }
    }

    /// Checks the media of a job whose manifest is in `manifest_dir`, relative to `jobs_dir`.
    ///
    /// `known` is what the database has of this job's media: files whose stamps are still the same
    /// are not read again. `now_ms` is the wall time (Unix ms).
    pub fn look(
        &mut self,
        spec: &JobSpec,
        manifest_dir: &str,
        known: &Media,
        now_ms: i64,
    ) -> MediaCheck {
        let folder = self.locator.jobs_dir.join(manifest_dir);
        // Both are located before either is read, so that they settle side by side.
        let audio = self.find(Kind::Audio, &folder, &spec.audio, known, now_ms);
        let video = self.find(Kind::Video, &folder, &spec.video, known, now_ms);
        self.read(audio, video, known).map_or_else(|look| *look, MediaCheck::Ready)
    }

    fn read(
        &mut self,
        audio: Result<Option<Settled<'_>>, Box<MediaCheck>>,
        video: Result<Option<Settled<'_>>, Box<MediaCheck>>,
        known: &Media,
    ) -> Result<Media, Box<MediaCheck>> {
        let mut media = Media::default();
        if let Some(audio) = audio? {
            let facts = self.facts_of(&audio, known)?;
            media.audio_ms = facts.length_ms;
            media.audio_stamp = Some(audio.located.stamp.to_string());
            media.audio_sha256 = Some(facts.sha256);
        }
        if let Some(video) = video? {
            let Some(base) = &self.public_base_url else { return Err(no_public_url(video.name)) };
            media.video_url = Some(public_url(base.as_str(), &video.located.public_path));
            let facts = self.facts_of(&video, known)?;
            media.video_ms = facts.length_ms;
            media.video_stamp = Some(video.located.stamp.to_string());
            media.video_sha256 = Some(facts.sha256);
        }
        Ok(media)
    }

    /// Forgets files that no job needed since the last call.
    pub fn forget_unseen(&mut self) {
        self.settling.forget_unseen();
        self.facts.forget_unused();
    }

    /// Locates a local file, once it is settled; none for a URL or an id. A file that the database knows as it is now
    /// was settled already.
    fn find<'a>(
        &mut self,
        kind: Kind,
        folder: &Path,
        source: &'a Source,
        known: &Media,
        now_ms: i64,
    ) -> Result<Option<Settled<'a>>, Box<MediaCheck>> {
        let Source::File(name) = source else { return Ok(None) };
        let located =
            self.locator.locate(folder, name).map_err(|error| not_located(kind, name, &error))?;
        if kind.known_facts(known, located.stamp).is_some() {
            return Ok(Some(Settled { kind, name, located }));
        }
        let modified_ns = i128::from(located.modified_ns);
        match self.settling.wait(located.path.clone(), &located.stamp, modified_ns, now_ms) {
            None => Ok(Some(Settled { kind, name, located })),
            Some(again) => Err(still_written(kind, name, again)),
        }
    }

    fn facts_of(
        &mut self,
        file: &Settled<'_>,
        known: &Media,
    ) -> Result<FileFacts, Box<MediaCheck>> {
        let Settled { kind, name, located } = file;
        let known = kind.known_facts(known, located.stamp);
        self.facts.of(*kind, located, known).map_err(|unusable| match unusable {
            Unusable::Unfit(error) => unfit(*kind, false, error),
            Unusable::Unreadable(error) => unreadable(*kind, name, &error),
            Unusable::Changed => still_written(*kind, name, self.settle),
        })
    }
}

fn not_located(kind: Kind, name: &str, error: &LocateError) -> Box<MediaCheck> {
    let outside = match error {
        LocateError::Missing { .. } => {
            return Box::new(MediaCheck::Missing {
                what: error.describe(kind.name()),
                again: None,
            });
        }
        // A permission may be granted later.
        LocateError::Io { error, .. } => return unreadable(kind, name, &error.to_string()),
        LocateError::Changed(_) => return still_written(kind, name, Duration::ZERO),
        LocateError::Outside { .. } => true,
        LocateError::NotFile { .. } => false,
    };
    let message = error.describe(kind.name());
    unfit(kind, outside, PermanentError { code: error.code().to_owned(), message })
}

fn still_written(kind: Kind, name: &str, again: Duration) -> Box<MediaCheck> {
    let what = format!("{} {name} is still being written", kind.name());
    Box::new(MediaCheck::Missing { what, again: Some(again) })
}

fn unreadable(kind: Kind, name: &str, error: &str) -> Box<MediaCheck> {
    let what = format!("{} {name} cannot be read: {error}", kind.name());
    Box::new(MediaCheck::Missing { what, again: None })
}

fn no_public_url(name: &str) -> Box<MediaCheck> {
    let what = format!(
        "video {name} is a local file, and Kling fetches videos by URL: set media.public_base_url"
    );
    Box::new(MediaCheck::Missing { what, again: None })
}

fn unfit(kind: Kind, outside: bool, error: PermanentError) -> Box<MediaCheck> {
    Box::new(MediaCheck::Unusable { audio: kind == Kind::Audio, outside, error })
}
