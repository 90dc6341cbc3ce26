//! The outcomes of a task that was accepted: unclear, ended, delivered.

use super::Step;
use crate::job::{ResultFile, Spend, State, Task, Transition, outcome::PermanentError, person};

impl Step<'_> {
    /// The task is there, and whatever is said of it, it is followed on.
    pub(super) fn unclear(&self, why: &str) -> Transition {
        let waits = format!("a clear word on task {}: {why}", self.task_id());
        let task = Task { wait_reason: Some(waits.clone()), ..self.fresh(self.task.state) };
        self.write(task, format!("waits: {waits}"))
    }

    /// The API named another task when it accepted the create than the one that goes by its name.
    pub(super) fn found_by_name(&self, task_id: String) -> Transition {
        let what = format!(
            "the API does not know task {}; by its name {} it is task {task_id}",
            self.task_id(),
            self.task.external_task_id()
        );
        self.write(Task { task_id: Some(task_id), ..self.fresh(State::Submitted) }, what)
    }

    /// Its result was given up, and Kling still shows it.
    pub(super) fn followed_again(&self) -> Transition {
        let what = format!("Kling still shows task {}: it is followed again", self.task_id());
        self.write(Task { failure: None, ..self.fresh(State::Submitted) }, what)
    }

    pub(super) fn renamed(&self, task_id: String) -> Transition {
        let what = format!("{} {task_id}", person::RESOLVED_ANEW);
        self.write(Task { task_id: Some(task_id), ..self.fresh(State::Submitted) }, what)
    }

    /// Nothing is asked of Kling, which may have deleted the task since.
    pub(super) fn result_on_disk(&self, task_id: String) -> Transition {
        let what = format!("its result is on disk already: task {task_id}");
        self.write(Task { task_id: Some(task_id), ..self.fresh(State::Downloading) }, what)
    }

    pub(super) fn task_succeeded(&self, units_micro: Option<i64>) -> Transition {
        let what = match units_micro {
            Some(_) => "the task succeeded",
            None => "the task succeeded; the API does not tell what it cost",
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
