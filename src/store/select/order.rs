//! The order of selected jobs, and the places between their pages.

use rusqlite::types::Value;

use crate::job::{JobId, names};

/// The order of selected jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// In which they were first read.
    #[default]
    Read,
    /// The newest state first.
    Since,
    /// Their key.
    Key,
    /// The states in which a job passes through them. A page reads all selected jobs, as for the next two.
    State,
    /// The most expensive job first.
    Units,
    /// The highest priority first.
    Priority,
}

names!(SortBy {
    Read: "read",
    Since: "since",
    Key: "key",
    State: "state",
    Units: "units",
    Priority: "priority",
});

/// The last job of a page, after which the next page begins.
#[derive(Debug, Clone, PartialEq)]
pub struct PageEnd {
    /// The job's value in the order of the page; `id` is its value for [`SortBy::Read`].
    pub(super) value: Value,
    pub(super) id: JobId,
}

impl PageEnd {
    /// Returns the end as text for an address: `ID`, or `ID-VALUE`. [`PageEnd::parse`] reads it back.
    pub fn as_text(&self) -> String {
        match &self.value {
            Value::Integer(value) => format!("{}-{value}", self.id),
            Value::Text(value) => format!("{}-{value}", self.id),
            _ => self.id.to_string(),
        }
    }

    /// Reads the text of an end of a page in this order; none: it is none.
    pub fn parse(text: &str, sort: SortBy) -> Option<Self> {
        let (id, value) = match text.split_once('-') {
            Some((id, value)) if sort == SortBy::Key => (id, Value::Text(value.to_owned())),
            Some((id, value)) => (id, Value::Integer(value.parse().ok()?)),
            None => (text, Value::Null),
        };
        let id = id.parse().ok()?;
        let value = if sort == SortBy::Read { Value::Integer(id) } else { value };
        (value != Value::Null).then_some(Self { value, id })
    }
}

/// The rows of some of the selected jobs, and where the next page begins.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectedPage {
    /// In the order of the page.
    pub ids: Vec<JobId>,
    /// None: there are no more.
    pub end: Option<PageEnd>,
}
