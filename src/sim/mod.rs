//! The simulator: Kling's lip-sync API by the rules of the vendor's page, for `demo`, `simulate` and the tests.
//!
//! Written from the API's page alone and independently of the client, so that each finds the other's mistakes. [`Sim`]
//! is the account: plain state that gets time, random numbers and facts about media as arguments, so that a simulation
//! can call it with a clock of its own. [`SimServer`] serves it over HTTP, reads media and injects faults into
//! responses. It is meant for this machine only.

mod account;
mod account_ledger;
mod billing;
mod body;
mod callbacks;
mod config;
mod connection;
mod create;
mod create_request;
mod delayed;
mod fault_json;
mod fault_rules;
mod faults;
mod identify;
mod inject;
mod ledger;
mod linked_video;
mod lookup_settings;
mod media_facts;
mod media_folder;
mod mp4;
mod odd_answers;
mod query;
mod random;
mod received;
mod resource_packs;
mod response;
mod result_file;
mod routes;
mod rules;
mod send_result;
mod server;
mod session;
mod shared;
mod task;
#[cfg(test)]
mod tests;
mod token;
mod units;
mod url_target;

pub use account::{AccountNumber, ApiKey};
pub use billing::{BilledLength, Payment};
pub use config::{ShownPacks, SimConfig};
pub use fault_json::FaultError;
pub use fault_rules::{FaultRule, RandomFaults};
pub use faults::{ClientSees, DueFault, Endpoint, Fault};
pub use ledger::{EndpointCount, Ledger, LedgerEntry, PaidTwice, Repeated};
pub use lookup_settings::{DuplicateNameError, Lags, LookupStyles, UnknownTask};
pub use media_facts::{NoFiles, ReadMedia, SimAudioFacts, SimVideoFacts};
pub use media_folder::MediaReader;
pub use odd_answers::{OddAnswers, SessionGoneError};
pub use response::{Refusal, SimResponse, http_status};
pub use result_file::ResultFile;
pub use rules::Sim;
pub use server::SimServer;
pub use task::SimTaskStatus;
pub use units::{InvalidUnits, SimUnits};
