//! Length and SHA-256 of local media, read once per file stamp.

use std::{collections::HashMap, path::PathBuf};

use crate::{
    job::{Media, outcome::PermanentError},
    manifest::{AUDIO_ENDINGS, VIDEO_ENDINGS},
    media::{self, FileStamp, Incomplete, Located, audio, sha256_of, video},
};

/// How many files are remembered between two scans.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MediaKind {
    Audio,
    Video,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaFacts {
    /// None: the file does not say, which only a video may do.
    pub(super) length_ms: Option<i64>,
    pub(super) sha256: String,
    /// It may still be written, or be a recording that ends anywhere.
    pub(super) ends_in_frame: bool,
}

/// Why a file that exists cannot be used.
#[derive(Debug, Clone)]
pub(super) enum MeasureError {
    /// It must be replaced.
    Unusable(PermanentError),
    /// It is still being written, or was cut short.
    Incomplete(Incomplete),
    /// The system prevents reading it, which may pass.
    Unreadable(String),
    /// It changed while it was read.
    Changed,
}

#[derive(Debug, Default)]
pub(super) struct MeasureCache {
    remembered: HashMap<CacheKey, CacheEntry>,
    /// About files that were read, and that the API may refuse.
    warnings: Vec<String>,
    /// How many files were read.
    #[cfg(test)]
    pub(super) reads: usize,
}

type CacheKey = (MediaKind, PathBuf, FileStamp);

#[derive(Debug)]
struct CacheEntry {
    facts: Result<MediaFacts, MeasureError>,
    /// Whether it was used since the last [`MeasureCache::forget_unused`].
    fresh: bool,
}

impl MediaKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    /// The endings of names of such files.
    pub(super) const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Audio => &AUDIO_ENDINGS,
            Self::Video => &VIDEO_ENDINGS,
        }
    }

    /// Returns the facts in `media`, if `media` was measured from the file with this stamp.
    pub(super) fn known_facts(self, media: &Media, stamp: FileStamp) -> Option<MediaFacts> {
        let (length_ms, known_stamp, sha256) = match self {
            // An audio file always has a length.
            Self::Audio => (Some(media.audio_ms?), &media.audio_stamp, &media.audio_sha256),
            Self::Video => (media.video_ms, &media.video_stamp, &media.video_sha256),
        };
        let is_same = known_stamp.as_ref().is_some_and(|known| *known == stamp.to_string());
        let sha256 = sha256.clone().filter(|_| is_same)?;
        Some(MediaFacts { length_ms, sha256, ends_in_frame: false })
    }
}

impl MeasureCache {
    /// Returns true if the facts of the file as it is now are remembered.
    pub(super) fn contains(&self, kind: MediaKind, located: &Located) -> bool {
        self.remembered.contains_key(&(kind, located.path.clone(), located.stamp))
    }

    /// Returns the facts of a file: remembered, or `known` from the database, or read from the file.
    /// Blocks.
    pub(super) fn facts(
        &mut self,
        kind: MediaKind,
        located: &Located,
        known: Option<MediaFacts>,
    ) -> Result<MediaFacts, MeasureError> {
        let key = (kind, located.path.clone(), located.stamp);
        if let Some(remembered) = self.remembered.get_mut(&key) {
            remembered.fresh = true;
            return remembered.facts.clone();
        }
        let facts = match known {
            Some(known) => Ok(known),
            None => self.read(kind, located),
        };
        // Only what stays the same as long as the stamp does is remembered.
        let may_pass = |error: &MeasureError| {
            matches!(error, MeasureError::Unreadable(_) | MeasureError::Changed)
        };
        if !facts.as_ref().is_err_and(may_pass) {
            self.remembered.insert(key, CacheEntry { facts: facts.clone(), fresh: true });
        }
        facts
    }

