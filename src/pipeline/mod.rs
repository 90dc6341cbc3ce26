//! The scheduler and its steps: each [`Action`](crate::job::Action) performed, each
//! [`Outcome`](crate::job::Outcome) written down.
//!
//! Only here do the API and the output folder meet. `schedule` decides when a step may start (slots,
//! pace, pause, budget); one file per step does it: `identify`, `audio`, `sweep`, `download`, and for the
//! paid step the folder `submit`. Every step writes what came of it to the store before anybody acts on it,
//! so that dropping the whole pipeline at any moment loses nothing.

mod budget;
mod cadence;
mod clock;
mod context;
mod copy;
mod deliver;
mod download;
mod heed;
mod identify;
mod in_the_way;
mod line;
mod local;
mod measure_audio;
mod metadata;
mod pace;
mod pour;
mod publish;
mod reach;
mod react;
mod result_query;
mod room;
mod running;
mod schedule;
mod settings;
mod shelf;
mod slots;
mod start;
mod step;
mod stop;
mod submit;
mod sweep;
mod target;
mod window;

pub use crate::offload::Offload;
pub use clock::Clock;
pub use schedule::{End, Pipeline, Pulse, Until};
pub use settings::{PaceSettings, Settings};
