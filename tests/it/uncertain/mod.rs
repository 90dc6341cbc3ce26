//! Before and after a create request, with the real binary: the outcome of the paid call is found or left to a person.
//! Nothing is paid twice, no paid result is lost, and every waiting job has a true reason.
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
