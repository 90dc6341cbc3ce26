//! The files that the page plays: opened without following links, and only while they are what the database says.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{
    config::Config,
    job::{Source, Task},
    media::{FileStamp, Located, Locator, sha256_of},
    output::{OutputPaths, VideoKind},
    store::ResultId,
};

/// No more results are remembered.
const KNOWN_MAX: usize = 1_000;

/// Finds and opens the files. Everything here blocks.
pub(in crate::web) struct Files {
    locator: Locator,
    output_dir: PathBuf,
    /// The stamps of results whose content was read, by their SHA-256.
    known: Mutex<HashMap<String, FileStamp>>,
}

impl Files {
    pub(in crate::web) fn new(config: &Config) -> Self {
        let (jobs_dir, media_dirs) = (config.jobs_dir.clone(), config.media.dirs.clone());
        let locator = Locator { jobs_dir, media_dirs };
        Self { locator, output_dir: config.output_dir.clone(), known: Mutex::default() }
    }

    /// Opens a result: the first file at these outputs, or set aside there, that has its bytes. A file that somebody edited is no
    /// result.
    pub(super) fn open_result(
        &self,
        result: &ResultId,
        bytes: u64,
        outputs: &[String],
    ) -> Option<File> {
        outputs.iter().find_map(|output| {
            let paths = OutputPaths::find(&self.output_dir, output).ok()??;
            let places = paths.places_of(&result.sha256);
            let videos = places.map(|place| place.video(VideoKind::Result));
            videos.filter_map(|video| self.open_exactly(&video, bytes, &result.sha256)).next()
        })
    }

    fn open_exactly(&self, path: &Path, bytes: u64, sha256: &str) -> Option<File> {
        let found = fs::symlink_metadata(path).ok().filter(|found| found.len() == bytes)?;
        let located = Located {
            path: path.to_owned(),
            public_path: PathBuf::new(),
            stamp: FileStamp::of(&found),
        };
        let is_known = self.known().get(sha256) == Some(&located.stamp);
        if !is_known && sha256_of(&located).ok()? != sha256 {
            return None;
        }
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(sha256.to_owned(), located.stamp);
        // Fails if it changed since.
        located.open().ok()
    }

    /// Opens a local source of a task, as the daemon finds it; none: it is not local, or not there.
    pub(super) fn open_source(&self, task: &Task, source: &Source) -> Option<File> {
        let Source::File(name) = source else { return None };
        let folder = self.locator.jobs_dir.join(&task.media_dir);
        self.locator.locate(&folder, name).ok()?.open().ok()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, FileStamp>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
