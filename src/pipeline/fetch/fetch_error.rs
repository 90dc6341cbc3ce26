//! Why the fetching of a result, or a look at its place, stopped, and how that is told.

use crate::{
    job::{Task, outcome::TransientError},
    kling::{ApiError, ErrorClass},
    output::OutputError,
    pipeline::{settings::Settings, step::transient_error},
};

/// Why it stopped.
pub(crate) enum FetchError {
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

impl From<ApiError> for FetchError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<OutputError> for FetchError {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

/// The failure in one sentence, with what to do where the user can do something.
pub(crate) fn to_transient_error(task: &Task, stop: FetchError) -> TransientError {
    let (code, message, retry_after_ms) = match stop {
        FetchError::Api(error) if error.meaning == ErrorClass::NotFound => (
            "task_gone".to_owned(),
            format!(
                "the API no longer knows task {}: {error}",
                task.task_id.as_deref().unwrap_or("?")
            ),
            None,
        ),
        FetchError::Gone { made_at_ms } => {
            ("result_expired".to_owned(), gone(task, made_at_ms), None)
        }
        FetchError::Api(error) | FetchError::NotThere(error) => {
            let transient_error = transient_error(&error);
            (transient_error.code, transient_error.message, transient_error.retry_after_ms)
        }
        FetchError::Output(error @ OutputError::Foreign(_)) => (
            error.code().to_owned(),
            format!("{error}: move it away, and the result takes its place"),
            None,
        ),
        FetchError::Output(error) => (error.code().to_owned(), error.to_string(), None),
        FetchError::Other { code, message } => (code.to_owned(), message, None),
    };
    TransientError { code, message, retry_after_ms }
}

fn gone(task: &Task, made_at_ms: i64) -> String {
    let made_at = jiff::Timestamp::from_millisecond(made_at_ms).map(|at| at.to_string());
    format!(
        "its result is not history_answer any more: task {} was made at {}, and the API keeps results for 30 days. \
         To pay for another, type `lipsyncd retry {}`",
        task.task_id.as_deref().unwrap_or("?"),
        made_at.unwrap_or_default(),
        task.spec.key
    )
}

pub(crate) fn no_result(what: &str) -> FetchError {
    FetchError::Other { code: "no_result", message: format!("the API's answer {what}") }
}

pub(crate) async fn on_disk<T: Send + 'static>(
    settings: &Settings,
    work: impl FnOnce() -> Result<T, OutputError> + Send + 'static,
) -> Result<T, FetchError> {
    match settings.offload.run(work).await {
        Ok(done) => Ok(done?),
        Err(message) => Err(FetchError::Other { code: "internal", message }),
    }
}
