//! Syncs folders, so that names survive a power failure.
//!
//! One sync of a folder serves all requests that were made before it began, because many results arrive at once.

use std::{
    collections::HashMap,
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::error::OutputError;
use crate::failpoint;

/// The requests to sync one folder.
#[derive(Default)]
struct SyncRequests {
    /// How many callers requested a sync.
    requested: AtomicU64,
    /// How many of them have been served. Locked by the caller that syncs.
    served: Mutex<u64>,
}

/// Folders with requests.
static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Arc<SyncRequests>>>> =
    LazyLock::new(Mutex::default);

/// Syncs the names in a folder. Does nothing where the file system cannot sync folders.
pub(super) fn sync_folder(folder: &Path) -> Result<(), OutputError> {
    let requests = Arc::clone(folders().entry(folder.to_owned()).or_default());
    let mine = requests.requested.fetch_add(1, Ordering::SeqCst) + 1;
    let synced = sync_for(folder, &requests, mine);
    drop(requests);
    // The last caller removes the entry.
    folders().retain(|known, requests| known != folder || Arc::strong_count(requests) > 1);
    synced
}

fn sync_for(folder: &Path, requests: &SyncRequests, mine: u64) -> Result<(), OutputError> {
    let mut served = requests.served.lock().unwrap_or_else(PoisonError::into_inner);
    if *served >= mine {
        return Ok(());
    }
    let requested = requests.requested.load(Ordering::SeqCst);
    failpoint::before("folder.sync");
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        // After a failure, each waiting caller tries again.
        synced => synced.map_err(OutputError::at(folder))?,
    }
    failpoint::after("folder.sync");
    *served = requested;
    Ok(())
}

fn folders() -> std::sync::MutexGuard<'static, HashMap<PathBuf, Arc<SyncRequests>>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_serves_all_callers_that_asked_before_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let requests = SyncRequests::default();
        requests.requested.store(5, Ordering::SeqCst);
        sync_for(folder.path(), &requests, 2).unwrap();
        // The folder does not exist any more: a caller that is served must not open it.
        let gone = folder.path().join("gone");
        sync_for(&gone, &requests, 5).unwrap();
        assert!(sync_for(&gone, &requests, 6).is_err());
        assert_eq!(*requests.served.lock().unwrap(), 5, "a failed sync serves no caller");
    }

    #[test]
    fn no_entry_is_left_when_no_caller_syncs_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| sync_folder(folder.path()).unwrap());
            }
        });
        assert!(!folders().contains_key(folder.path()));
    }
}
