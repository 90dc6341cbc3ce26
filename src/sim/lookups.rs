//! Which task a query finds, and what a query that finds none is answered with.
//!
//! Nobody documents any of this, so that each part is a setting: see [`Lags`].

use super::{rules::Sim, task::Task};

/// For how long after its acceptance a new task is hidden from each kind of query.
/// None: for `visibility_lag_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lags {
    /// Query Task (Single) by `task_id`.
    pub by_id_ms: Option<i64>,
    /// A query by `external_task_id`, in whatever spelling.
    pub by_name_ms: Option<i64>,
    /// Query Task (List).
    pub list_ms: Option<i64>,
}

impl Sim {
    /// The task of this id, if the query by id shows it yet.
    pub(super) fn find_by_id(&self, id: &str, now_ms: i64) -> Option<&Task> {
        let task = &self.tasks[*self.by_task_id.get(id)?];
        self.is_visible(task, self.config.lags.by_id_ms, now_ms).then_some(task)
    }

    /// The newest task of this name that the query by name shows yet.
    pub(super) fn find_by_name(&self, name: &str, now_ms: i64) -> Option<&Task> {
        if !self.config.answers_external_lookups {
            return None;
        }
        let lag_ms = self.config.lags.by_name_ms;
        let newest_first = self.by_external_id.get(name)?.iter().rev();
        let mut tasks = newest_first.map(|index| &self.tasks[*index]);
        tasks.find(|task| self.is_visible(task, lag_ms, now_ms))
    }

    /// The tasks that the list shows yet, newest first.
    pub(super) fn listed(&self, now_ms: i64) -> impl Iterator<Item = &Task> {
        let lag_ms = self.config.lags.list_ms;
        self.tasks.iter().rev().filter(move |task| self.is_visible(task, lag_ms, now_ms))
    }

    fn is_visible(&self, task: &Task, lag_ms: Option<i64>, now_ms: i64) -> bool {
        let lag_ms = lag_ms.unwrap_or(self.config.visibility_lag_ms);
        now_ms - task.accepted_at_ms >= lag_ms
    }
}
