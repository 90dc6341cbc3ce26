//! Starts the steps that may pay: create requests, lookups of create requests that may be sent again, and Identify
//! Face calls.

use std::{future::Future, sync::Arc};

use tokio::time::Instant;

use super::{Pipeline, StepEvent, StepKind};
use crate::{
    job::{Action, CreateAnswer, Outcome, Task, TaskId, decide},
    kling::Api,
    pipeline::{
        Identify, PaidCallPermit, PendingProbe, StepContext, StepEnd, identify,
        prepare::measure_audio,
        submit::{create, obstacle, recover},
        video_key,
    },
    store::StoreError,
};

/// The most create requests with an unknown outcome that are looked up at once.
const RECOVERIES_MAX: usize = 4;
/// The most tasks that are prepared at once, or the number of slots, if that is larger.
const PREPARES_MIN: usize = 8;
/// The most tasks that are prepared again at once after a failure.
const RETRY_PREPARES_MAX: usize = 4;

impl<A: Api> Pipeline<A> {
    /// Looks up the create requests with an unknown outcome. A lookup that finds nothing may send the request again,
    /// which needs a slot and an open queue; without these, the task is only looked up.
    pub(super) fn start_recoveries(&mut self) {
        if !self.account.gate.allows_queries() {
            return;
        }
        for id in self.queues.all_to_recover() {
            if self.steps.count(StepKind::Recover) >= RECOVERIES_MAX {
                return;
            }
            let sends = self.is_next_send_due(id);
            let is_probe = sends && !self.account.gate.allows_paid_calls();
            let has_no_slot = sends && !self.account.slots.is_open_for(id);
            let is_paused = is_probe && !self.account.gate.wants_paid_probe(Instant::now());
            let is_held = has_no_slot || is_paused || sends && !self.is_within_budget(id);
            // Kling is known not to have this task: another lookup before the send would show nothing.
            if is_held && self.queues.get(id).is_some_and(|task| task.may_resend) {
                continue;
            }
            let Some(task) = self.queues.take(id) else { continue };
            let permit = match is_held {
                true => PaidCallPermit::denied(),
                false => self.account.permit(is_probe),
            };
            if sends && !is_held {
                self.account.slots.take(id);
                if is_probe {
                    self.account.gate.pending = Some(PendingProbe::Paid(id));
                }
            }
            let context = Arc::clone(&self.context);
            self.steps.start(StepKind::Recover, Some(id), async move {
                StepEvent::Stepped(id, recover::recover(&context, task, &permit).await)
            });
        }
    }

    pub(super) fn start_creates(&mut self) {
        while self.account.gate.allows_paid_calls() && self.account.slots.is_open() {
            let Some(id) = self.queues.first_to_create() else { return };
            if !self.is_within_budget(id) {
                return;
            }
            self.start_create(id, false);
        }
        if self.account.gate.wants_paid_probe(Instant::now())
            && self.account.slots.has_free()
            && let Some(id) = self.queues.first_to_create()
            && self.is_within_budget(id)
            && self.start_create(id, true)
        {
            self.account.gate.pending = Some(PendingProbe::Paid(id));
        }
    }

    /// Whether the caps of the day allow the create request of this task. Then its price counts until its step ends.
    fn is_within_budget(&mut self, id: TaskId) -> bool {
        let task = self.queues.get(id);
        task.is_some_and(|task| self.account.budget.admit_create(task))
    }

    /// Returns false when the task has to be identified again first.
    fn start_create(&mut self, id: TaskId, is_probe: bool) -> bool {
        let Some(task) = self.queues.take(id) else { return false };
        if decide(&task, self.context.clock.now_ms()) != Action::Create {
            // Its session expired while it waited for a slot.
            self.account.budget.release(id);
            self.enqueue(task);
            return false;
        }
        self.account.slots.take(id);
        let (context, permit) = (Arc::clone(&self.context), self.account.permit(is_probe));
        self.steps.start(StepKind::Create, Some(id), async move {
            StepEvent::Stepped(id, create::create(&context, task, &permit).await)
        });
        true
    }

    pub(super) fn start_prepares(&mut self) {
        let now_ms = self.context.clock.now_ms();
        for id in self.queues.all_to_prepare() {
            if !self.may_prepare(id) {
                continue;
            }
            let Some(task) = self.queues.get(id) else { continue };
            match decide(task, now_ms) {
                Action::Enqueue => self.prepare(id, |context, task| async move {
                    let task = context.record(&task, Outcome::Due, None).await?;
                    Ok(StepEnd::new(task, None))
                }),
                Action::MeasureAudio => self.prepare(id, |context, task| async move {
                    measure_audio::measure(&context, task).await
                }),
                Action::Identify => self.start_identify(id),
                _ => {}
            }
        }
    }

