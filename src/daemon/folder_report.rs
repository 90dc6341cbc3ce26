//! Reports to the service manager whether the folder can be scanned.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;
use tracing::info;

use super::{service_manager::ServiceManager, status_line::one_line};

pub(super) struct FolderReport<'a> {
    manager: &'a ServiceManager,
    is_first: AtomicBool,
    first_scan: Notify,
    problem: Mutex<Option<String>>,
}

impl<'a> FolderReport<'a> {
    pub(super) fn new(manager: &'a ServiceManager) -> Self {
        Self {
            manager,
            is_first: AtomicBool::new(true),
            first_scan: Notify::new(),
            problem: Mutex::default(),
        }
    }

    /// A scan ended, or could not be done. The first complete scan makes the daemon ready.
    pub(super) fn scanned(&self, result: Result<(), &str>) {
        match result {
            Ok(()) if self.is_first.swap(false, Ordering::Relaxed) => {
                info!("the folder has been read");
                self.manager.ready();
                self.first_scan.notify_one();
            }
            Err(problem) if self.is_first.load(Ordering::Relaxed) => self.manager.status(problem),
            _ => {}
        }
        self.manager.set_stuck(result.is_err());
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) =
            result.err().map(str::to_owned);
    }

    pub(super) async fn first_scan(&self) {
        self.first_scan.notified().await;
    }

    /// Why the folder cannot be read, on one line.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).as_deref().map(one_line)
    }
}
