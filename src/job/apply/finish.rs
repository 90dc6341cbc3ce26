//! An accepted task: its status is unclear, it has ended, its result is delivered.

use super::build::TransitionBuilder;
use crate::job::{ResultFile, Spend, State, Task, Transition, outcome::PermanentError, person};

impl TransitionBuilder<'_> {
    /// The task exists, and is polled on, whatever its status is said to be.
    pub(super) fn status_unknown(&self, why: &str) -> Transition {
        let reason = format!("the status of task {} is unclear: {why}", self.task_id());
        let task = Task { wait_reason: Some(reason.clone()), ..self.fresh(self.task.state) };
        self.write(task, reason)
    }

    /// The API returned another id when it accepted the create request than the id that has the task's name.
    pub(super) fn found_by_name(&self, task_id: String) -> Transition {
        let what = format!(
            "Kling does not know task {}; the name {} belongs to task {task_id}",
            self.task_id(),
            self.task.external_task_id()
        );
        self.write(Task { task_id: Some(task_id), ..self.fresh(State::Submitted) }, what)
    }

    /// The task had failed because Kling did not show it, and Kling shows it again.
    pub(super) fn followed_again(&self) -> Transition {
        let what = format!("Kling still shows task {}: polling it again", self.task_id());
        self.write(Task { failure: None, ..self.fresh(State::Submitted) }, what)
    }

    pub(super) fn task_renamed(&self, task_id: String) -> Transition {
        let what = format!("{} {task_id}", person::RESOLVED_AGAIN);
        self.write(Task { task_id: Some(task_id), ..self.fresh(State::Submitted) }, what)
    }

    /// Kling is not asked: it may have deleted the task since.
    pub(super) fn result_on_disk(&self, task_id: String) -> Transition {
        let what = format!("the result is already on disk: task {task_id}");
        self.write(Task { task_id: Some(task_id), ..self.fresh(State::Downloading) }, what)
    }

    pub(super) fn task_succeeded(&self, units_micro: Option<i64>) -> Transition {
        let what = match units_micro {
            Some(_) => "the task succeeded",
            None => "the task succeeded; the API did not report its cost",
        };
        self.charged(self.go(State::Downloading, what), units_micro)
    }

    pub(super) fn task_failed(&self, message: String, units_micro: Option<i64>) -> Transition {
        let failed = self.fail(PermanentError { code: "task_failed".to_owned(), message });
        self.charged(failed, units_micro)
    }

    pub(super) fn delivered(&self, result: ResultFile) -> Transition {
        let what = format!("delivered: {} bytes, sha256 {}", result.bytes, result.sha256);
        self.write(Task { result: Some(result), ..self.fresh(State::Succeeded) }, what)
    }

    fn charged(&self, ended: Transition, units_micro: Option<i64>) -> Transition {
        let task_micro = units_micro.unwrap_or(0);
        let units_micro = self.task.units_micro.saturating_add(task_micro);
        let spend = Spend { task_micro, ..Spend::default() };
        Transition { spend, task: Task { units_micro, ..ended.task }, ..ended }
    }

    fn task_id(&self) -> &str {
        self.task.task_id.as_deref().unwrap_or_default()
    }
}
