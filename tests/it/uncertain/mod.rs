//! Before and after a create request, with the real binary: whatever becomes of the one call that costs money, it
//! is found out or put before a person. Nothing is paid twice, no paid result is lost, and every wait has a true
//! reason.
//!
//! Where a mistake could pay twice, the simulated API accepts a second task of a known name.

mod account;
mod backup;
mod base_url;
mod doctor;
mod empty;
mod env;
mod hosts;
mod lag;
mod late;
mod lost_database;
mod name_taken;
mod own_name;
mod pause;
mod resolve;
mod too_large;
mod unresolved;
