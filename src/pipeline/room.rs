//! Which folders of results took a file a moment ago: they need not be tried again for the next job.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// For so long a folder that took a file counts as one that takes another. A disk fills up later, too:
/// what does not fit then is waited out.
const FRESH: Duration = Duration::from_millis(100);

/// When each folder was last seen to take a file.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<HashMap<String, Instant>>);

impl Room {
    /// Whether the folder of `output`, a path under the output folder, took a file a moment ago.
    pub(super) fn is_known(&self, output: &str) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(folder(output)).is_some_and(|at| at.elapsed() < FRESH)
    }

    /// The folder of `output` took a file.
    pub(super) fn learn(&self, output: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, at| at.elapsed() < FRESH);
        seen.insert(folder(output).to_owned(), Instant::now());
    }
}

fn folder(output: &str) -> &str {
    output.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_folder_is_known_for_a_moment_and_no_other_one_with_it() {
        let room = Room::default();
        room.learn("promo/en.mp4");
        assert!(room.is_known("promo/fr.mp4"));
        assert!(!room.is_known("promo/dub/fr.mp4") && !room.is_known("fr.mp4"));
        tokio::time::advance(FRESH).await;
        assert!(!room.is_known("promo/fr.mp4"));
    }
}
