//! The database that is asked when somebody reads the metrics.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Semaphore, time::timeout};

use super::{Metrics, standing, text};
use crate::store::{MetricsSnapshot, Store};

/// Whoever reads metrics waits no longer for the database.
const READ_MAX: Duration = Duration::from_secs(3);

/// Which database, while one is open.
pub(super) struct Slot {
    store: Mutex<Option<Arc<Store>>>,
    /// One question at a time: while the database cannot be read, they must not pile up.
    asking: Arc<Semaphore>,
}

/// The database is asked until this is dropped. It must go before whoever holds the store wants it
/// closed.
pub struct AttachedStore {
    metrics: Metrics,
    store: Arc<Store>,
}

impl Default for Slot {
    fn default() -> Self {
        Self { store: Mutex::default(), asking: Arc::new(Semaphore::new(1)) }
    }
}

impl Slot {
    fn store(&self) -> Option<Arc<Store>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What stands in the database, and whether it is in trouble. No handle of it is held while its
    /// answer is waited for.
    async fn ask(&self, now_ms: i64) -> (Option<MetricsSnapshot>, bool) {
        let asked = async {
            // It is never closed.
            let turn = Arc::clone(&self.asking).acquire_owned().await.ok()?;
            let measured = self.store()?.metrics_snapshot(now_ms);
            let answer = tokio::spawn(async move {
                let measured = measured.await;
                drop(turn);
                measured
            });
            answer.await.ok()?.ok()
        };
        let measured = timeout(READ_MAX, asked).await.ok().flatten();
        let has_problem = self.store().is_none_or(|store| store.problem().is_some());
        let has_problem = has_problem || measured.is_none();
        (measured, has_problem)
    }
}

impl Metrics {
    /// Has `store` asked whenever the metrics are read.
    #[must_use]
    pub fn attach(&self, store: &Store) -> AttachedStore {
        let store = Arc::new(store.clone());
        *self.0.watched.store.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::clone(&store));
        AttachedStore { metrics: self.clone(), store }
    }

    /// All metrics as they are at `now_ms` (Unix time), in the text format.
    pub(super) async fn read(&self, now_ms: i64) -> Result<String, std::fmt::Error> {
        let (measured, has_problem) = self.0.watched.ask(now_ms).await;
        let mut page = text::Page::default();
        standing::print_problem(&mut page, has_problem);
        if let Some(measured) = measured {
            standing::tell(&mut page, &measured, now_ms);
        }
        self.0.folder.tell(&mut page, now_ms);
        let mut written = String::new();
        text::write(&self.0.registry, &mut written)?;
        page.write(&mut written)?;
        Ok(written)
    }
}

impl Drop for AttachedStore {
    fn drop(&mut self) {
        let mut watched =
            self.metrics.0.watched.store.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.as_ref().is_some_and(|store| Arc::ptr_eq(store, &self.store)) {
            *watched = None;
        }
    }
}
