//! Which output folders took a file a moment ago, so that they need not be checked again for the next task.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::output::{FolderId, OutputPaths};

/// A folder that took a file counts as writable for so long. A disk that fills up later is waited for in any case.
const FRESH: Duration = Duration::from_secs(1);

/// The real path of each folder, by its path under the output folder, which folder that was, and when it took a file.
#[derive(Debug, Default)]
pub(crate) struct FolderCache(Mutex<HashMap<String, (PathBuf, FolderId, Instant)>>);

/// The place of an output in a folder that took a file a moment ago.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KnownPlace {
    place: OutputPaths,
    folder: FolderId,
}

impl KnownPlace {
    /// Returns the place, unless its folder was moved away, or is a link to another place by now. Blocks.
    pub(crate) fn still_there(self) -> Option<OutputPaths> {
        (self.place.folder_id() == Some(self.folder)).then_some(self.place)
    }
}

impl FolderCache {
    /// Returns the place of `output`, a path under the output folder, if its folder took a file a moment ago.
    pub(crate) fn place_of(&self, output: &str) -> Option<KnownPlace> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, _, at)| at.elapsed() < FRESH);
        let (folder, name) = folder_and_name(output);
        let is_valid = !matches!(name, "" | "." | "..");
        let (path, folder, _) = all.get(folder).filter(|_| is_valid)?;
        let place = OutputPaths::in_folder(path.clone(), name.to_owned());
        Some(KnownPlace { place, folder: *folder })
    }

    /// `place` was just prepared in this folder, which took a file.
    pub(crate) fn remember(&self, output: &str, place: &OutputPaths, folder: FolderId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = (place.folder().to_owned(), folder, Instant::now());
        all.insert(folder_and_name(output).0.to_owned(), known);
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
        let place = |name: &str| OutputPaths::in_folder(out.path().into(), name.to_owned());
        let folder = place("en.mp4").folder_id().unwrap();
        let known = |name| Some(KnownPlace { place: place(name), folder });
        let cache = FolderCache::default();
        cache.remember("promo/en.mp4", &place("en.mp4"), folder);
        assert_eq!(cache.place_of("promo/fr.mp4"), known("fr.mp4"));
        for other in ["promo/dub/fr.mp4", "fr.mp4", "promo/..", "promo/"] {
            assert_eq!(cache.place_of(other), None);
        }
        tokio::time::advance(FRESH).await;
        assert_eq!(cache.place_of("promo/fr.mp4"), None);
        assert!(cache.0.lock().unwrap().is_empty(), "folders that are no longer known are dropped");
    }

    #[test]
    fn a_known_folder_that_was_moved_or_replaced_is_prepared_again() {
        let out = tempfile::tempdir().unwrap();
        let (folder, aside) = (out.path().join("promo"), out.path().join("aside"));
        fs::create_dir(&folder).unwrap();
        let place = OutputPaths::in_folder(folder.clone(), "en.mp4".to_owned());
        let id = place.folder_id().unwrap();
        let known = || KnownPlace { place: place.clone(), folder: id }.still_there();
        assert_eq!(known(), Some(place.clone()));
        fs::rename(&folder, &aside).unwrap();
        assert_eq!(known(), None, "it was moved away");
        symlink(&aside, &folder).unwrap();
        assert_eq!((known(), place.folder_id()), (None, None), "it is a link");
        fs::remove_file(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        assert_eq!(known(), None, "it is another folder");
    }
}
