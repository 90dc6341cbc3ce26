//! What goes on beside the work: noticing what commands changed, and telling how far it is.
//!
//! Neither decides anything; the work goes on without them.

use std::{
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use super::{
    resources::Resources,
    service_manager::ServiceManager,
    status_line::{one_line, summary},
};
use crate::store::{JobChange, Store, StoreError};

/// How often it is looked whether a command changed the database.
const CHANGES_EVERY: Duration = Duration::from_millis(500);
/// How often the line of status is made anew.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// Rings when another process changed the database; returns only when that cannot be told.
pub(super) async fn watch_changes(
    store: Store,
    look: Arc<Notify>,
    nudge: Arc<Notify>,
) -> StoreError {
    let mut before = None;
    loop {
        let found = match store.changes_by_others(before).await {
            Ok(found) => found,
            Err(error) => return error,
        };
        found.by_people.iter().for_each(JobChange::log);
        if found.changed {
            look.notify_one();
            nudge.notify_one();
        }
        before = Some(found.mark);
        sleep(CHANGES_EVERY).await;
    }
}

/// Keeps the service manager's line of status true, once `ready` was rung; `unread` says why the folder
/// cannot be read, if so. Returns only when the database fails for good.
pub(super) async fn report_status(
    base: &Resources,
    manager: &ServiceManager,
    ready: &Notify,
    unread: &Mutex<Option<String>>,
) -> Result<Infallible, StoreError> {
    if !manager.listens() {
        return pending().await;
    }
    ready.notified().await;
    loop {
        let standing = base.store.queue_status(base.clock.now_ms()).await?;
        // While it cannot be written, that is what is told.
        if base.store.problem().is_none() {
            let unread = unread.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let unread = unread.map(|why| format!("{}; ", one_line(&why)));
            manager.status(&(unread.unwrap_or_default() + &summary(&standing)));
        }
        sleep(STATUS_EVERY).await;
    }
}
