//! Which output folders took a file a moment ago, so that they need not be checked again for the next task.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::output::OutputPaths;

/// A folder that took a file counts as writable for so long. A disk that fills up later is waited for in any case.
const FRESH: Duration = Duration::from_secs(1);

/// The real path of each folder, by its path under the output folder, and when it took a file.
#[derive(Debug, Default)]
pub(crate) struct FolderCache(Mutex<HashMap<String, (PathBuf, Instant)>>);

impl FolderCache {
    /// Returns the place of `output`, a path under the output folder, if its folder took a file a moment ago.
    pub(crate) fn place_of(&self, output: &str) -> Option<OutputPaths> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, at)| at.elapsed() < FRESH);
        let (folder, name) = folder_and_name(output);
        let is_valid = !matches!(name, "" | "." | "..");
        let (folder, _) = all.get(folder).filter(|_| is_valid)?;
        Some(OutputPaths::in_folder(folder.clone(), name.to_owned()))
    }

    /// `place` was just prepared, and its folder took a file.
    pub(crate) fn remember(&self, output: &str, place: &OutputPaths) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = folder_and_name(output).0.to_owned();
        all.insert(folder, (place.folder().to_owned(), Instant::now()));
    }
}

fn folder_and_name(output: &str) -> (&str, &str) {
    output.rsplit_once('/').unwrap_or(("", output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_folder_that_took_a_file_is_known_for_a_moment() {
        let place = |name: &str| OutputPaths::in_folder("/out/promo".into(), name.to_owned());
        let cache = FolderCache::default();
        cache.remember("promo/en.mp4", &place("en.mp4"));
        assert_eq!(cache.place_of("promo/fr.mp4"), Some(place("fr.mp4")));
        for other in ["promo/dub/fr.mp4", "fr.mp4", "promo/..", "promo/"] {
            assert_eq!(cache.place_of(other), None);
        }
        tokio::time::advance(FRESH).await;
        assert_eq!(cache.place_of("promo/fr.mp4"), None);
        assert!(cache.0.lock().unwrap().is_empty(), "folders that are no longer known are dropped");
    }
}
