//! Which folders of results took a file a moment ago: they need neither be looked for nor tried again
//! for the next job.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::output::{OutputError, OutputPaths};

/// For so long a folder that took a file counts as one that takes another. A disk fills up later, too:
/// what does not fit then is waited out.
const FRESH: Duration = Duration::from_millis(100);

/// Where a folder truly lies, and when it took a file.
type Seen = Option<(PathBuf, Instant)>;

/// The folders, by their path under the output folder. Of those that want to know one, the first looks and
/// the others wait for it: many jobs come at once.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Seen>>>>);

/// The place of a job, or what is needed to find it.
#[derive(Debug)]
pub(super) enum Way {
    /// Its folder took a file a moment ago.
    Known(OutputPaths),
    /// The path under the output folder.
    Sought(String),
}

/// Held by the one that looks; dropped without a word, the next looks for itself.
#[derive(Debug)]
pub(super) struct Look(OwnedMutexGuard<Seen>);

impl Room {
    /// The way to `output`, a path under the output folder; with a look if its folder is to be tried first.
    pub(super) async fn way(&self, output: &str) -> (Way, Option<Look>) {
        let folder = self.folder(output);
        let seen = folder.lock_owned().await;
        match known(&seen, output) {
            Some(place) => (Way::Known(place), None),
            None => (Way::Sought(output.to_owned()), Some(Look(seen))),
        }
    }

    /// The same without waiting for anybody who looks.
    pub(super) fn way_at_once(&self, output: &str) -> Way {
        let folder = self.folder(output);
        let place = folder.try_lock().ok().and_then(|seen| known(&seen, output));
        place.map_or_else(|| Way::Sought(output.to_owned()), Way::Known)
    }

    /// The folder of `output` took a file at its place.
    pub(super) fn learn(&self, output: &str, place: &OutputPaths) {
        if let Ok(seen) = self.folder(output).try_lock_owned() {
            Look(seen).learn(place);
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

impl Look {
    /// The folder of `place` took a file.
    pub(super) fn learn(mut self, place: &OutputPaths) {
        *self.0 = Some((place.folder().to_owned(), Instant::now()));
    }
}

impl Way {
    /// Goes it; blocks.
    pub(super) fn go(self, output_dir: &Path) -> Result<OutputPaths, OutputError> {
        match self {
            Self::Known(place) => Ok(place),
            Self::Sought(output) => OutputPaths::prepare(output_dir, &output),
        }
    }
}

fn is_fresh(seen: &Seen) -> bool {
    seen.as_ref().is_some_and(|(_, at)| at.elapsed() < FRESH)
}

fn known(seen: &Seen, output: &str) -> Option<OutputPaths> {
    let (folder, _) = seen.as_ref().filter(|_| is_fresh(seen))?;
    let name = parts(output).1;
    let is_odd = matches!(name, "" | "." | "..");
    (!is_odd).then(|| OutputPaths::in_folder(folder.clone(), name.to_owned()))
}

fn parts(output: &str) -> (&str, &str) {
    output.rsplit_once('/').unwrap_or(("", output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> OutputPaths {
        OutputPaths::in_folder("/out/promo".into(), name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_is_known_for_a_moment_and_no_other_one_with_it() {
        let room = Room::default();
        room.learn("promo/en.mp4", &place("en.mp4"));
        assert!(
            matches!(room.way("promo/fr.mp4").await, (Way::Known(it), None) if it == place("fr.mp4"))
        );
        for other in ["promo/dub/fr.mp4", "fr.mp4", "promo/..", "promo/"] {
            assert!(matches!(room.way_at_once(other), Way::Sought(output) if output == other));
        }
        tokio::time::advance(FRESH).await;
        assert!(matches!(room.way("promo/fr.mp4").await, (Way::Sought(_), Some(_))));
        room.way_at_once("other/fr.mp4");
        assert_eq!(room.all().len(), 1, "what is known no more is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_while_one_looks_learns_from_it_or_looks_next() {
        let room = Arc::new(Room::default());
        let (_, look) = room.way("promo/en.mp4").await;
        let others: Vec<_> = ["promo/fr.mp4", "promo/de.mp4"]
            .map(|output| {
                let room = Arc::clone(&room);
                tokio::spawn(async move { room.way(output).await })
            })
            .into();
        tokio::task::yield_now().await;
        assert!(others.iter().all(|other| !other.is_finished()));
        look.unwrap().learn(&place("en.mp4"));
        for other in others {
            assert!(matches!(other.await.unwrap(), (Way::Known(_), None)));
        }
    }
}
