//! Names in a folder that last through a loss of power.
//!
//! One sync of a folder serves all who asked for it before it began: many results arrive at once.

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

/// Who wants a folder synced, and how far that has come.
#[derive(Default)]
struct Turns {
    /// How many asked.
    asked: AtomicU64,
    /// So many of them are served. Held by the one that syncs.
    served: Mutex<u64>,
}

/// Folders that somebody wants synced right now.
static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Arc<Turns>>>> = LazyLock::new(Mutex::default);

/// Makes names in a folder last through a loss of power. File systems that cannot sync folders need not.
pub(super) fn sync_folder(folder: &Path) -> Result<(), OutputError> {
    let turns = Arc::clone(folders().entry(folder.to_owned()).or_default());
    let mine = turns.asked.fetch_add(1, Ordering::SeqCst) + 1;
    let synced = sync_in_turn(folder, &turns, mine);
    drop(turns);
    // Whoever is last takes the entry away.
    folders().retain(|known, turns| known != folder || Arc::strong_count(turns) > 1);
    synced
}

fn sync_in_turn(folder: &Path, turns: &Turns, mine: u64) -> Result<(), OutputError> {
    let mut served = turns.served.lock().unwrap_or_else(PoisonError::into_inner);
    if *served >= mine {
        return Ok(());
    }
    let asked = turns.asked.load(Ordering::SeqCst);
    failpoint::before("folder.sync");
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        // The others, who wait, each try it for themselves.
        synced => synced.map_err(OutputError::at(folder))?,
    }
    failpoint::after("folder.sync");
    *served = asked;
    Ok(())
}

fn folders() -> std::sync::MutexGuard<'static, HashMap<PathBuf, Arc<Turns>>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_before_a_sync_began_is_served_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let turns = Turns::default();
        turns.asked.store(5, Ordering::SeqCst);
        sync_in_turn(folder.path(), &turns, 2).unwrap();
        // Nobody has to look at a folder that is gone.
        let gone = folder.path().join("gone");
        sync_in_turn(&gone, &turns, 5).unwrap();
        assert!(sync_in_turn(&gone, &turns, 6).is_err());
        assert_eq!(*turns.served.lock().unwrap(), 5, "a sync that failed has served nobody");
    }

    #[test]
    fn nothing_is_kept_of_a_folder_that_nobody_syncs() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| sync_folder(folder.path()).unwrap());
            }
        });
        assert!(!folders().contains_key(folder.path()));
    }
}
