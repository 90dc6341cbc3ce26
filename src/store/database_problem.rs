//! Why the database cannot be used at the moment: the disk is full, or others hold it.
//!
//! Told when it begins and when it ends. What is tried again, and when, is the worker's.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::StoreError;

/// Shared by a worker and whoever asks after it.
#[derive(Debug, Default)]
pub(super) struct DatabaseProblem {
    words: Mutex<Option<String>>,
    tries: AtomicU64,
}

impl DatabaseProblem {
    /// The database could not be `done` (read, or written).
    pub(super) fn begin(&self, error: &StoreError, done: &str) {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let words = error.to_string();
        let known = self.replace(Some(words.clone()));
        if known.is_none() {
            tracing::warn!("{words}; waiting until it can be {done}");
        }
    }

    /// It could.
    pub(super) fn end(&self, done: &str) {
        if self.replace(None).is_some() {
            tracing::info!("the state database can be {done} again");
        }
    }

    /// What is wrong, if something is.
    pub(super) fn words(&self) -> Option<String> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often something was tried in vain so far.
    pub(super) fn tries(&self) -> u64 {
        self.tries.load(Ordering::Relaxed)
    }

    fn replace(&self, words: Option<String>) -> Option<String> {
        let mut known = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut known, words)
    }
}
