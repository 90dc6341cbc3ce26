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
//! `place`, `facts`. The wire: `server`, `routes`, `asked`, `socket`, `damage`, `late`, `results`, `callbacks`.
//! Faults: `faults`, `random_faults`, `fault_json`.

mod account;
mod answer;
mod asked;
mod body;
mod callbacks;
mod chance;
mod config;
mod create;
mod create_request;
mod damage;
mod facts;
mod fault_json;
mod faults;
mod identify;
mod identify_request;
mod known_name;
mod late;
mod ledger;
mod lookups;
mod mp4;
mod notice;
mod pace;
mod place;
mod probe;
mod query;
mod random_faults;
mod result_file;
mod results;
mod routes;
mod rules;
mod server;
mod session;
mod socket;
mod task;
#[cfg(test)]
mod tests;
mod token;
mod units;

pub use account::{AccountNumber, ApiCredential, ApiKey};
pub use answer::{Answer, Refusal, http_status};
pub use config::SimConfig;
pub use create_request::CreateRequest;
pub use facts::{AudioFacts, NoFiles, ReadMedia, VideoFacts};
pub use fault_json::BadFault;
pub use faults::{Call, DueFault, Fault, FaultRule};
pub use identify_request::IdentifyRequest;
pub use known_name::KnownName;
pub use late::ClientSees;
pub use ledger::{CallCount, Ledger, LedgerEntry, PaidTwice, Repeat};
pub use lookups::{Lags, Spellings, UnknownTask};
pub use notice::Callback;
pub use probe::Probe;
pub use random_faults::RandomFaults;
pub use result_file::ResultFile;
pub use rules::Sim;
pub use server::SimServer;
pub use task::TaskStatus;
pub use units::{NotUnits, Units};
