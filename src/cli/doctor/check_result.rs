//! The result of a check, and the report of all results.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// It works, or may work; somebody should look at it.
    Warning,
    Error,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CheckResult {
    /// The name of the check, the same in every version; empty until the check has returned.
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// One sentence, in lower case and without a period.
    pub(super) message: String,
    /// What to type or to do; none where nothing is wrong.
    pub(super) fix: Option<String>,
}

impl CheckResult {
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

pub(super) fn ok(message: impl Into<String>) -> CheckResult {
    CheckResult { name: "", status: Status::Ok, message: message.into(), fix: None }
}

pub(super) fn warning(message: impl Into<String>, fix: impl Into<String>) -> CheckResult {
    CheckResult { status: Status::Warning, fix: Some(fix.into()), ..ok(message) }
}

pub(super) fn error(message: impl Into<String>, fix: impl Into<String>) -> CheckResult {
    CheckResult { status: Status::Error, fix: Some(fix.into()), ..ok(message) }
}

#[derive(Debug, Serialize)]
pub(super) struct DoctorReport {
    /// Whether no check failed; warnings do not count.
    pub(super) ok: bool,
    pub(super) checks: Vec<CheckResult>,
}

impl DoctorReport {
    pub(super) fn new(checks: Vec<CheckResult>) -> Self {
        Self { ok: checks.iter().all(|check| check.status != Status::Error), checks }
    }
}
