//! What one pass over the folder found.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    job::Media,
    store::{JobChange, RUN_AT_ONCE_MAX, WantedJob},
};

#[derive(Debug, Default)]
pub(super) struct Pass {
    /// When another pass is useful before the next rescan.
    pub(super) again_at: Option<Instant>,
    pub(super) store_changed: bool,
    /// Manifests that could not be read yet, because they are still being written.
    pub(super) pending: BTreeSet<Arc<str>>,
    /// Local files whose content changed after finished jobs used them.
    pub(super) changed_files: ChangedFiles,
}

impl Pass {
    pub(super) fn repeat_in(&mut self, wait: Duration) {
        self.repeat_at(Instant::now() + wait);
    }

    pub(super) fn repeat_at(&mut self, at: Instant) {
        self.again_at = Some(self.again_at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn log(&mut self, changes: &[JobChange]) {
        self.store_changed |= !changes.is_empty();
        changes.iter().for_each(JobChange::log);
    }
}

/// Counts per file, by its stamp, the finished jobs whose media it changed.
#[derive(Debug, Default)]
pub(super) struct ChangedFiles(HashMap<String, usize>);

impl ChangedFiles {
    /// Counts a finished job that was made of `known` and whose media are now those of `wanted`.
    pub(super) fn count(&mut self, known: &Media, wanted: &WantedJob) {
        for stamp in changed(known, wanted) {
            *self.0.entry(stamp.to_owned()).or_default() += 1;
        }
    }

    /// Returns true if a file that changed for this job changed for too many jobs to run them without asking.
    pub(super) fn is_of_many(&self, known: &Media, wanted: &WantedJob) -> bool {
        changed(known, wanted)
            .any(|stamp| self.0.get(stamp).is_some_and(|count| *count > RUN_AT_ONCE_MAX))
    }
}

/// Returns the stamps of the files whose content differs from what the job was made of.
fn changed<'a>(known: &Media, wanted: &'a WantedJob) -> impl Iterator<Item = &'a str> {
    let Media { audio_sha256, video_sha256, .. } = known;
    let now = wanted.media.as_ref().ok();
    let audio = now.filter(|now| now.audio_sha256 != *audio_sha256);
    let video = now.filter(|now| now.video_sha256 != *video_sha256);
    let audio = audio.and_then(|now| now.audio_stamp.as_deref());
    audio.into_iter().chain(video.and_then(|now| now.video_stamp.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::jobs::{audio_of as media, spec};

    #[test]
    fn file_of_more_than_20_finished_jobs_is_one_of_many() {
        let mut files = ChangedFiles::default();
        let wanted = WantedJob {
            spec: spec(),
            spec_hash: String::new(),
            request_hash: None,
            media: Ok(media("02")),
        };
        for _ in 0..RUN_AT_ONCE_MAX {
            files.count(&media("01"), &wanted);
            files.count(&media("02"), &wanted);
        }
        assert!(!files.is_of_many(&media("01"), &wanted));
        files.count(&media("01"), &wanted);
        assert!(files.is_of_many(&media("01"), &wanted));
        assert!(!files.is_of_many(&media("02"), &wanted), "it did not change for this one");
    }
}
