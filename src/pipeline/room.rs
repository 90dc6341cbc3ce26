//! Which folders of results took a file a moment ago: they need neither be looked for nor tried again
//! for the next job.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::output::{OutputError, Place};

/// For so long a folder that took a file counts as one that takes another. A disk fills up later, too:
/// what does not fit then is waited out.
const FRESH: Duration = Duration::from_millis(100);

/// The folders, by their path under the output folder: where each truly lies, and when it took a file.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<HashMap<String, (PathBuf, Instant)>>);

/// The place of a job, or what is needed to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Its folder took a file a moment ago.
    Known(Place),
    /// The path under the output folder.
    Sought(String),
}

impl Room {
    /// The way to `output`, a path under the output folder.
    pub(super) fn way(&self, output: &str) -> Way {
        let (folder, name) = parts(output);
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(folder).filter(|(_, at)| at.elapsed() < FRESH) {
            Some((folder, _)) if !matches!(name, "" | "." | "..") => {
                Way::Known(Place::in_folder(folder.clone(), name.to_owned()))
            }
            _ => Way::Sought(output.to_owned()),
        }
    }

    /// The folder of `output` took a file.
    pub(super) fn learn(&self, output: &str, place: &Place) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (_, at)| at.elapsed() < FRESH);
        seen.insert(parts(output).0.to_owned(), (place.folder().to_owned(), Instant::now()));
    }
}

impl Way {
    /// Goes it; blocks.
    pub(super) fn go(self, output_dir: &Path) -> Result<Place, OutputError> {
        match self {
            Self::Known(place) => Ok(place),
            Self::Sought(output) => Place::prepare(output_dir, &output),
        }
    }
}

fn parts(output: &str) -> (&str, &str) {
    output.rsplit_once('/').unwrap_or(("", output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_folder_is_known_for_a_moment_and_no_other_one_with_it() {
        let room = Room::default();
        let place = |name: &str| Place::in_folder("/out/promo".into(), name.to_owned());
        room.learn("promo/en.mp4", &place("en.mp4"));
        assert_eq!(room.way("promo/fr.mp4"), Way::Known(place("fr.mp4")));
        for other in ["promo/dub/fr.mp4", "fr.mp4", "promo/..", "promo/"] {
            assert_eq!(room.way(other), Way::Sought(other.to_owned()));
        }
        tokio::time::advance(FRESH).await;
        assert_eq!(room.way("promo/fr.mp4"), Way::Sought("promo/fr.mp4".to_owned()));
    }
}
