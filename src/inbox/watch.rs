//! Watches folders for file events. An event says that something changed, never what.
//!
//! Events can be lost: a folder that is removed and created again sends none, and the queue of events
//! can overflow. So the regular rescan decides, and the watch starts again when the folder is another one.

use std::{fs, io, path::Path, sync::Arc};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::warn;

pub(super) struct Watch {
    file_event: Arc<Notify>,
    watcher: Option<(String, RecommendedWatcher)>,
    is_reported: bool,
}

impl Watch {
    pub(super) fn new(file_event: Arc<Notify>) -> Self {
        Self { file_event, watcher: None, is_reported: false }
    }

    /// Watches the folder at `root`, identified by `folder_id`, and the media folders. Does nothing if they are
    /// watched already.
    pub(super) fn keep(&mut self, root: &Path, folder_id: &str, media_dirs: &[&Path]) {
        if self.watcher.as_ref().is_some_and(|(watched, _)| watched == folder_id) {
            return;
        }
        let file_event = Arc::clone(&self.file_event);
        let started = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // ReadManifest changes nothing; an error or an overflow may hide a change.
            if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_))) {
                file_event.notify_one();
            }
        })
        .and_then(|mut watcher| {
            watch_tree(&mut watcher, root)?;
            for folder in media_dirs {
                // The rescans check a media folder that cannot be watched.
                let _unwatched = watcher.watch(folder, RecursiveMode::Recursive);
            }
            Ok(watcher)
        });
        match started {
            Ok(watcher) => {
                self.watcher = Some((folder_id.to_owned(), watcher));
                self.is_reported = false;
            }
            Err(error) => {
                self.watcher = None;
                if !self.is_reported {
                    warn!(
                        "cannot watch {}: {error}; changes are noticed at each \
                         watch.rescan_interval",
                        root.display()
                    );
                }
                self.is_reported = true;
            }
        }
    }
}

/// Watches a folder with all its subfolders.
///
/// If one of them may not be read, the others are watched one by one: an unreadable folder must not hide events of
/// the rest. New subfolders are then noticed with their parent, or at the next rescan.
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