    fn read(&mut self, kind: MediaKind, located: &Located) -> Result<MediaFacts, MeasureError> {
        #[cfg(test)]
        {
            self.reads += 1;
        }
        let measured = measure_and_hash(kind, located).map_err(|error| {
            if error.is_change() {
                return MeasureError::Changed;
            }
            match (error.read_error(), error.incomplete()) {
                (Some(error), _) => MeasureError::Unreadable(error.to_string()),
                (None, Some(what)) => MeasureError::Incomplete(what),
                (None, None) => MeasureError::Unusable(unusable(&error)),
            }
        })?;
        let name = located.path.file_name().unwrap_or_default().to_string_lossy();
        let warning = measured.warning.map(|warning| format!("{} {name}: {warning}", kind.name()));
        self.warnings.extend(warning);
        Ok(measured.facts)
    }

    /// Returns what is unusual about the files that were read since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Forgets the files that were not used since the last call, if too many are remembered.
    pub(super) fn forget_unused(&mut self) {
        if self.remembered.len() > REMEMBERED_MAX {
            self.remembered.retain(|_, remembered| remembered.fresh);
            // Not all of them at once: else a large folder would be read again in every scan.
            let mut left = REMEMBERED_MAX;
            self.remembered.retain(|_, _| {
                let is_kept = left > 0;
                left = left.saturating_sub(1);
                is_kept
            });
        }
        self.remembered.values_mut().for_each(|remembered| remembered.fresh = false);
    }
}

/// What was read from a file.
struct Measured {
    facts: MediaFacts,
    /// Why the API may refuse it.
    warning: Option<String>,
}

/// Hashing comes last: its check of the stamp then also covers what was measured.
fn measure_and_hash(kind: MediaKind, located: &Located) -> Result<Measured, media::MediaError> {
    match measure(kind, located) {
        Ok(mut measured) => {
            measured.facts.sha256 = sha256_of(located)?;
            Ok(measured)
        }
        Err(error) => {
            // A file that is being written is measured again when it is complete.
            located.open()?;
            Err(error)
        }
    }
}

/// Measures without hashing.
fn measure(kind: MediaKind, located: &Located) -> Result<Measured, media::MediaError> {
    let (length_ms, ends_in_frame, warning) = match kind {
        MediaKind::Audio => {
            let facts = audio::measure_file(&located.path)?;
            audio::check(&facts)?;
            (Some(facts.length_ms), facts.ends_in_frame, None)
        }
        MediaKind::Video => {
            let facts = video::probe(&located.path)?;
            video::check(&facts)?;
            (facts.length_ms, false, facts.warning())
        }
    };
    Ok(Measured { facts: MediaFacts { length_ms, sha256: String::new(), ends_in_frame }, warning })
}

fn unusable(error: &media::MediaError) -> PermanentError {
    PermanentError { code: error.code().to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_that_are_still_used_stay_when_too_many_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = fs::metadata(folder.path()).unwrap();
        let stamp = FileStamp::of(&metadata);
        let known = MediaFacts { length_ms: None, sha256: "hash".to_owned(), ends_in_frame: false };
        let mut facts = MeasureCache::default();
        let see = |facts: &mut MeasureCache, numbers: std::ops::Range<usize>| {
            for number in numbers {
                let path = PathBuf::from(number.to_string());
                let public_path = path.clone();
                let located = Located { path, public_path, stamp };
                facts.facts(MediaKind::Video, &located, Some(known.clone())).unwrap();
            }
        };
        see(&mut facts, 0..REMEMBERED_MAX);
        facts.forget_unused();
        assert_eq!(facts.remembered.len(), REMEMBERED_MAX);
        see(&mut facts, REMEMBERED_MAX - 1..REMEMBERED_MAX + 1);
        facts.forget_unused();
        assert_eq!(facts.remembered.len(), 2);
        see(&mut facts, 0..REMEMBERED_MAX + 5);
        facts.forget_unused();
        assert_eq!(facts.remembered.len(), REMEMBERED_MAX);
    }
}
