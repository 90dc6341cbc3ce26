//! The folder, with the real binary: manifests are added, changed, moved and removed.

mod arrive;
mod conflict;
mod deliver;
mod edit;
mod errors;
mod failed_media;
mod leave;
mod lost_database;
mod media;
mod moved;
mod moved_early;
mod names;
mod once;
mod real_media;
mod settle;
mod unchanged;
mod unmounted;
mod unreadable;
