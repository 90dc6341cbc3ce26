//! What the end of a step means: for its job, and for those that waited for it. What it means for the
//! whole line is `heed`'s.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use crate::{
    job::{JobId, Outcome, Plan, SLOT_KEPT_MS, State, Task, TaskId},
    kling::Api,
    pipeline::{
        limits::pause_gate::PendingProbe,
        limits::poll_interval::TaskAge,
        poll::PollResult,
        scheduler::{Pipeline, StepEvent},
        step::{AccountSignal, StepEnd},
        submit::unresolved::LookupSummary,
    },
    store::{Lookups, StoreError},
};

/// The longest time until unresolved tasks are looked up again after calls failed.
const LOOK_UP_SOON: Duration = Duration::from_secs(60);
/// And after they were answered.
const LOOK_UP_LATER: Duration = Duration::from_secs(3_600);
/// How long an account that answers no lookups by name is left alone.
const LEARN_AGAIN: Duration = Duration::from_secs(3_600);

impl<A: Api> Pipeline<A> {
    pub(crate) async fn handle_event(&mut self, event: StepEvent) -> Result<(), StoreError> {
        match event {
            StepEvent::Stepped(id, Ok(end)) => self.stepped(id, end).await,
            StepEvent::Stepped(
                id,
                Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }),
            ) => {
                self.reload(id).await?;
                self.end_paid_probe(id).await?;
                self.release_others(id);
                Ok(())
            }
            StepEvent::Delivered(job, task, Ok(signal)) => self.delivered(job, task, signal).await,
            StepEvent::PollResult(Ok(polled)) => self.polled(polled).await,
            StepEvent::Probed(Ok(())) => self.resume().await,
            StepEvent::Probed(Err(error)) => self.probe_failed(&error).await,
            StepEvent::LookupsLearned(Ok(())) => {
                // By what was learned, unresolved tasks may be found.
                self.look_up_unresolved_at = Some(Instant::now());
                Ok(())
            }
            StepEvent::LookupSummary(Ok(summary)) => self.summary(summary).await,
            StepEvent::Stepped(_, Err(error))
            | StepEvent::Delivered(_, _, Err(error))
            | StepEvent::PollResult(Err(error))
            | StepEvent::LookupsLearned(Err(error))
            | StepEvent::LookupSummary(Err(error)) => Err(error),
        }
    }

    async fn stepped(&mut self, id: TaskId, end: StepEnd) -> Result<(), StoreError> {
        let StepEnd { task, signal } = end;
        let created = signal == Some(AccountSignal::Created);
        if let Some(signal) = signal {
            self.apply_signal(Some(id), signal).await?;
        }
        self.end_paid_probe(id).await?;
        let may_learn = match self.context.lookups() {
            Lookups::Unknown => true,
            Lookups::Unanswered => self.learn_again_at <= Instant::now(),
            Lookups::Path | Lookups::Query | Lookups::Flag => false,
        };
        if created && may_learn {
            self.learn_again_at = Instant::now() + LEARN_AGAIN;
            self.start_learning(task.clone());
        }
        self.requeue(task);
        // After the job itself: the others then find its session.
        self.release_others(id);
        Ok(())
    }

    async fn summary(&mut self, summary: LookupSummary) -> Result<(), StoreError> {
        let LookupSummary { moved, left, is_failed, is_unproven, signal } = summary;
        let is_in_vain = is_failed || is_unproven;
        self.look_ups_failed = if is_in_vain { self.look_ups_failed.saturating_add(1) } else { 0 };
        if left > 0 {
            let longest = if is_failed { LOOK_UP_SOON } else { LOOK_UP_LATER };
            let rest = if is_in_vain { self.look_up_rest().min(longest) } else { longest };
            // Sooner, if more was learned meanwhile.
            let at = Instant::now() + rest;
            self.look_up_unresolved_at =
                Some(self.look_up_unresolved_at.map_or(at, |it| it.min(at)));
        }
        for task in moved {
            self.requeue(task);
        }
        match signal {
            Some(signal) => self.apply_signal(None, signal).await,
            None => Ok(()),
        }
    }

    /// Lookups that were in vain are repeated soon, and then ever more seldom.
    fn look_up_rest(&self) -> Duration {
        let initial_ms = self.context.settings.policy.retry_initial_ms.unsigned_abs();
        Duration::from_millis(initial_ms.saturating_mul(1 << self.look_ups_failed.min(20)))
    }

    async fn delivered(
        &mut self,
        job: JobId,
        task: TaskId,
        signal: Option<AccountSignal>,
    ) -> Result<(), StoreError> {
        self.delivering.remove(&task);
        self.deliveries.remove(&job);
        // Others of its task may copy it now; and one that failed is due later.
        if self.deliveries.is_empty() {
            self.deliveries_are_stale = true;
            let now_ms = self.context.clock.now_ms();
            let next = self.context.store.next_delivery_at_ms(now_ms).await?;
            self.next_due_at_ms = self.next_due_at_ms.into_iter().chain(next).min();
        }
        match signal {
            Some(signal) => self.apply_signal(None, signal).await,
            None => Ok(()),
        }
    }

    /// Lets the jobs go on that waited for an answer about the same video.
    pub(crate) fn release_others(&mut self, asker: TaskId) {
        let Some((video, others)) = self.waiting_for.remove(&asker) else { return };
        self.identifying.remove(&video);
        for task in others {
            self.shelve(task);
        }
    }

    /// A paid probe that ended without a word about the account has found out nothing.
    async fn end_paid_probe(&mut self, id: TaskId) -> Result<(), StoreError> {
        if self.pause_gate.is_awaiting(PendingProbe::Paid(id)) {
            self.probe_again_later().await?;
        }
        Ok(())
    }

    fn requeue(&mut self, task: Task) {
        self.deliveries_are_stale |= task.state == State::Succeeded;
        if task.state == State::Unresolved {
            self.look_up_unresolved_at = Some(Instant::now());
        }
        if task.holds_slot() {
            self.slots.take(task.id);
        } else {
            self.slots.free(task.id);
        }
        // What rests in the database comes back when it is due.
        if matches!(task.state, State::Queued | State::Downloading) && task.due_at_ms > 0 {
            let due_at_ms =
                self.next_due_at_ms.map_or(task.due_at_ms, |due| due.min(task.due_at_ms));
            self.next_due_at_ms = Some(due_at_ms);
        }
        if task.state == State::Submitted {
            // The last look may have planned the next for when there was nothing to see.
            let wait_ms =
                self.poll_interval.wait_ms(std::iter::once(age(&task, sent_at_ms(&task))));
            let look_at = Instant::now() + Duration::from_millis(wait_ms.unsigned_abs());
            self.next_poll = self.next_poll.min(look_at);
        }
        self.shelve(task);
    }

    async fn polled(&mut self, polled: PollResult) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        if let Some(transient_error) = &polled.transient_error {
            // An API that cannot be reached is told of once, and not by each look.
            if self.has_problem {
                debug!("looking at the tasks failed: {transient_error}");
            } else {
                warn!("looking at the tasks failed: {transient_error}");
            }
        }
        self.has_polled = true;
        let median_before_ms = self.poll_interval.median_ms();
        for (task, remote) in polled.moved {
            self.budget.is_stale = true;
            if matches!(task.state, State::Downloading | State::Failed) && task.create.is_some() {
                self.poll_interval.remember(age(&task, now_ms));
            }
            if let (State::Downloading, Some(remote)) = (task.state, remote) {
                self.hints.insert(task.id, remote);
            }
            self.requeue(task);
        }
        let median_ms = self.poll_interval.median_ms();
        if let Some(median_ms) = median_ms.filter(|_| median_ms != median_before_ms) {
            self.context.store.set_median_task_ms(median_ms).await?;
        }
        for id in polled.same {
            if self.queues.get(id).is_some_and(|task| task.waits.is_some()) {
                self.move_on(id, Outcome::TaskReappeared).await?;
            }
        }
        for (id, words) in polled.unclear {
            self.task_unclear(id, words).await?;
        }
        for (id, words) in polled.unknown {
            self.task_unknown(id, words, now_ms).await?;
        }
        for id in polled.stale {
            self.reload(id).await?;
        }
        if let Some(signal) = polled.signal {
            self.apply_signal(None, signal).await?;
        }
        let wait_ms =
            self.poll_interval.wait_ms(self.queues.followed().map(|task| age(task, now_ms)));
        self.next_poll = Instant::now() + Duration::from_millis(wait_ms.unsigned_abs());
        Ok(())
    }

    /// Writes down that a task is out of sight, once, and again when it has been so for too long.
    async fn task_unknown(
        &mut self,
        id: TaskId,
        words: String,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let Some(task) = self.queues.get(id) else { return Ok(()) };
        let is_news = !task.is_unseen() || task.due_at_ms <= now_ms && task.slot_freed || {
            // Its slot is freed once it has been out of sight for long.
            let kept_ms = SLOT_KEPT_MS.min(self.context.settings.policy.give_up_after_ms);
            task.failing_since_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) > kept_ms)
        };
        if is_news {
            if !task.is_unseen() {
                let manifest = self.context.store.manifest_of(task.lead).await?;
                let (key, task_id) = (&task.spec.key, &task.task_id);
                warn!(
                    job = key,
                    manifest, task_id, "{key}: the API does not know its task: {words}"
                );
            }
            self.move_on(id, Outcome::TaskNotFound(words)).await?;
        }
        Ok(())
    }

    /// Writes down that nothing clear is said of a task, once for each thing that is said.
    async fn task_unclear(&mut self, id: TaskId, words: String) -> Result<(), StoreError> {
        let Some(task) = self.queues.get(id) else { return Ok(()) };
        if task.waits.as_ref().is_none_or(|waits| !waits.contains(&words)) {
            let manifest = self.context.store.manifest_of(task.lead).await?;
            let (key, task_id) = (&task.spec.key, &task.task_id);
            warn!(job = key, manifest, task_id, "{key}: no clear word on its task: {words}");
            self.move_on(id, Outcome::TaskStatusUnknown(words)).await?;
        }
        Ok(())
    }

    /// Writes down an outcome of a job that no step works on.
    async fn move_on(&mut self, id: TaskId, outcome: Outcome) -> Result<(), StoreError> {
        let Some(task) = self.queues.take(id) else { return Ok(()) };
        match self.context.record(&task, outcome, None).await {
            Ok(task) => {
                self.requeue(task);
                Ok(())
            }
            Err(StoreError::Stale { .. }) => self.reload(id).await,
            Err(error) => Err(error),
        }
    }
}

/// How long ago the create of a job was sent, and how long its clip is at least: of a remote video no more
/// is known than that its audio fits in.
fn age(task: &Task, now_ms: i64) -> TaskAge {
    let spoken_ms = |plan: &Plan| {
        plan.sound_insert_ms.saturating_add(plan.sound_end_ms).saturating_sub(plan.sound_start_ms)
    };
    let clip_ms = task.media.video_ms.or_else(|| task.plan.as_ref().map(spoken_ms));
    TaskAge { clip_ms: clip_ms.unwrap_or(0), age_ms: now_ms.saturating_sub(sent_at_ms(task)) }
}

fn sent_at_ms(task: &Task) -> i64 {
    task.create.as_ref().map_or(0, |create| create.sent_at_ms)
}
