//! What people do to jobs on the page, in words.

use super::{error::PageError, selection::Selection};
use crate::actions::{JobAction, to_cancel, to_dismiss, to_retry};

/// What a button does to the selected jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Retry,
    Cancel,
    Dismiss,
    UndoDismissal,
}

impl Verb {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Retry => "/retry",
            Self::Cancel => "/cancel",
            Self::Dismiss => "/dismiss",
            Self::UndoDismissal => "/undo-dismissal",
        }
    }

    pub(super) fn action(self) -> JobAction {
        match self {
            Self::Retry => JobAction::retry(),
            Self::Cancel => JobAction::cancel(),
            Self::Dismiss => JobAction::dismiss(),
            Self::UndoDismissal => JobAction::undo_dismissal(),
        }
    }

    /// Whether Kling charges something for it.
    pub(super) fn pays(self) -> bool {
        self == Self::Retry
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Retry => "Retry",
            Self::Cancel => "Cancel",
            Self::Dismiss => "Dismiss",
            Self::UndoDismissal => "Count again",
        }
    }

    pub(super) fn button(self) -> &'static str {
        match self {
            Self::Retry => "Retry and pay",
            Self::Cancel => "Cancel these jobs",
            Self::Dismiss => "Dismiss",
            Self::UndoDismissal => "Count again",
        }
    }

    pub(super) fn explanation(self) -> &'static str {
        match self {
            Self::Retry => {
                "A retry asks Kling for another take, and Kling charges it again. The same take is sent again where Kling \
                 accepted nothing yet."
            }
            Self::Cancel => {
                "Jobs that were not created at Kling are cancelled, and cost nothing. They stay cancelled until somebody \
                 retries them."
            }
            Self::Dismiss => {
                "Dismissed jobs are left out of counts and of the list of failures. Nothing is deleted. A changed job keeps \
                 the result that it has."
            }
            Self::UndoDismissal => "These jobs are counted again.",
        }
    }

    /// What was done, after a number of jobs.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Retry => "will be made again",
            Self::Cancel => "cancelled",
            Self::Dismiss => "dismissed",
            Self::UndoDismissal => "counted again",
        }
    }

    /// Adds the conditions of the command to a selection.
    pub(super) fn restrict(self, mut selection: Selection) -> Result<Selection, PageError> {
        if selection.is_everything() {
            return Err(PageError::Invalid("no jobs are selected".to_owned()));
        }
        let select = selection.select;
        selection.select = match self {
            Self::Retry => {
                to_retry(select).map_err(|error| PageError::Invalid(error.to_string()))?
            }
            Self::Cancel => to_cancel(select),
            Self::Dismiss => to_dismiss(select, false),
            Self::UndoDismissal => to_dismiss(select, true),
        };
        Ok(selection)
    }
}
