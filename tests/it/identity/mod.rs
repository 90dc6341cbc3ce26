//! One request, one payment: whatever people and programs do to the folder, the account pays once per
//! request and take.
//!
//! The scenarios use the real binary, manifests, commands, the views of the state database, the output
//! folder and the simulator's ledger. They know nothing of tables or of types of the store.

mod copies;
mod delivery;
mod edits;
mod env;
mod fresh;
mod links;
mod lost;
mod moves;
mod names;
mod paid;
mod programs;
mod replaced;
mod results;
mod retry_failed;
mod samples;
mod sharing;
mod sync;
mod takes;
