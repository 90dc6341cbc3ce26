//! Creates tasks at Kling, follows them, and fetches their results.
//!
//! `scheduler` decides which step of which task starts next, within `limits`. A step performs one
//! [`Action`](crate::job::Action) and records its [`Outcome`](crate::job::Outcome): `prepare` before the paid call,
//! `submit` for the paid call, `poll` while Kling works, `fetch` for the result. Every outcome is in the database
//! before anything acts on it, so dropping the pipeline at any moment loses nothing.

mod account_signal;
mod clock;
mod context;
mod fetch;
mod limits;
mod poll;
mod prepare;
mod scheduler;
mod settings;
mod step;
mod submit;

pub use crate::offload::Offload;
pub use clock::Clock;
pub use scheduler::{End, Heartbeat, Pipeline, Until};
pub use settings::{RateSettings, Settings};
