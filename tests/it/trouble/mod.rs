//! Local trouble, with the real binary: disks, locks, signals, and what a process may run out of.

mod database;
mod exhausted;
mod mount;
mod output;
mod second;
mod signals;
