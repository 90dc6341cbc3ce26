//! The watcher: it says that something changed, never what.
//!
//! A watched folder that is removed and made again stays silent, and events may overflow: that is
//! why the rescan is the truth, and the watch is renewed when the folder is another one.

use std::{fs, io, path::Path, sync::Arc};

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
            // ReadManifest changes nothing; an error or an overflow may hide a change.
            if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_))) {
                bell.notify_one();
            }
        })
        .and_then(|mut watcher| {
            watch_tree(&mut watcher, root)?;
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

/// Watches a folder with all in it. Where some folder below may not be looked into, the others are watched one
/// by one: nobody can keep the rest from being seen by closing one of them. What is new in the tree is then
/// seen with its folder, or at the next rescan.
fn watch_tree(watcher: &mut RecommendedWatcher, root: &Path) -> notify::Result<()> {
    let Err(error) = watcher.watch(root, RecursiveMode::Recursive) else { return Ok(()) };
    let is_denied = matches!(
        &error.kind,
        notify::ErrorKind::Io(error) if error.kind() == io::ErrorKind::PermissionDenied
    );
    if !is_denied {
        return Err(error);
    }
    watcher.watch(root, RecursiveMode::NonRecursive)?;
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            if watcher.watch(&entry.path(), RecursiveMode::NonRecursive).is_ok() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}
