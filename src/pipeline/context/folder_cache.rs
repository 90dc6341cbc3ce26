//! Which folders of results took a file a moment ago: they need neither be looked for nor tried again
//! for the next job.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::output::{OutputError, Place};

/// For so long a folder that took a file counts as one that takes another. A disk fills up later, too:
/// what does not fit then is waited out.
const FRESH: Duration = Duration::from_millis(100);

/// Where a folder truly lies, and when it took a file.
type Seen = Option<(PathBuf, Instant)>;

/// The folders, by their path under the output folder. Of those that want to know one, the first looks and
/// the others wait for it: many jobs come at once.
#[derive(Debug, Default)]
pub(crate) struct FolderCache(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Seen>>>>);

/// The place of a job, or what is needed to find it.
#[derive(Debug)]
pub(crate) enum CachedPlace {
    /// Its folder took a file a moment ago.
    Known(Place),
    /// The path under the output folder.
    Sought(String),
}

/// Held by the one that looks; dropped without a word, the next looks for itself.
#[derive(Debug)]
pub(crate) struct FolderCheck(OwnedMutexGuard<Seen>);

impl FolderCache {
    /// The way to `output`, a path under the output folder; with a look if its folder is to be tried first.
    pub(crate) async fn way(&self, output: &str) -> (CachedPlace, Option<FolderCheck>) {
        let folder = self.folder(output);
        let seen = folder.lock_owned().await;
        match known(&seen, output) {
            Some(place) => (CachedPlace::Known(place), None),
            None => (CachedPlace::Sought(output.to_owned()), Some(FolderCheck(seen))),
        }
    }

    /// The same without waiting for anybody who looks.
    pub(crate) fn try_place_of(&self, output: &str) -> CachedPlace {
        let folder = self.folder(output);
        let place = folder.try_lock().ok().and_then(|seen| known(&seen, output));
        place.map_or_else(|| CachedPlace::Sought(output.to_owned()), CachedPlace::Known)
    }

    /// The folder of `output` took a file at its place.
    pub(crate) fn learn(&self, output: &str, place: &Place) {
        if let Ok(seen) = self.folder(output).try_lock_owned() {
            FolderCheck(seen).learn(place);
        }
    }

    fn folder(&self, output: &str) -> Arc<tokio::sync::Mutex<Seen>> {
        let mut all = self.all();
        // Nobody is there who wants to know it, and it is known no more.
        all.retain(|_, seen| {
            Arc::strong_count(seen) > 1 || seen.try_lock().is_ok_and(|seen| is_fresh(&seen))
        });
        Arc::clone(all.entry(parts(output).0.to_owned()).or_default())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<Seen>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FolderCheck {
    /// The folder of `place` took a file.
    pub(crate) fn learn(mut self, place: &Place) {
        *self.0 = Some((place.folder().to_owned(), Instant::now()));
    }
}

impl CachedPlace {
    /// Goes it; blocks.
    pub(crate) fn go(self, output_dir: &Path) -> Result<Place, OutputError> {
        match self {
            Self::Known(place) => Ok(place),
            Self::Sought(output) => Place::prepare(output_dir, &output),
        }
    }
}

fn is_fresh(seen: &Seen) -> bool {
    seen.as_ref().is_some_and(|(_, at)| at.elapsed() < FRESH)
}

fn known(seen: &Seen, output: &str) -> Option<Place> {
    let (folder, _) = seen.as_ref().filter(|_| is_fresh(seen))?;
    let name = parts(output).1;
    let is_odd = matches!(name, "" | "." | "..");
    (!is_odd).then(|| Place::in_folder(folder.clone(), name.to_owned()))
}

fn parts(output: &str) -> (&str, &str) {
    output.rsplit_once('/').unwrap_or(("", output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place::in_folder("/out/promo".into(), name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_is_known_for_a_moment_and_no_other_one_with_it() {
        let folder_cache = FolderCache::default();
        folder_cache.learn("promo/en.mp4", &place("en.mp4"));
        assert!(
            matches!(folder_cache.way("promo/fr.mp4").await, (CachedPlace::Known(it), None) if it == place("fr.mp4"))
        );
        for other in ["promo/dub/fr.mp4", "fr.mp4", "promo/..", "promo/"] {
            assert!(
                matches!(folder_cache.try_place_of(other), CachedPlace::Sought(output) if output == other)
            );
        }
        tokio::time::advance(FRESH).await;
        assert!(matches!(
            folder_cache.way("promo/fr.mp4").await,
            (CachedPlace::Sought(_), Some(_))
        ));
        folder_cache.try_place_of("other/fr.mp4");
        assert_eq!(folder_cache.all().len(), 1, "what is known no more is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_one_looks_learns_from_it_or_looks_next() {
        let folder_cache = Arc::new(FolderCache::default());
        let (_, look) = folder_cache.way("promo/en.mp4").await;
        let others: Vec<_> = ["promo/fr.mp4", "promo/de.mp4"]
            .map(|output| {
                let folder_cache = Arc::clone(&folder_cache);
                tokio::spawn(async move { folder_cache.way(output).await })
            })
            .into();
        tokio::task::yield_now().await;
        assert!(others.iter().all(|other| !other.is_finished()));
        look.unwrap().learn(&place("en.mp4"));
        for other in others {
            assert!(matches!(other.await.unwrap(), (CachedPlace::Known(_), None)));
        }
    }
}
