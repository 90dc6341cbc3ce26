//! Notices changes of the database while somebody watches.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::sleep,
};

use super::{error::PageError, readers::Readers};

/// How often the database is asked while somebody watches. A page is not read again more often.
const CHANGES_EVERY: Duration = Duration::from_secs(1);
/// Streams at once. Other connections are for pages.
const STREAMS_MAX: usize = 64;

/// Counts the changes of the database while somebody watches.
pub(super) struct Changes {
    count: watch::Sender<u64>,
    watched: Notify,
    places: Arc<Semaphore>,
}

/// A browser that watches.
pub(super) struct Watching {
    count: watch::Receiver<u64>,
    _place: OwnedSemaphorePermit,
}

impl Changes {
    pub(super) fn new() -> Self {
        let places = Arc::new(Semaphore::new(STREAMS_MAX));
        Self { count: watch::Sender::new(0), watched: Notify::new(), places }
    }

    /// Watches the database until it is dropped.
    pub(super) async fn run(&self, readers: Readers) -> Infallible {
        let mut before = None;
        loop {
            if self.count.receiver_count() == 0 {
                before = None;
                self.watched.notified().await;
            }
            // While the database cannot be read, nothing new can be shown.
            let version = readers.read(|reader| Ok::<_, PageError>(reader.version()?)).await.ok();
            if version.is_some() && before.is_some() && version != before {
                self.count.send_modify(|count| *count += 1);
            }
            before = version.or(before);
            sleep(CHANGES_EVERY).await;
        }
    }

    /// Watches for changes; none: too many watch.
    pub(super) fn watch(&self) -> Option<Watching> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let count = self.count.subscribe();
        self.watched.notify_one();
        Some(Watching { count, _place: place })
    }
}

impl Watching {
    /// Waits for the next change, and returns how many there were; none: the server ends.
    pub(super) async fn next(&mut self) -> Option<u64> {
        self.count.changed().await.ok()?;
        Some(*self.count.borrow_and_update())
    }
}
