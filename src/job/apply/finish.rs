//! An accepted task: its status is unclear, it has ended, its result is delivered.

use super::build::TransitionBuilder;
use crate::job::{
    Charge, Length, Media, Observation, ObservedPrice, ResultFile, Spend, State, Task, Transition,
    delivery::delivered, outcome::PermanentError, person,
};

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

    pub(super) fn task_succeeded(&self, charge: Option<Charge>) -> Transition {
        let what = match charge {
            Some(_) => "the task succeeded",
            None => "the task succeeded; the API did not report its cost",
        };
        let charged = self.charged(self.go(State::Downloading, what), charge);
        let spend =
            Spend { observed: charge.and_then(|charge| self.observed(charge)), ..charged.spend };
        Transition { spend, ..charged }
    }

    pub(super) fn task_failed(&self, message: String, charge: Option<Charge>) -> Transition {
        let failed = self.fail(PermanentError { code: "task_failed".to_owned(), message });
        self.charged(failed, charge)
    }

    pub(super) fn delivered(&self, result: ResultFile) -> Transition {
        let what = delivered(result.bytes, &result.sha256);
        self.write(Task { result: Some(result), ..self.fresh(State::Succeeded) }, what)
    }

    /// Returns what the charge shows about prices. A task that cost nothing shows nothing: an account may report 0 units,
    /// and its money elsewhere.
    fn observed(&self, charge: Charge) -> Option<Observation> {
        let Task { spec, media, plan, .. } = self.task;
        let plan = plan.as_ref().filter(|_| !charge.cost.is_zero())?;
        let video_ms = media.video_ms.or(charge.video_ms);
        let length = Length::of(spec, &Media { video_ms, ..media.clone() }, Some(plan));
        Some(Observation::Task(ObservedPrice { length, cost: charge.cost }))
    }

    /// A charge belongs to the day of the create request, as the budget counted it, or to the day on which Kling created
    /// an adopted task. It is never in the future: Kling's clock may be wrong.
    fn charged(&self, ended: Transition, charge: Option<Charge>) -> Transition {
        let Some(charge) = charge else { return ended };
        let sent_at_ms = self.task.create.as_ref().map(|create| create.sent_at_ms);
        let created_at_ms =
            charge.created_at_ms.filter(|at_ms| (1..=self.moment.now_ms).contains(at_ms));
        let spend =
            Spend { task: charge.cost, at_ms: sent_at_ms.or(created_at_ms), ..Spend::default() };
        let cost = self.task.cost.plus(charge.cost);
        Transition { spend, task: Task { cost, ..ended.task }, ..ended }
    }

    fn task_id(&self) -> &str {
        self.task.task_id.as_deref().unwrap_or_default()
    }
}
