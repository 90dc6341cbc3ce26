//! lipsyncd takes lip-sync jobs from a folder of manifests to finished videos.
//!
//! One way through the test_env:
//!
//! folder → [`manifest`] → [`store`] → [`pipeline`] → [`kling`] → [`output`]
//!
//! Nothing flows back but events into the store. [`job`] is the pure core: what a job is, what to do
//! with it next, and what an outcome makes of it. [`media`] reads lengths and sizes of local audio and
//! video, [`inbox`] makes the store agree with the folder, [`sim`] is the simulator that `demo` and
//! the tests run against.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod failpoint;
pub mod inbox;
pub mod job;
pub mod kling;
pub mod manifest;
pub mod media;
pub mod metrics;
pub mod offload;
pub mod output;
pub mod pipeline;
pub mod sim;
pub mod store;
#[cfg(test)]
mod testing;
