//! The simulator: Kling's lip-sync API by the rules of the vendor's page, for `demo`, `simulate` and
//! the tests.
//!
//! Written from the API's page alone and independently of the client, so that each finds the other's
//! mistakes. [`Sim`] is the account: plain state that is given time, chance and facts of media, so
//! that a simulation can call it on a clock of its own. [`SimServer`] puts it on a socket, reads media
//! and does faults on the wire. Nothing here is meant to be reached from elsewhere than this machine.
//!
//! The account: `account`, `token`, `pace`, `identify`, `create`, `query`, `lookups`, `notice`, `ledger`, over `session`,
//! `task` and `result_file`; what a request says: `body`, `identify_request`, `create_request`,
//! `place`, `facts`. The wire: `server`, `routes`, `asked`, `socket`, `inject`, `late`, `results`, `callbacks`.
//! Faults: `faults`, `random_faults`, `fault_json`.

mod account;
mod body;
mod callbacks;
mod config;
mod connection;
mod create;
mod create_request;
mod delayed;
mod due_callback;
mod duplicate_name;
mod fault_json;
mod faults;
mod identify;
mod identify_request;
mod inject;
mod ledger;
mod lookups;
mod media_facts;
mod media_folder;
mod mp4;
mod query;
mod random;
mod random_faults;
mod rate_window;
mod received;
mod response;
mod result_file;
mod routes;
mod rules;
mod send_result;
mod server;
mod session;
mod task;
#[cfg(test)]
mod tests;
mod token;
mod units;
mod url_target;

pub use account::{AccountNumber, ApiCredential, ApiKey};
pub use config::SimConfig;
pub use create_request::SimCreateRequest;
pub use delayed::ClientSees;
pub use due_callback::Callback;
pub use duplicate_name::DuplicateNameError;
pub use fault_json::FaultError;
pub use faults::{DueFault, Endpoint, Fault, FaultRule};
pub use identify_request::SimIdentifyRequest;
pub use ledger::{EndpointCount, Ledger, LedgerEntry, PaidTwice, Repeated};
pub use lookups::{Lags, LookupStyles, UnknownTask};
pub use media_facts::{NoFiles, ReadMedia, SimAudioFacts, SimVideoFacts};
pub use media_folder::MediaReader;
pub use random_faults::RandomFaults;
pub use response::{Refusal, SimResponse, http_status};
pub use result_file::ResultFile;
pub use rules::Sim;
pub use server::SimServer;
pub use task::SimTaskStatus;
pub use units::{InvalidUnits, SimUnits};
