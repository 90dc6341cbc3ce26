//! Checks the media of a job: present, settled, and accepted by the API.
//!
//! Each file is measured and hashed once, however many jobs use it. Blocks: call it on a thread that
//! may block.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use self::measure::{MeasureCache, MeasureError, MediaFacts, MediaKind};
use super::settle::{Seen, Settling};
use crate::{
    job::{JobSpec, Media, Source, outcome::PermanentError},
    manifest::{
        invisible_character, path_hint,
        problem::{is_invisible, quoted},
        url_hint,
    },
    media::{FileStamp, Incomplete, LocateError, Located, Locator, NearNames, VideoHost},
};

mod incomplete;
mod measure;
#[cfg(test)]
mod tests;

/// For how long a file is remembered that no pass looks at: passes look at the media of failed and finished jobs rarely.
const UNSEEN_KEPT: Duration = Duration::from_mins(10);

/// The result of a check of a job's media.
#[derive(Debug)]
pub enum MediaCheck {
    /// All are present and settled. Local files have a length, a stamp and a SHA-256.
    Ready(Media),
    /// Some are absent, unreadable, or still being written.
    Missing {
        /// What is missing, in one clause.
        what: String,
        /// How soon another check is useful. None: at the next scan.
        again_in: Option<Duration>,
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

impl MediaCheck {
    pub(super) const fn again_in(&self) -> Option<Duration> {
        match self {
            Self::Missing { again_in, .. } => *again_in,
            Self::Ready(_) | Self::Unusable { .. } => None,
        }
    }
}

/// Checks media, and remembers what it measured.
#[derive(Debug)]
pub struct MediaChecker {
    locator: Locator,
    video_host: VideoHost,
    settle: Duration,
    settling: Settling<PathBuf, FileStamp>,
    measured: MeasureCache,
    near_names: NearNames,
}

/// A local file of a job that exists and is settled.
struct SettledMedia<'a> {
    kind: MediaKind,
    /// The name in the manifest.
    name: &'a str,
    located: Located,
}

impl MediaChecker {
    /// `settle`: how long a file must stay unchanged before it is read.
    #[must_use]
    pub fn new(locator: Locator, video_host: VideoHost, settle: Duration) -> Self {
        Self {
            locator,
            video_host,
            settle,
            settling: Settling::new(settle),
            measured: MeasureCache::default(),
            near_names: NearNames::default(),
        }
    }

    /// Begins a pass. A file is settled or not for all of the pass.
    pub(super) fn begin_pass(&mut self) {
        self.settling.begin_pass(Instant::now());
    }

    /// Sets whether old times of files are trusted, which only the first scan after a start may do, and `check`.
    pub fn trust_times(&mut self, trusts_times: bool) {
        self.settling.trust_times(trusts_times);
    }

    /// Checks the media of a job whose manifest is in `manifest_dir`, relative to `jobs_dir`.
    ///
    /// `known` is what the database has of this job's media: files whose stamps are still the same
    /// are not read again. `now_ms` is the wall time (Unix ms).
    pub fn check(
        &mut self,
        spec: &JobSpec,
        manifest_dir: &str,
        known: &Media,
        now_ms: i64,
    ) -> MediaCheck {
        let folder = self.locator.jobs_dir.join(manifest_dir);
        // Both are located before either is read, so that they settle at the same time.
        let mut find = |kind, source| {
            let file = self.locate(kind, &folder, source)?;
            file.map(|file| self.settle(file, known, now_ms)).transpose()
        };
        let audio = find(MediaKind::Audio, &spec.audio);
        let video = find(MediaKind::Video, &spec.video);
        self.measure(audio, video, known, now_ms).map_or_else(|failed| *failed, MediaCheck::Ready)
    }

    /// Returns what is unusual about the files that were read since the last call: each is used, and the API may refuse
    /// it.
    pub fn take_warnings(&mut self) -> Vec<String> {
        self.measured.take_warnings()
    }

    /// Forgets files that no job needed since the last call.
    pub fn forget_unseen(&mut self) {
        self.settling.forget_unseen(UNSEEN_KEPT);
        self.measured.forget_unused();
        self.near_names.forget();
    }

