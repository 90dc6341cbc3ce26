//! Callbacks that are due: who is to be told of which change of a task.
//!
//! Owns when and what; sending is for the server.

use serde_json::Value;

use super::{rules::Sim, task::SimTask};

/// A change of a task that asked to be told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DueCallback {
    at_ms: i64,
    index: usize,
}

impl DueCallback {
    /// A task's two changes: to `processing`, and to its end.
    pub(super) fn of(task: &SimTask, index: usize) -> [Self; 2] {
        [task.processing_at_ms, task.ends_at_ms].map(|at_ms| Self { at_ms, index })
    }
}

/// A callback to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Callback {
    /// The task's `callback_url`.
    pub url: String,
    /// The body to POST.
    pub body: Value,
}

impl Sim {
    /// When the next callback is due, if any is.
    pub fn next_callback_at_ms(&self) -> Option<i64> {
        self.due_callbacks.first().map(|notice| notice.at_ms)
    }

    /// Takes the callbacks that are due.
    pub fn take_callbacks(&mut self, now_ms: i64) -> Vec<Callback> {
        let mut due = Vec::new();
        while let Some(notice) =
            self.due_callbacks.first().copied().filter(|next| next.at_ms <= now_ms)
        {
            self.due_callbacks.pop_first();
            let task = &self.tasks[notice.index];
            let body = task.notified(notice.at_ms, &self.base_url);
            due.extend(task.callback_url.clone().map(|url| Callback { url, body }));
        }
        due
    }
}
