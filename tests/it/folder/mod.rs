//! The folder, with the real binary: what is dropped in, changed, moved and taken out.

mod ahead;
mod arrive;
mod away;
mod bad;
mod clash;
mod deliver;
mod edit;
mod forgotten;
mod leave;
mod media;
mod moved;
mod once;
mod same;
mod unreadable;
