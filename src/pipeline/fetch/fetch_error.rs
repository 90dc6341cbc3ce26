//! Why a result could not be fetched or stored, and the message about it.

use crate::{
    job::{Task, outcome::TransientError},
    kling::{ApiError, ErrorClass},
    output::OutputError,
    pipeline::{AccountSignal, Settings, transient_error},
    store::StoreError,
};

/// Why a result could not be fetched or stored.
pub(crate) enum FetchError {
    Api(ApiError),
    Output(OutputError),
    /// The server of the results does not have the file.
    NotFound(ApiError),
    /// The server of the results refuses the request, such as one without a Referer.
    NotAllowed(ApiError),
    /// The server has only a part of the video. The next try is due after `rest_ms`.
    Incomplete {
        message: String,
        rest_ms: i64,
    },
    /// The same, and the result has expired.
    IncompleteForGood(String),
    /// Kling no longer keeps the result.
    Expired {
        created_at_ms: i64,
    },
    Other {
        code: &'static str,
        message: String,
    },
}

impl FetchError {
    /// Kling's answer about a task lacks its result.
    pub(super) fn no_result(what: &str) -> Self {
        Self::Other { code: "no_result", message: format!("Kling's answer {what}") }
    }

    /// Returns what the error says about the account. Results are fetched by free queries only.
    pub(super) fn signal(&self) -> Option<AccountSignal> {
        match self {
            Self::Api(error) => AccountSignal::of_query(error),
            _ => None,
        }
    }
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

impl From<StoreError> for FetchError {
    fn from(error: StoreError) -> Self {
        Self::Other { code: "internal", message: error.to_string() }
    }
}

/// Returns the error in one sentence, with what to do if a person can do something.
pub(crate) fn to_transient_error(task: &Task, error: FetchError) -> TransientError {
    let task_id = || task.task_id.as_deref().unwrap_or("?");
    let (code, message) = match error {
        FetchError::Api(error) if error.class == ErrorClass::NotFound => {
            ("task_gone", format!("Kling no longer shows task {}: {error}", task_id()))
        }
        FetchError::Api(error) | FetchError::NotFound(error) | FetchError::NotAllowed(error) => {
            return transient_error(&error);
        }
        FetchError::Incomplete { message, rest_ms } => {
            let code = "incomplete_result".to_owned();
            let message = format!("{message}; lipsyncd asks again, later once an hour");
            return TransientError { code, message, retry_after_ms: Some(rest_ms) };
        }
        FetchError::IncompleteForGood(message) => {
            let message = format!(
                "{message}; the result has expired: Kling keeps results for 30 days. To pay for another take, type \
                 `lipsyncd retry {}`",
                task.spec.key
            );
            ("incomplete_result", message)
        }
        FetchError::Expired { created_at_ms } => {
            let at = jiff::Timestamp::from_millisecond(created_at_ms).map(|at| at.to_string());
            let message = format!(
                "the result has expired: Kling keeps results for 30 days, and task {} was created at {}. \
                 To pay for another take, type `lipsyncd retry {}`",
                task_id(),
                at.unwrap_or_default(),
                task.spec.key
            );
            ("result_expired", message)
        }
        FetchError::Output(error @ OutputError::Foreign(_)) => {
            (error.code(), format!("{error}: move it away, and lipsyncd writes its own file there"))
        }
        FetchError::Output(error) => (error.code(), error.to_string()),
        FetchError::Other { code, message } => (code, message),
    };
    TransientError { code: code.to_owned(), message, retry_after_ms: None }
}

/// Does work on the output disk, where blocking work is done.
pub(crate) fn on_disk<T: Send + 'static>(
    settings: &Settings,
    work: impl FnOnce() -> Result<T, OutputError> + Send + 'static,
) -> impl Future<Output = Result<T, FetchError>> + Send {
    let running = settings.offload.run(work);
    async {
        match running.await {
            Ok(done) => Ok(done?),
            Err(message) => Err(FetchError::Other { code: "internal", message }),
        }
    }
}
