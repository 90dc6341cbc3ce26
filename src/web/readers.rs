//! Connections for reading pages, apart from the daemon's own.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, oneshot},
    task::spawn_blocking,
    time::timeout,
};

use super::error::PageError;
use crate::store::Reader;

/// Pages read at once. More would only compete with the daemon for processor and disk.
const READERS_MAX: usize = 2;

/// A page that takes longer is given up, because the next one waits for its place.
const READ_MAX: Duration = Duration::from_secs(5);

/// A few connections that read one page each.
pub(super) struct Readers {
    database: PathBuf,
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Reader>>>,
}

impl Readers {
    pub(super) fn new(database: PathBuf) -> Self {
        let places = Arc::new(Semaphore::new(READERS_MAX));
        Self { database, places, idle: Arc::default() }
    }

    /// Reads on a thread that may block.
    pub(super) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<PageError> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let Ok(place) = place else { return Err(PageError::Busy.into()) };
        let (database, idle) = (self.database.clone(), Arc::clone(&self.idle));
        let (started, interrupter) = oneshot::channel();
        let mut reading = spawn_blocking(move || {
            let _place = place;
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = match known {
                Some(reader) => reader,
                None => Reader::open(&database).map_err(PageError::from)?,
            };
            // The caller may have gone.
            let _gone = started.send(reader.interrupter());
            let read = work(&reader);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            read
        });
        let read = match timeout(READ_MAX, &mut reading).await {
            Ok(read) => read,
            Err(_) => {
                if let Ok(interrupter) = interrupter.await {
                    interrupter.interrupt();
                }
                // What it returned by now is complete, and nobody waits for it any more.
                reading.await.map(|_late| Err(PageError::TooLong.into()))
            }
        };
        read.unwrap_or_else(|_| Err(PageError::Panicked.into()))
    }
}
