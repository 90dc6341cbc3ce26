//! Which output folders took a file a moment ago, so that they need not be checked again for the next task.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::Instant,
};

use crate::output::{OutputError, OutputPaths};

/// A folder that took a file counts as writable for so long. A disk that fills up later is waited for in any case.
const FRESH: Duration = Duration::from_millis(100);

/// The real path of a folder, and when it took a file.
type CacheEntry = Option<(PathBuf, Instant)>;

/// The folders, by their path under the output folder. Of the tasks that ask for one folder at the same time, the first
/// checks it and the others wait for the result.
#[derive(Debug, Default)]
pub(crate) struct FolderCache(Mutex<HashMap<String, Arc<AsyncMutex<CacheEntry>>>>);

/// The place of an output file, or the path by which to find it.
#[derive(Debug)]
pub(crate) enum CachedPlace {
    /// The folder took a file a moment ago.
    Known(OutputPaths),
    /// The path under the output folder.
    Unknown(String),
}

/// Held by the task that checks a folder. Dropped without `remember`, the next task checks.
#[derive(Debug)]
pub(crate) struct FolderCheck(OwnedMutexGuard<CacheEntry>);

impl FolderCache {
    /// Returns the place of `output`, a path under the output folder, and a check if its folder has to be tried first.
    pub(crate) async fn place_of(&self, output: &str) -> (CachedPlace, Option<FolderCheck>) {
        let entry = self.entry(output).lock_owned().await;
        match known_place(&entry, output) {
            Some(place) => (CachedPlace::Known(place), None),
            None => (CachedPlace::Unknown(output.to_owned()), Some(FolderCheck(entry))),
        }
    }

    /// Returns the same without waiting for a check in progress.
    pub(crate) fn try_place_of(&self, output: &str) -> CachedPlace {
        let entry = self.entry(output);
        let place = entry.try_lock().ok().and_then(|entry| known_place(&entry, output));
        place.map_or_else(|| CachedPlace::Unknown(output.to_owned()), CachedPlace::Known)
    }

    /// Remembers that the folder of `output` took a file.
    pub(crate) fn remember(&self, output: &str, place: &OutputPaths) {
        if let Ok(entry) = self.entry(output).try_lock_owned() {
            FolderCheck(entry).remember(place);
        }
    }

    fn entry(&self, output: &str) -> Arc<AsyncMutex<CacheEntry>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Deletes the folders that are not in use and not known any more.
        all.retain(|_, entry| {
            Arc::strong_count(entry) > 1 || entry.try_lock().is_ok_and(|entry| is_fresh(&entry))
        });
        Arc::clone(all.entry(folder_and_name(output).0.to_owned()).or_default())
    }
}

impl FolderCheck {
    /// Remembers that the folder of `place` took a file.
    pub(crate) fn remember(mut self, place: &OutputPaths) {
        *self.0 = Some((place.folder().to_owned(), Instant::now()));
    }
}

impl CachedPlace {
    /// Returns the place, and makes its folder if it is unknown. Blocks.
    pub(crate) fn resolve(self, output_dir: &Path) -> Result<OutputPaths, OutputError> {
        match self {
            Self::Known(place) => Ok(place),
            Self::Unknown(output) => OutputPaths::prepare(output_dir, &output),
        }
    }
}

fn is_fresh(entry: &CacheEntry) -> bool {
    entry.as_ref().is_some_and(|(_, at)| at.elapsed() < FRESH)
}

fn known_place(entry: &CacheEntry, output: &str) -> Option<OutputPaths> {
    let (folder, _) = entry.as_ref().filter(|_| is_fresh(entry))?;
    let name = folder_and_name(output).1;
    let is_valid = !matches!(name, "" | "." | "..");
    is_valid.then(|| OutputPaths::in_folder(folder.clone(), name.to_owned()))
}

fn folder_and_name(output: &str) -> (&str, &str) {
    output.rsplit_once('/').unwrap_or(("", output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> OutputPaths {
        OutputPaths::in_folder("/out/promo".into(), name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_folder_that_took_a_file_is_known_for_a_moment() {
        let cache = FolderCache::default();
        cache.remember("promo/en.mp4", &place("en.mp4"));
        let known = cache.place_of("promo/fr.mp4").await;
        assert!(matches!(known, (CachedPlace::Known(it), None) if it == place("fr.mp4")));
        for other in ["promo/dub/fr.mp4", "fr.mp4", "promo/..", "promo/"] {
            let unknown = cache.try_place_of(other);
            assert!(matches!(unknown, CachedPlace::Unknown(output) if output == other));
        }
        tokio::time::advance(FRESH).await;
        let unknown = cache.place_of("promo/fr.mp4").await;
        assert!(matches!(unknown, (CachedPlace::Unknown(_), Some(_))));
        drop(unknown);
        cache.try_place_of("other/fr.mp4");
        assert_eq!(
            cache.0.lock().unwrap().len(),
            1,
            "folders that are no longer known are dropped"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_wait_for_a_check_in_progress_and_use_its_result() {
        let cache = Arc::new(FolderCache::default());
        let (_, check) = cache.place_of("promo/en.mp4").await;
        let others: Vec<_> = ["promo/fr.mp4", "promo/de.mp4"]
            .map(|output| {
                let cache = Arc::clone(&cache);
                tokio::spawn(async move { cache.place_of(output).await })
            })
            .into();
        tokio::task::yield_now().await;
        assert!(others.iter().all(|other| !other.is_finished()));
        check.unwrap().remember(&place("en.mp4"));
        for other in others {
            assert!(matches!(other.await.unwrap(), (CachedPlace::Known(_), None)));
        }
    }
}
