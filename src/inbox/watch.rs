//! The watcher: it says that something changed, never what.
//!
//! A watched folder that is removed and made again stays silent, and events may overflow: that is
//! why the rescan is the truth, and the watch is renewed when the folder is another one.

use std::{path::Path, sync::Arc};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::warn;

/// Watches folders and rings when something in them changes.
pub(super) struct Watch {
    changed: Arc<Notify>,
    watcher: Option<(String, RecommendedWatcher)>,
    complained: bool,
}

impl Watch {
    pub(super) fn new(changed: Arc<Notify>) -> Self {
        Self { changed, watcher: None, complained: false }
    }

    /// Watches the folder at `root`, which is known by `folder_id`, and `others` beside it. Does
    /// nothing if it does so already.
    pub(super) fn keep(&mut self, root: &Path, folder_id: &str, others: &[&Path]) {
        if self.watcher.as_ref().is_some_and(|(watched, _)| watched == folder_id) {
            return;
        }
        let bell = Arc::clone(&self.changed);
        let begun = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading changes nothing; an error or an overflow may hide a change.
            if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_))) {
                bell.notify_one();
            }
        })
        .and_then(|mut watcher| {
            watcher.watch(root, RecursiveMode::Recursive)?;
            for other in others {
                // A media folder that cannot be watched is looked at with each rescan.
                let _unwatched = watcher.watch(other, RecursiveMode::Recursive);
            }
            Ok(watcher)
        });
        match begun {
            Ok(watcher) => {
                self.watcher = Some((folder_id.to_owned(), watcher));
                self.complained = false;
            }
            Err(error) => {
                self.watcher = None;
                if !self.complained {
                    warn!(
                        "{} cannot be watched ({error}): changes are seen at each \
                         watch.rescan_interval",
                        root.display()
                    );
                }
                self.complained = true;
            }
        }
    }
}
