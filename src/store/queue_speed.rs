//! How fast the queue is, and what limits it, in words.

use super::{QueueStatus, SpeedLimit};
use crate::job::State;

const MINUTE_MS: i64 = 60_000;

/// The states in which the daemon works on a job.
const IN_PROGRESS: [State; 6] = [
    State::Queued,
    State::Identified,
    State::Creating,
    State::Submitted,
    State::Processing,
    State::Downloading,
];

impl QueueStatus {
    /// Describes how fast jobs finish: `12 jobs finished per minute in the last 5 minutes`. None: it is unknown, or no job
    /// is in progress.
    pub fn rate_text(&self) -> Option<String> {
        let is_idle = self.finished.jobs == 0 && self.is_idle();
        let rate = self.finished.per_minute().filter(|_| !is_idle)?;
        let (rate, window) = (rounded(rate), window(self.finished.window_ms));
        let jobs = if rate == "1" { "job" } else { "jobs" };
        Some(format!("{rate} {jobs} finished per minute in the last {window}"))
    }

    /// Whether the daemon works on no job.
    pub fn is_idle(&self) -> bool {
        self.count(&IN_PROGRESS) == 0
    }

    /// Returns what limits how fast jobs finish, in words: `the 60 slots (limits.concurrency)`. None: nothing, or the queue
    /// is paused or held, or the API has a problem.
    pub fn limited_by(&self) -> Option<String> {
        let Self { speed_limits: limits, slots_limit: slots, .. } = self;
        match self.speed_limit()? {
            SpeedLimit::Slots if *slots < self.slots_configured => {
                Some(format!("the {slots} slots that the account allows"))
            }
            SpeedLimit::Slots => Some(format!("the {slots} slots (limits.concurrency)")),
            SpeedLimit::Api => Some("the rate limit of the API (code 1302)".to_owned()),
            SpeedLimit::Uploads => {
                Some("the uploads of local videos (upload.concurrency)".to_owned())
            }
            SpeedLimit::IdentifyRate => {
                limits.identify.as_ref().map(|limit| format!("the {limit}"))
            }
            SpeedLimit::CreateRate | SpeedLimit::QueryRate => {
                limits.create.as_ref().map(|limit| format!("the {limit}"))
            }
            SpeedLimit::Downloads => {
                limits.download.as_ref().map(|limit| format!("the downloads ({limit})"))
            }
        }
    }

    /// Returns what limits how fast jobs finish. What pauses or holds the queue counts more, and nothing limits the queue
    /// when no job is in progress.
    pub fn speed_limit(&self) -> Option<SpeedLimit> {
        let is_held = self.pause.is_some() || self.hold.is_some() || self.api_problem.is_some();
        self.speed_limits.queue.filter(|_| !is_held && !self.is_idle())
    }
}

/// Formats a rate with one digit after the point, or none if it is large.
fn rounded(rate: f64) -> String {
    let digits = usize::from(rate < 10.0);
    let text = format!("{rate:.digits$}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn window(window_ms: i64) -> String {
    match window_ms / MINUTE_MS {
        0 => format!("{} s", window_ms / 1_000),
        1 => "minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
