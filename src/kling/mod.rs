//! The Kling lip-sync API: its JSON, authentication, the classes of its error codes, the client.
//!
//! Owns every byte that goes to the API or comes from it. It must not decide what happens next (no retries except the
//! two after a refused token), know jobs, or write files. It imports nothing of the other modules but the
//! removal of secrets from texts.

mod api;
mod bearer;
mod body;
mod client;
mod credential;
mod decimal;
mod error;
mod error_class;
mod fetch;
mod host_policy;
mod lookup;
pub mod offline;
mod proxy;
mod public_address;
mod refused_request;
mod reply;
mod request;
pub mod result_hosts;
mod setup;
mod transport;
mod upload;
mod wire;

use crate::redact;

pub use api::Api;
pub use client::Client;
pub use credential::Credential;
pub use error::ApiError;
pub use error_class::ErrorClass;
pub use fetch::Fetched;
pub use lookup::LookupStyle;
pub use proxy::Proxy;
pub use reply::{ApiAnswer, Reply};
pub use request::{AudioSource, CreateRequest, VideoRef};
pub use setup::{BuildError, ClientConfig};
pub use wire::{
    Created, Face, Identified, ParentVideo, RemoteTask, ResourcePack, ResultVideo, TaskStatus,
};

#[cfg(test)]
mod tests;
