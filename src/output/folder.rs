//! Syncs folders, so that names survive a power failure.
//!
//! One sync of a folder serves all callers that asked before it began: many results arrive at once.

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

/// The callers that want a folder synced.
#[derive(Default)]
struct SyncRequests {
    /// How many callers asked.
    asked: AtomicU64,
    /// How many of them are served. Locked by the caller that syncs.
    served: Mutex<u64>,
}

/// Folders that a caller wants synced right now.
static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Arc<SyncRequests>>>> =
    LazyLock::new(Mutex::default);

/// Syncs the names in a folder. Does nothing where the file system cannot sync folders.
pub(super) fn sync_folder(folder: &Path) -> Result<(), OutputError> {
    let turns = Arc::clone(folders().entry(folder.to_owned()).or_default());
    let mine = turns.asked.fetch_add(1, Ordering::SeqCst) + 1;
    let synced = sync_in_turn(folder, &turns, mine);
    drop(turns);
    // The last caller removes the entry.
    folders().retain(|known, turns| known != folder || Arc::strong_count(turns) > 1);
    synced
}

fn sync_in_turn(folder: &Path, turns: &SyncRequests, mine: u64) -> Result<(), OutputError> {
    let mut served = turns.served.lock().unwrap_or_else(PoisonError::into_inner);
    if *served >= mine {
        return Ok(());
    }
    let asked = turns.asked.load(Ordering::SeqCst);
    failpoint::before("folder.sync");
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        // After a failure, each waiting caller tries again.
        synced => synced.map_err(OutputError::at(folder))?,
    }
    failpoint::after("folder.sync");
    *served = asked;
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
        let turns = SyncRequests::default();
        turns.asked.store(5, Ordering::SeqCst);
        sync_in_turn(folder.path(), &turns, 2).unwrap();
        // The folder does not exist any more: a caller that is served must not open it.
        let gone = folder.path().join("gone");
        sync_in_turn(&gone, &turns, 5).unwrap();
        assert!(sync_in_turn(&gone, &turns, 6).is_err());
        assert_eq!(*turns.served.lock().unwrap(), 5, "a failed sync serves no caller");
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
