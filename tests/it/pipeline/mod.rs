//! The pipeline with a real database, real HTTP and real files, against the simulator.

mod adopted;
mod again;
mod batch;
mod candidates;
mod caps;
mod codes;
mod crash;
mod denied;
mod downloads;
mod earlier;
mod holds;
mod lost;
mod nonsense;
mod odd_results;
mod order;
mod rate_limits;
mod resend;
mod sessions;
mod sharing;
mod takes;
mod time;
mod watermark;
mod wrong_task;
