//! One writer at a time for the metadata of a place: they are read, changed and replaced.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::paths::OutputPaths;

/// More than threads that write at once, so that two places rarely share one.
const LOCKS: usize = 1_024;
static PLACES: [Mutex<()>; LOCKS] = [const { Mutex::new(()) }; LOCKS];

/// Waits until no other thread writes at the place.
pub(super) fn lock(paths: &OutputPaths) -> MutexGuard<'static, ()> {
    let mut hasher = DefaultHasher::new();
    paths.metadata().hash(&mut hasher);
    let at = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default();
    PLACES[at].lock().unwrap_or_else(PoisonError::into_inner)
}
