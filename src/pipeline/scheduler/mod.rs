//! The scheduler: decides which step starts next, and applies what each step reports.
//!
//! ```text
//! run ─ turn ─► prefetch (from the database) ─► dispatch ─► steps
//!  ▲                                                          │
//!  └── events ◄───────────────────────────────────────────────┘
//!        ├► requeue: the task's next action
//!        └► account.observe(signal) ─► effects
//! ```

mod account;
mod deliveries;
mod dispatch;
mod dispatch_paid;
mod effects;
mod events;
mod lookup_schedule;
mod pipeline;
mod polling;
mod prefetch;
mod ready_queues;
mod run;
mod saved_speed;
mod speed;
mod steps;
mod uploads;

pub use pipeline::Pipeline;
pub use run::{End, Heartbeat, Until};

use account::{AccountState, Effect, Now};
use deliveries::{DOWNLOADS_AHEAD, Deliveries};
use lookup_schedule::LookupSchedule;
use polling::{PollPlan, Polling};
use prefetch::{Memory, Prefetch};
use ready_queues::{ReadyQueues, SharedVideos, comes_before};
use saved_speed::SavedSpeed;
use steps::{EndedStep, StepEvent, StepKind, Steps};
