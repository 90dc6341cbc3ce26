//! The web page: what the commands show and do, for a browser.
//!
//! Owns the listener of `web.listen`, sessions, and HTML. Pages are read by the queries of the commands, and actions call
//! the functions of the commands. It decides nothing about jobs, and may end without an effect on them.

mod actions;
mod address;
mod assets;
mod changes;
mod confirm;
mod error;
mod events;
mod failures;
mod format;
mod job;
mod jobs;
mod layout;
mod login;
mod manifests;
mod needs;
mod now;
mod overview;
mod player;
mod price;
mod queue;
mod readers;
mod router;
mod safety;
mod selection;
mod server;
mod sessions;
mod site;
mod source;
mod spend;
mod verb;

pub use server::{WebError, WebServer};
pub use site::WebSettings;
