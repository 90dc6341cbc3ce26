//! What a failure below the API's own answers means: no connection, no answer in time, half an answer.

use std::time::Duration;

use super::{
    error::ApiError,
    error_class::ErrorClass,
    host_policy::BlockedAddress,
    redact::{EXCERPT_CHARS, Redactor, causes, root_cause},
};

/// The error of a request to `host` that brought no answer, or broke off within it.
///
/// "Never left" is said only of failures to connect: there the HTTP layer had no connection to write to.
pub(super) fn failure(
    error: &reqwest::Error,
    host: &str,
    limit: Duration,
    redactor: &Redactor,
) -> ApiError {
    if let Some(refused) = refused(error) {
        return address_refused(refused);
    }
    let never_left = error.is_connect() || error.is_builder();
    let cause = redactor.line(&root_cause(error), EXCERPT_CHARS);
    let message = if error.is_connect() {
        format!("no connection to {host}: {cause}")
    } else if error.is_timeout() {
        format!("no answer from {host} within {} s", limit.as_secs_f64())
    } else if error.is_builder() {
        format!("the request to {host} could not be made: {cause}")
    } else {
        format!("the connection to {host} broke before the answer was whole: {cause}")
    };
    ApiError::local(ErrorClass::Transport, message, never_left)
}

/// The error of an address that a download must not go to.
pub(super) fn address_refused(refused: &BlockedAddress) -> ApiError {
    let message = format!("{}: {refused}", ErrorClass::AddressRefused.summary());
    ApiError::local(ErrorClass::AddressRefused, message, true)
}

fn refused(error: &reqwest::Error) -> Option<&BlockedAddress> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
