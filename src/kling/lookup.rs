//! Queries for a task by its `external_task_id`: three styles, and which answers count.
//!
//! The vendor documents the path only. Gateways and other versions of the API support another style, or none.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::wire::{self, DataError, RemoteTask};

/// The path of Create Task and Query Task.
pub(super) const TASKS_PATH: &str = "/v1/videos/advanced-lip-sync";

/// Characters that need no percent-encoding in a path or in a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How the URL of a query contains the `external_task_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookupStyle {
    /// In the path, in the place of the task id.
    Path,
    /// On the list path: `?external_task_id=NAME`.
    Query,
    /// In the path, with `?external_task_id=true`.
    Flag,
}

impl LookupStyle {
    /// All styles, the most likely first.
    pub const ALL: [Self; 3] = [Self::Path, Self::Flag, Self::Query];

    /// The path and query for the task `name`; none for a name that a URL cannot contain.
    pub(super) fn path(self, name: &str) -> Option<String> {
        match self {
            Self::Path => task_path(name),
            Self::Query => (!name.is_empty())
                .then(|| format!("{TASKS_PATH}?external_task_id={}", encoded(name))),
            Self::Flag => task_path(name).map(|path| format!("{path}?external_task_id=true")),
        }
    }
}

/// The path of one task; none where the id would change the path, even percent-encoded.
pub(super) fn task_path(id: &str) -> Option<String> {
    (!matches!(id, "" | "." | "..")).then(|| format!("{TASKS_PATH}/{}", encoded(id)))
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, PLAIN)
}

/// Reads the `data` of a query for the task `name`.
pub(super) fn task_by_name(
    data: Option<Value>,
    name: &str,
    style: LookupStyle,
) -> Result<RemoteTask, DataError> {
    match data {
        // An API that ignores the parameter answers with a list of all tasks.
        Some(Value::Array(items)) if !items.is_empty() => in_list(items, name, style),
        data => {
            let task = wire::task(data)?;
            match task.external_task_id.as_deref() {
                Some(other) if other != name => {
                    Err(DataError::NoTask("with a task of another name"))
                }
                _ => Ok(task),
            }
        }
    }
}

/// The first entry, if all have the name. Entries without a name prove nothing, and a list with other tasks is not an answer
/// to the name: it is the list of all tasks, which may lag behind.
fn in_list(items: Vec<Value>, name: &str, style: LookupStyle) -> Result<RemoteTask, DataError> {
    let tasks: Vec<_> = items.into_iter().filter_map(|item| wire::task(Some(item)).ok()).collect();
    let all_have_it = tasks.iter().all(|task| task.external_task_id.as_deref() == Some(name));
    let found = tasks.into_iter().next().filter(|_| all_have_it);
    found.ok_or_else(|| match style {
        LookupStyle::Query => DataError::NoTask("with no task of this name alone"),
        // A list was not requested: the answer says nothing about the name.
        LookupStyle::Path | LookupStyle::Flag => DataError::from("its data is not an object"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_would_change_the_path_has_no_query() {
        for name in ["", ".", ".."] {
            assert_eq!(LookupStyle::Path.path(name), None, "{name:?}");
            assert_eq!(LookupStyle::Flag.path(name), None, "{name:?}");
        }
        assert_eq!(LookupStyle::Query.path(""), None);
        let in_query = "/v1/videos/advanced-lip-sync?external_task_id=a%26b%3D..";
        assert_eq!(LookupStyle::Query.path("a&b=..").as_deref(), Some(in_query));
    }
}
