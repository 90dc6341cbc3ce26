//! What a check found, and all of it together.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, or may; somebody should look.
    Warning,
    /// It does not work.
    Error,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at; the same word from version to version.
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// One sentence, lower-case and without a period.
    pub(super) message: String,
    /// What to type, or to do; none where nothing is wrong.
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, message: message.into(), mend: None }
    }

    pub(super) fn warning(
        name: &'static str,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { status: Status::Warning, mend: Some(mend.into()), ..Self::ok(name, message) }
    }

    pub(super) fn error(
        name: &'static str,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { status: Status::Error, mend: Some(mend.into()), ..Self::ok(name, message) }
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    /// Whether no check failed; warnings do not count.
    pub(super) ok: bool,
    pub(super) checks: Vec<Finding>,
}

impl Report {
    pub(super) fn of(checks: Vec<Finding>) -> Self {
        Self { ok: checks.iter().all(|check| check.status != Status::Error), checks }
    }

    pub(super) fn count(&self, status: Status) -> i64 {
        let count = self.checks.iter().filter(|check| check.status == status).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}
