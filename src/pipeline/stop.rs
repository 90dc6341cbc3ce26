//! Why the fetching of a result, or a look at its place, stopped, and how that is told.

use super::{Settings, step::trouble};
use crate::{
    job::{Task, outcome::TransientError},
    kling::{ApiError, ErrorClass},
    output::OutputError,
};

/// Why it stopped.
pub(super) enum Stop {
    Api(ApiError),
    Output(OutputError),
    /// The server of the result has no such file.
    NotThere(ApiError),
    /// The API keeps it no longer.
    Gone {
        made_at_ms: i64,
    },
    Other {
        code: &'static str,
        message: String,
    },
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<OutputError> for Stop {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

/// The failure in one sentence, with what to do where the user can do something.
pub(super) fn told(task: &Task, stop: Stop) -> TransientError {
    let (code, message, retry_after_ms) = match stop {
        Stop::Api(error) if error.class == ErrorClass::NotFound => (
            "task_gone".to_owned(),
            format!(
                "the API no longer knows task {}: {error}",
                task.task_id.as_deref().unwrap_or("?")
            ),
            None,
        ),
        Stop::Gone { made_at_ms } => ("result_expired".to_owned(), gone(task, made_at_ms), None),
        Stop::Api(error) | Stop::NotThere(error) => {
            let trouble = trouble(&error);
            (trouble.code, trouble.message, trouble.retry_after_ms)
        }
        Stop::Output(error @ OutputError::Foreign(_)) => (
            error.code().to_owned(),
            format!("{error}: move it away, and the result takes its place"),
            None,
        ),
        Stop::Output(error) => (error.code().to_owned(), error.to_string(), None),
        Stop::Other { code, message } => (code.to_owned(), message, None),
    };
    TransientError { code, message, retry_after_ms }
}

fn gone(task: &Task, made_at_ms: i64) -> String {
    let made_at = jiff::Timestamp::from_millisecond(made_at_ms).map(|at| at.to_string());
    format!(
        "its result is not kept any more: task {} was made at {}, and the API keeps results for 30 days. \
         To pay for another, type `lipsyncd retry {}`",
        task.task_id.as_deref().unwrap_or("?"),
        made_at.unwrap_or_default(),
        task.spec.key
    )
}

pub(super) fn no_result(what: &str) -> Stop {
    Stop::Other { code: "no_result", message: format!("the API's answer {what}") }
}

pub(super) async fn on_disk<T: Send + 'static>(
    settings: &Settings,
    work: impl FnOnce() -> Result<T, OutputError> + Send + 'static,
) -> Result<T, Stop> {
    match settings.offload.run(work).await {
        Ok(done) => Ok(done?),
        Err(message) => Err(Stop::Other { code: "internal", message }),
    }
}
