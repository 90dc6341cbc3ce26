//! The files that the page plays: opened without following links, and only while they are what the database says.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::{
    config::Config,
    job::{Source, Task},
    media::{FileStamp, Located, Locator, sha256_of},
    output::{OutputPaths, VideoKind},
    store::ResultId,
};

/// No more files are remembered.
const KNOWN_MAX: usize = 1_000;

/// Finds and opens the files. Everything here blocks.
pub(in crate::web) struct Files {
    locator: Locator,
    output_dir: PathBuf,
    /// The SHA-256 of files that were read.
    known: Mutex<HashMap<FileStamp, String>>,
    turn: Arc<AsyncMutex<()>>,
}

/// What to do with a file whose SHA-256 is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Leave it out.
    Skip,
    /// Read it, which takes long: only with [`Files::turn`].
    Read,
}

impl Files {
    pub(in crate::web) fn new(config: &Config) -> Self {
        let (jobs_dir, media_dirs) = (config.jobs_dir.clone(), config.media.dirs.clone());
        let locator = Locator { jobs_dir, media_dirs };
        Self {
            locator,
            output_dir: config.output_dir.clone(),
            known: Mutex::default(),
            turn: Arc::default(),
        }
    }

    /// Waits for the turn to read files. Browsers ask for one video many times, and leave in between.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Opens a result: the first file at these outputs, or set aside there, that has its bytes. A file that somebody edited is no
    /// result.
    pub(super) fn open_result(
        &self,
        result: &ResultId,
        bytes: u64,
        outputs: &[String],
        unread: Unread,
    ) -> Option<File> {
        outputs.iter().find_map(|output| {
            let paths = OutputPaths::find(&self.output_dir, output).ok()??;
            let places = paths.places_of(&result.sha256);
            let videos = places.map(|place| place.video(VideoKind::Result));
            videos
                .filter_map(|video| self.open_exactly(&video, bytes, &result.sha256, unread))
                .next()
        })
    }

    fn open_exactly(&self, path: &Path, bytes: u64, sha256: &str, unread: Unread) -> Option<File> {
        let found = fs::symlink_metadata(path).ok().filter(|found| found.len() == bytes)?;
        let located = Located {
            path: path.to_owned(),
            public_path: PathBuf::new(),
            stamp: FileStamp::of(&found),
        };
        let known = self.known().get(&located.stamp).cloned();
        let found = match known {
            Some(found) => found,
            None if unread == Unread::Skip => return None,
            None => self.remember(located.stamp, sha256_of(&located).ok()?),
        };
        if found != sha256 {
            return None;
        }
        // Fails if it changed since.
        located.open().ok()
    }

    fn remember(&self, stamp: FileStamp, sha256: String) -> String {
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(stamp, sha256.clone());
        sha256
    }

    /// Opens a local source of a task, as the daemon finds it; none: it is not local, or not there.
    pub(super) fn open_source(&self, task: &Task, source: &Source) -> Option<File> {
        let Source::File(name) = source else { return None };
        let folder = self.locator.jobs_dir.join(&task.media_dir);
        self.locator.locate(&folder, name).ok()?.open().ok()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<FileStamp, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.mp4"), "video").unwrap();
        let config = Config { output_dir: folder.path().to_owned(), ..Config::default() };
        let files = Files::new(&config);
        let sha256 = "0cab1c9617404faf2b24e221e189ca5945813e14d3f766345b09ca13bbe28ffc".to_owned();
        let result = ResultId { task: 1, sha256 };
        let outputs = ["a.mp4".to_owned()];
        let is_opened = |unread| files.open_result(&result, 5, &outputs, unread).is_some();
        assert_eq!([Unread::Skip, Unread::Read, Unread::Skip].map(is_opened), [false, true, true]);
        fs::write(folder.path().join("a.mp4"), "VIDEO").unwrap();
        assert_eq!([Unread::Skip, Unread::Read].map(is_opened), [false, false]);
    }
}
