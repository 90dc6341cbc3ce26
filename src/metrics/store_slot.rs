//! The database that is read for each scrape.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::timeout;

use crate::store::{MetricsSnapshot, Store};

/// A scrape waits no longer for the database.
const READ_LIMIT: Duration = Duration::from_secs(3);

/// The open database, if one is open.
#[derive(Default)]
pub(super) struct StoreSlot {
    store: Mutex<Option<Arc<Store>>>,
    /// One read at a time: while the database cannot be read, reads must not pile up.
    reading: Arc<tokio::sync::Mutex<()>>,
}

/// The database is read until this is dropped. Drop it before the store is closed.
pub struct AttachedStore {
    slot: Arc<StoreSlot>,
    store: Arc<Store>,
}

impl StoreSlot {
    /// Reads the values from the database, and whether it has a problem.
    pub(super) async fn measure(&self, now_ms: i64) -> (Option<MetricsSnapshot>, bool) {
        let read = async {
            let turn = Arc::clone(&self.reading).lock_owned().await;
            // Only the query itself holds a handle of the store, so that the store can be closed during it.
            let measured = self.store().clone()?.metrics_snapshot(now_ms);
            let answer = tokio::spawn(async move {
                let measured = measured.await;
                drop(turn);
                measured
            });
            answer.await.ok()?.ok()
        };
        let measured = timeout(READ_LIMIT, read).await.ok().flatten();
        let has_problem = self.store().as_ref().is_none_or(|store| store.problem().is_some());
        let has_problem = has_problem || measured.is_none();
        (measured, has_problem)
    }

    fn store(&self) -> MutexGuard<'_, Option<Arc<Store>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AttachedStore {
    pub(super) fn new(slot: &Arc<StoreSlot>, store: &Store) -> Self {
        let store = Arc::new(store.clone());
        *slot.store() = Some(Arc::clone(&store));
        Self { slot: Arc::clone(slot), store }
    }
}

impl Drop for AttachedStore {
    fn drop(&mut self) {
        let mut attached = self.slot.store();
        if attached.as_ref().is_some_and(|store| Arc::ptr_eq(store, &self.store)) {
            *attached = None;
        }
    }
}