    /// Identifies a task's video, or makes the task wait for a call about the same video.
    fn start_identify(&mut self, id: TaskId) {
        let Some(video) = self.queues.get(id).map(video_key) else { return };
        if let Some(waiting) = self.shared_videos.waiting_mut(&video) {
            waiting.extend(self.queues.take(id));
            return;
        }
        let is_probe = !self.account.gate.allows_paid_calls();
        if is_probe {
            // A create request is the better probe, if there is one.
            let is_wanted = self.account.gate.wants_paid_probe(Instant::now());
            if !is_wanted || self.queues.first_to_create().is_some() {
                return;
            }
        }
        let Some(task) = self.queues.get(id) else { return };
        if !self.account.budget.admit_identify(task, self.queues.all_to_create()) {
            return;
        }
        if is_probe {
            self.account.gate.pending = Some(PendingProbe::Paid(id));
        }
        self.shared_videos.start(video, id);
        let permit = self.account.permit(is_probe);
        self.prepare(id, move |context, task| async move {
            match identify(&context, task, &permit).await? {
                Identify::Ended(end) => Ok(end),
                Identify::Obstacle(task, found) => {
                    // Boxed, because it is rare: the future of each step would keep space for it.
                    Box::pin(obstacle::record(&context, &task, found)).await
                }
            }
        });
    }

    fn prepare<F>(
        &mut self,
        id: TaskId,
        step: impl FnOnce(Arc<StepContext<A>>, Arc<Task>) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<StepEnd, StoreError>> + Send,
    {
        let kind = self.prepare_kind(id);
        let Some(task) = self.queues.take(id) else { return };
        let context = Arc::clone(&self.context);
        self.steps.start(kind, Some(id), async move {
            StepEvent::Stepped(id, step(context, task).await)
        });
    }

    fn prepare_kind(&self, id: TaskId) -> StepKind {
        if self.queues.is_retry(id) { StepKind::RetryPrepare } else { StepKind::Prepare }
    }

    fn may_prepare(&self, id: TaskId) -> bool {
        let kind = self.prepare_kind(id);
        let most = match kind {
            StepKind::RetryPrepare => RETRY_PREPARES_MAX,
            _ => self.account.slots.limit.max(PREPARES_MIN),
        };
        self.steps.count(kind) < most
    }

    /// Whether a create request is sent again once the next lookup finds nothing either.
    fn is_next_send_due(&self, id: TaskId) -> bool {
        let settle_ms = self.context.settings.policy.create_settle_ms;
        self.queues.get(id).is_some_and(|task| {
            let answer = task.create.as_ref().map(|create| create.answer);
            answer == Some(CreateAnswer::Unknown)
                && self.context.not_found_timer.is_settled(task, settle_ms)
        })
    }

    /// Counts the create requests that wait for nothing but to be sent again.
    pub(super) fn count_held_resends(&self) -> usize {
        let is_absent = |id: &TaskId| {
            let task = self.queues.get(*id);
            task.is_some_and(|task| task.may_resend && task.holds_slot())
        };
        let all = self.queues.all_to_recover().into_iter();
        all.filter(|id| self.is_next_send_due(*id) && is_absent(id)).count()
    }

    /// Whether a due probe could be sent. If not, the scheduler does not wake up for it.
    pub(super) fn may_probe(&self) -> bool {
        let gate = &self.account.gate;
        if !gate.allows_queries() {
            return true;
        }
        if !gate.is_scanned || self.account.budget.is_holding() {
            return false;
        }
        let sends_again =
            |id: TaskId| self.is_next_send_due(id) && self.account.slots.is_open_for(id);
        if self.queues.all_to_recover().into_iter().any(sends_again) {
            return true;
        }
        if self.queues.first_to_create().is_some() {
            return self.account.slots.has_free();
        }
        let now_ms = self.context.clock.now_ms();
        let is_to_identify = |id: TaskId| {
            let task = self.queues.get(id).filter(|_| self.may_prepare(id));
            task.is_some_and(|task| decide(task, now_ms) == Action::Identify)
        };
        self.queues.all_to_prepare().into_iter().any(is_to_identify)
    }
}
