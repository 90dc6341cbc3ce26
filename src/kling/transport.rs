//! Failures of the network: no connection, no answer in time, an incomplete answer.

use std::time::Duration;

use super::{
    error::ApiError,
    error_class::ErrorClass,
    host_policy::BlockedAddress,
    redact::{EXCERPT_CHARS, Redactor, causes, root_cause},
};

/// Returns the error of a request to `host` without a complete answer.
///
/// Only failures to connect are `never_left`: without a connection the HTTP layer could not write the request.
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
        format!("the connection to {host} broke before the answer was complete: {cause}")
    };
    ApiError::local(ErrorClass::Transport, message, never_left)
}

/// Returns the error of an address that downloads must not use.
pub(super) fn address_refused(refused: &BlockedAddress) -> ApiError {
    let message = format!("{}: {refused}", ErrorClass::AddressRefused.summary());
    ApiError::local(ErrorClass::AddressRefused, message, true)
}

fn refused(error: &reqwest::Error) -> Option<&BlockedAddress> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
