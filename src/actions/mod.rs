//! What people do to jobs: by commands, and on the web page. A [`JobAction`] decides about one job at a time; a [`ActionPlan`]
//! says how many jobs it would change and what that costs; [`carry_out()`] changes all selected jobs.
//!
//! Nothing here prints, and nothing depends on how many jobs there are, except for a few bytes per job of a plan.

mod cancel;
mod carry_out;
mod decision;
mod dismiss;
mod format;
mod plan;
mod price;
mod retry;
mod selection;
mod sentence_times;
mod time_left;
mod when;

pub use carry_out::{ActionProgress, Changed, Updater, carry_out};
pub use decision::{Decision, JobAction, NotChanged, Payment, command_for, refused};
pub use format::{counted, units, units_number};
pub use plan::{ActionPlan, RefusedJob};
pub use price::{PriceReport, PriceSum, video_key};
pub use selection::{SucceededNotNamed, to_cancel, to_dismiss, to_retry};
pub use sentence_times::with_times;
pub use time_left::{CapPace, TimeLeft};
pub use when::{DAY_MS, When};
