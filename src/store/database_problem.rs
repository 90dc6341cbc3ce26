//! Why the database cannot be used at the moment: the disk is full, or another process has locked it.
//!
//! Logs the begin and the end of a problem. The worker decides what is tried again, and when.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::StoreError;

/// The problem of one connection. The worker and its callers share it.
#[derive(Debug, Default)]
pub(super) struct DatabaseProblem {
    message: Mutex<Option<String>>,
    tries: AtomicU64,
}

impl DatabaseProblem {
    /// Records that the database could not be `done` (read, or written).
    pub(super) fn begin(&self, error: &StoreError, done: &str) {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let message = error.to_string();
        let known = self.replace(Some(message.clone()));
        if known.is_none() {
            tracing::warn!("{message}; waiting until the database can be {done}");
        }
    }

    pub(super) fn end(&self, done: &str) {
        if self.replace(None).is_some() {
            tracing::info!("the state database can be {done} again");
        }
    }

    pub(super) fn message(&self) -> Option<String> {
        self.message.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn tries(&self) -> u64 {
        self.tries.load(Ordering::Relaxed)
    }

    fn replace(&self, message: Option<String>) -> Option<String> {
        let mut known = self.message.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut known, message)
    }
}