    /// Locates a local file. None for a URL or an id.
    fn locate<'a>(
        &mut self,
        kind: MediaKind,
        folder: &Path,
        source: &'a Source,
    ) -> Result<Option<SettledMedia<'a>>, Box<MediaCheck>> {
        let Source::File(name) = source else { return Ok(None) };
        match self.locator.locate(folder, name) {
            Ok(located) => Ok(Some(SettledMedia { kind, name, located })),
            Err(error @ LocateError::Missing { .. }) => {
                let hint = self.hint(kind, folder, name);
                Err(missing(format!("{}{hint}", error.describe(kind.name())), None))
            }
            Err(error) => Err(not_located(kind, name, &error)),
        }
    }

    /// Returns what the manifest may mean by a name of which there is no file, as the end of a sentence.
    fn hint(&mut self, kind: MediaKind, folder: &Path, name: &str) -> String {
        let near = self.near_names.find(&self.locator, folder, name, kind.endings());
        let near = near.filter(|near| near != name);
        match (near, path_hint(name)) {
            (Some(near), _) => {
                let invisible = invisible_character(name).filter(|_| !near.contains(is_invisible));
                let invisible = invisible.map(|what| format!("; {what}")).unwrap_or_default();
                // A file here can have the name that ends a URL.
                let folders = |path: &str| path.matches('/').count();
                let url = url_hint(name).filter(|_| folders(&near) < folders(name));
                let url = url.map(|hint| format!(" {hint}")).unwrap_or_default();
                format!("{invisible}; did you mean {}?{url}", quoted(&near))
            }
            (None, Some(hint)) => format!("; {hint}"),
            (None, None) => String::new(),
        }
    }

    /// Returns the file if it has settled. A file that is known as it is now has settled before.
    fn settle<'a>(
        &mut self,
        file: SettledMedia<'a>,
        known: &Media,
        now_ms: i64,
    ) -> Result<SettledMedia<'a>, Box<MediaCheck>> {
        let SettledMedia { kind, name, located } = &file;
        let is_known = kind.known_facts(known, located.stamp).is_some();
        if is_known || self.measured.contains(*kind, located) {
            return Ok(file);
        }
        match self.settling.wait(located.path.clone(), seen(located), now_ms) {
            None => Ok(file),
            Some(again_in) => Err(still_written(*kind, name, again_in)),
        }
    }

    fn measure(
        &mut self,
        audio: Result<Option<SettledMedia<'_>>, Box<MediaCheck>>,
        video: Result<Option<SettledMedia<'_>>, Box<MediaCheck>>,
        known: &Media,
        now_ms: i64,
    ) -> Result<Media, Box<MediaCheck>> {
        let mut media = Media::default();
        if let Some(audio) = audio? {
            let facts = self.facts_of(&audio, known, now_ms)?;
            media.audio_ms = facts.length_ms;
            media.audio_stamp = Some(audio.located.stamp.to_string());
            media.audio_sha256 = Some(facts.sha256);
        }
        if let Some(video) = video? {
            if self.video_host == VideoHost::Nowhere {
                return Err(no_video_host(video.name));
            }
            let facts = self.facts_of(&video, known, now_ms)?;
            media.video_ms = facts.length_ms;
            media.video_stamp = Some(video.located.stamp.to_string());
            media.video_url = self.video_host.url_of(&video.located, video.name, &facts.sha256);
            media.video_sha256 = Some(facts.sha256);
        }
        Ok(media)
    }

    fn facts_of(
        &mut self,
        file: &SettledMedia<'_>,
        known: &Media,
        now_ms: i64,
    ) -> Result<MediaFacts, Box<MediaCheck>> {
        let SettledMedia { kind, name, located } = file;
        let known = kind.known_facts(known, located.stamp);
        let (what, facts) = match self.measured.facts(*kind, located, known) {
            Ok(facts) if !facts.ends_in_frame => return Ok(facts),
            Ok(facts) => (Incomplete::LastFrame, Some(facts)),
            Err(MeasureError::Incomplete(what)) => (what, None),
            Err(MeasureError::Unusable(error)) => return Err(unusable(*kind, false, error)),
            Err(MeasureError::Unreadable(error)) => return Err(unreadable(*kind, name, &error)),
            Err(MeasureError::Changed) => return Err(still_written(*kind, name, self.settle)),
        };
        // Times of files come from other clocks. Only this daemon's own shows how long a file has not changed.
        let unchanged = self.settling.unchanged(located.path.clone(), seen(located), now_ms);
        let again_in = facts.as_ref().and_then(|_| incomplete::wait_for_end(unchanged));
        match (facts, again_in) {
            (Some(facts), None) => Ok(facts),
            _ => {
                let file = (*kind, *name, located.stamp);
                Err(missing(incomplete::describe(file, what, unchanged, now_ms), again_in))
            }
        }
    }
}

fn seen(located: &Located) -> Seen<FileStamp> {
    let stamp = located.stamp;
    let (modified_ns, changed_ns) = (stamp.modified_ns(), stamp.changed_ns());
    Seen { stamp, modified_ns, changed_ns, at: Instant::now() }
}

fn not_located(kind: MediaKind, name: &str, error: &LocateError) -> Box<MediaCheck> {
    let outside = match error {
        LocateError::Missing { .. } => return missing(error.describe(kind.name()), None),
        // A permission may be granted later.
        LocateError::Io { error, .. } => return unreadable(kind, name, &error.to_string()),
        LocateError::Changed(_) => return still_written(kind, name, Duration::ZERO),
        LocateError::Outside { .. } => true,
        LocateError::NotFile { .. } => false,
    };
    let message = error.describe(kind.name());
    unusable(kind, outside, PermanentError { code: error.code().to_owned(), message })
}

fn still_written(kind: MediaKind, name: &str, again_in: Duration) -> Box<MediaCheck> {
    missing(format!("{} {name} is still being written", kind.name()), Some(again_in))
}

fn unreadable(kind: MediaKind, name: &str, error: &str) -> Box<MediaCheck> {
    missing(format!("{} {name} cannot be read: {error}", kind.name()), None)
}

fn no_video_host(name: &str) -> Box<MediaCheck> {
    let what = format!(
        "video {name} is a local file, and Kling fetches videos by URL: set upload.s3, and lipsyncd uploads the video to your \
         bucket, or media.serve or media.public_base_url, if you have a tunnel or a web server"
    );
    missing(what, None)
}

fn missing(what: String, again_in: Option<Duration>) -> Box<MediaCheck> {
    Box::new(MediaCheck::Missing { what, again_in })
}

fn unusable(kind: MediaKind, outside: bool, error: PermanentError) -> Box<MediaCheck> {
    Box::new(MediaCheck::Unusable { audio: kind == MediaKind::Audio, outside, error })
}
