//! Which output folders took a file a moment ago, so that they need not be checked again for the next task.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::output::{FolderId, OutputError, OutputPaths};

/// A folder that took a file counts as writable for so long. A disk that fills up later is waited for in any case.
const FRESH: Duration = Duration::from_secs(1);

/// The folders, by their paths under the output folder. Steps ask on threads that may block: of many tasks at the same
/// time, the first ones check a folder for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct FolderCache(Arc<Mutex<HashMap<String, KnownFolder>>>);

#[derive(Debug, Clone)]
struct KnownFolder {
    real_path: PathBuf,
    id: FolderId,
    took_file_at: Instant,
}

/// The place of an output, and whether its folder took a file a moment ago.
#[derive(Debug)]
pub(crate) struct FoundPlace {
    pub(crate) place: OutputPaths,
    pub(crate) took_file: bool,
    /// Which folder has that path. None if there is none by now, or a link.
    folder: Option<FolderId>,
}

impl FolderCache {
    /// Returns the place of `output`, a path under `output_dir`. Its folder is prepared unless it took a file a moment
    /// ago, and is still there. Blocks.
    pub(crate) fn find(&self, output_dir: &Path, output: &str) -> Result<FoundPlace, OutputError> {
        if let Some(known) = self.known(output) {
            return Ok(known);
        }
        let place = OutputPaths::prepare(output_dir, output)?;
        let folder = place.folder_id();
        Ok(FoundPlace { place, took_file: false, folder })
    }

    /// Remembers that the folder of `output` just took a file. A known folder is not known for longer, even if it takes
    /// files all the time: a folder above it may be another one by now.
    pub(crate) fn remember(&self, output: &str, found: &FoundPlace) {
        if let Some(id) = found.folder.filter(|_| !found.took_file) {
            let real_path = found.place.folder().to_owned();
            let known = KnownFolder { real_path, id, took_file_at: Instant::now() };
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(folder_and_name(output).0.to_owned(), known);
        }
    }

    /// Returns the place if its folder took a file a moment ago, and was not moved away or replaced since.
    fn known(&self, output: &str) -> Option<FoundPlace> {
        let (folder, name) = folder_and_name(output);
        let is_valid = !matches!(name, "" | "." | "..");
        let known = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, known| known.took_file_at.elapsed() < FRESH);
            all.get(folder).filter(|_| is_valid)?.clone()
        };
        let place = OutputPaths::in_folder(known.real_path, name.to_owned());
        let folder = place.folder_id();
        (folder == Some(known.id)).then_some(FoundPlace { place, took_file: true, folder })
    }
}

fn folder_and_name(output: &str) -> (&str, &str) {
    output.rsplit_once('/').unwrap_or(("", output))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_folder_that_took_a_file_is_known_for_a_moment() {
        let out = tempfile::tempdir().unwrap();
        let cache = FolderCache::default();
        let found = |output| cache.find(out.path(), output).unwrap();
        let promo = found("promo/en.mp4");
        assert!(!promo.took_file && !found("promo/en.mp4").took_file, "nothing was remembered");
        cache.remember("promo/en.mp4", &promo);
        let other = found("promo/fr.mp4");
        assert!(other.took_file);
        assert_eq!(other.place, OutputPaths::prepare(out.path(), "promo/fr.mp4").unwrap());
        for elsewhere in ["promo/dub/fr.mp4", "fr.mp4"] {
            assert!(!found(elsewhere).took_file, "{elsewhere}");
        }
        for invalid in ["promo/..", "promo/"] {
            assert!(cache.find(out.path(), invalid).is_err(), "{invalid}");
        }
        tokio::time::advance(FRESH / 2).await;
        // It took another file, but does not become newer.
        cache.remember("promo/fr.mp4", &other);
        tokio::time::advance(FRESH / 2).await;
        assert!(!found("promo/fr.mp4").took_file);
        assert!(cache.0.lock().unwrap().is_empty(), "folders that are no longer known are dropped");
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_folder_that_was_moved_or_replaced_is_prepared_again() {
        let out = tempfile::tempdir().unwrap();
        let (folder, aside) = (out.path().join("promo"), out.path().join("aside"));
        let cache = FolderCache::default();
        let find = || cache.find(out.path(), "promo/en.mp4");
        cache.remember("promo/en.mp4", &find().unwrap());
        assert!(find().unwrap().took_file);
        fs::rename(&folder, &aside).unwrap();
        assert!(!find().unwrap().took_file, "it was moved away");
        fs::remove_dir(&folder).unwrap();
        symlink(&aside, &folder).unwrap();
        assert!(!find().unwrap().took_file, "it is a link");
        fs::remove_file(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        assert!(!find().unwrap().took_file, "it is another folder");
    }
}
