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
mod poll_events;
mod polling;
mod prefetch;
mod ready_queues;
mod requeue;
mod run;
mod shared_identify;
mod steps;

pub use pipeline::Pipeline;
pub use run::{End, Heartbeat, Until};
