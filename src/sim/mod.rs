//! The simulator: Kling's lip-sync API by the rules of the vendor's page, for `demo`, `simulate` and
//! the tests.
//!
//! Written from the API's page alone and independently of the client, so that each finds the other's
//! mistakes. [`Sim`] is the account: plain state that is given time, chance and facts of media, so
//! that a simulation can call it on a clock of its own. [`SimServer`] puts it on a socket, reads media
//! and does faults on the wire. Nothing here is meant to be reached from elsewhere than this machine.
//!
//! The account: `token`, `pace`, `identify`, `create`, `query`, `notice`, `ledger`, over `session` and
//! `task`; what a request says: `body`, `create_request`, `place`, `facts`. The wire: `server`,
//! `routes`, `socket`, `damage`, `results`, `callbacks`. Faults: `faults`, `fault_json`.

mod answer;
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
mod ledger;
mod mp4;
mod notice;
mod pace;
mod place;
mod probe;
mod query;
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

pub use answer::{Answer, Refusal, http_status};
pub use config::SimConfig;
pub use create_request::CreateRequest;
pub use facts::{NoFiles, ReadMedia, SoundFacts, VideoFacts};
pub use fault_json::BadFault;
pub use faults::{Call, DueFault, Fault, FaultRule, RandomFaults};
pub use ledger::{CallCount, Ledger, LedgerEntry, PaidTwice, Repeat};
pub use notice::Callback;
pub use probe::Probe;
pub use rules::{ResultFile, Sim};
pub use server::SimServer;
pub use session::IdentifyRequest;
pub use task::TaskStatus;
pub use units::{NotUnits, Units};
