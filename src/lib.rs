//! lipsyncd takes lip-sync jobs from a folder of manifests to finished videos.
//!
//! The path of a job:
//!
//! folder → [`manifest`] → [`store`] → [`pipeline`] → [`kling`] → [`output`]
//!
//! Only events flow back, into the store. [`job`] is the pure core: it defines jobs and tasks, decides the next step,
//! and applies outcomes. [`media`] reads length and size of local audio and video, [`inbox`] makes the store agree
//! with the folder, [`mod@notify`] reports what happened, and [`sim`] is the simulator for `demo` and the tests.

pub mod actions;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod failpoint;
mod http_server;
pub mod inbox;
pub mod job;
pub mod kling;
mod loopback;
pub mod manifest;
pub mod media;
mod memory;
pub mod metrics;
pub mod notify;
pub mod offload;
pub mod output;
pub mod pipeline;
mod redact;
pub mod sim;
pub mod store;
#[cfg(test)]
mod testing;
pub mod upload;
pub mod video_server;
pub mod web;
