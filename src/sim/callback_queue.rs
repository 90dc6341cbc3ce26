//! The callbacks that are due; the server sends them.

use serde_json::Value;

use super::rules::Sim;

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
        self.due_callbacks.first().map(|callback| callback.at_ms)
    }

    /// Takes the callbacks that are due.
    pub fn take_callbacks(&mut self, now_ms: i64) -> Vec<Callback> {
        let mut due = Vec::new();
        while let Some(next) =
            self.due_callbacks.first().copied().filter(|next| next.at_ms <= now_ms)
        {
            self.due_callbacks.pop_first();
            let task = &self.tasks[next.index];
            let body = task.notified(next.at_ms, &self.base_url);
            due.extend(task.callback_url.clone().map(|url| Callback { url, body }));
        }
        due
    }
}
