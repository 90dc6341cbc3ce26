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
mod poll_result;
mod prepare;
mod scheduler;
mod settings;
mod step;
mod submit;

pub use crate::offload::Offload;
pub use clock::Clock;
pub use scheduler::{End, Heartbeat, Pipeline, Until};
pub use settings::{RateSettings, Settings};

use account_signal::AccountSignal;

use context::{POLLS_PER_REST, StepContext, history_answer, query_rest_max};
use fetch::fetch_error::{FetchError, on_disk, to_transient_error};
use fetch::target::lead_files;
use limits::budget::{Budget, BudgetChange};
pub(crate) use limits::monitored_api::MonitoredApi;
use limits::pause_gate::{PaidCallPermit, PaidCalls, PauseGate, PendingProbe};
use limits::poll_interval::{PollInterval, TaskAge};
use limits::rate::{CallKind, CallRate, Rest, Throttling};
use limits::slots::Slots;
use limits::upload_gate::UploadGate;
use poll_result::{PollResult, PollTarget, PolledTask};
use prepare::identify::{Identify, identify};
use prepare::local_media::{check_video, load_audio, object_of, video_key, video_ref};
use prepare::output_check::{Obstacle, check_output, output_taken};
use prepare::upload::{UploadEnd, UploadStep, upload};
use step::{StepEnd, outcome_of, permanent_error, transient_error};
use submit::lookup::{Lookup, by_name};
use submit::unresolved::LookupSummary;
