//! What may start, starts: by slots, pause, budget, and one call a video.

use std::{future::Future, sync::Arc};

use tokio::time::Instant;

use crate::{
    job::{Action, CreateAnswer, Outcome, Task, TaskId, decide},
    kling::Api,
    pipeline::{
        context::StepContext,
        fetch::deliver,
        fetch::download,
        limits::pause_gate::PendingProbe,
        poll::{self, PollTarget},
        prepare::identify,
        prepare::local_media::video_key,
        prepare::measure_audio,
        scheduler::steps::StepKind,
        scheduler::{Pipeline, StepEvent},
        step::StepEnd,
        submit::{PaidCallPermit, create, lookup_support, recover, unresolved},
    },
    store::DueDelivery,
};

/// Create requests of unknown outcome that are looked up at once.
const RECOVERIES_MAX: usize = 4;
/// Identify Face calls and measurements at once, at least.
const PREPARES_MIN: usize = 8;
/// Those of jobs that failed at them before, at once.
const PREPARES_AGAIN_MAX: usize = 4;

impl<A: Api> Pipeline<A> {
    pub(crate) fn dispatch(&mut self) {
        self.slots_blocked = self.slots_blocked.filter(|until| *until > Instant::now());
        self.start_recoveries();
        self.start_creates();
        self.start_prepares();
        self.start_poll();
        self.start_look_up();
        self.start_downloads();
        self.start_deliveries();
        self.start_probe();
    }

    fn start_recoveries(&mut self) {
        if !self.pause_gate.allows_queries() {
            return;
        }
        for id in self.queues.all_to_recover() {
            if self.running.count(StepKind::Recover) >= RECOVERIES_MAX {
                return;
            }
            let sends = self.is_to_be_sent_again(id);
            let is_probe = sends && !self.pause_gate.allows_paid_calls();
            let is_held =
                sends && !self.has_slot_for(id) || is_probe && !self.pause_gate.wants_paid_probe();
            // Only what is known to be absent has nothing to look up until it may be sent again.
            if is_held && self.queues.get(id).is_some_and(Task::is_to_be_sent_again) {
                continue;
            }
            let Some(task) = self.queues.take(id) else { continue };
            let permit = if is_held { PaidCallPermit::closed() } else { self.permit(is_probe) };
            if sends && !is_held {
                self.slots.take(id);
            }
            if is_probe && !is_held {
                self.pause_gate.probe_sent(PendingProbe::Paid(id));
            }
            let context = Arc::clone(&self.context);
            self.start(StepKind::Recover, Some(id), async move {
                StepEvent::Stepped(id, recover::recover(&context, task, &permit).await)
            });
        }
    }

    /// Whether a create request may be sent again: its slot may have been freed meanwhile.
    fn has_slot_for(&self, id: TaskId) -> bool {
        self.slots_blocked.is_none() && (self.slots.holds(id) || self.slots.has_free())
    }

    fn permit(&self, is_probe: bool) -> PaidCallPermit {
        PaidCallPermit { is_probe, paid_calls_allowed: Arc::clone(&self.paid_calls_allowed) }
    }

    /// Whether the next lookup of a create request, if it finds nothing again, is followed by a send.
    fn is_to_be_sent_again(&self, id: TaskId) -> bool {
        let settle_ms = self.context.settings.policy.create_settle_ms;
        let is_next = |task: &Task| {
            let answer = task.create.as_ref().map(|create| create.answer);
            answer == Some(CreateAnswer::Unknown)
                && self.context.not_found_timer.is_settled(task, settle_ms)
        };
        self.queues.get(id).is_some_and(is_next)
    }

    /// How many create requests wait for nothing but to be sent again.
    pub(crate) fn count_held_resends(&self) -> usize {
        let is_absent = |id: &TaskId| {
            let holds = |task: &Task| task.is_to_be_sent_again() && task.holds_slot();
            self.queues.get(*id).is_some_and(holds)
        };
        let all = self.queues.all_to_recover().into_iter();
        all.filter(|id| self.is_to_be_sent_again(*id) && is_absent(id)).count()
    }

    fn start_creates(&mut self) {
        while self.pause_gate.allows_paid_calls()
            && self.slots.has_free()
            && self.slots_blocked.is_none()
        {
            let Some(id) = self.queues.first_to_create() else { return };
            self.start_create(id, false);
        }
        if self.pause_gate.wants_paid_probe()
            && self.slots.has_free()
            && let Some(id) = self.queues.first_to_create()
            && self.start_create(id, true)
        {
            self.pause_gate.probe_sent(PendingProbe::Paid(id));
        }
    }

    /// Returns false when the job has to be identified again first.
    fn start_create(&mut self, id: TaskId, probe: bool) -> bool {
        let Some(task) = self.queues.take(id) else { return false };
        if decide(&task, self.context.clock.now_ms()) != Action::Create {
            // Its session ran out while it waited for a slot.
            self.shelve(task);
            return false;
        }
        self.slots.take(id);
        let (context, permit) = (Arc::clone(&self.context), self.permit(probe));
        self.start(StepKind::Create, Some(id), async move {
            StepEvent::Stepped(id, create::create(&context, task, &permit).await)
        });
        true
    }

    fn start_prepares(&mut self) {
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
                Action::Identify => self.identify(id),
                _ => {}
            }
        }
    }

    /// One call a video: who comes later waits for the same answer.
    fn identify(&mut self, id: TaskId) {
        let Some(video) = self.queues.get(id).map(video_key) else { return };
        let asker = self.identifying.get(&video);
        if let Some((_, others)) = asker.and_then(|asker| self.waiting_for.get_mut(asker)) {
            others.extend(self.queues.take(id));
            return;
        }
        let probe = !self.pause_gate.allows_paid_calls();
        if probe {
            let probes =
                self.pause_gate.wants_paid_probe() && self.queues.first_to_create().is_none();
            if !probes {
                return;
            }
            self.pause_gate.probe_sent(PendingProbe::Paid(id));
        }
        self.identifying.insert(video.clone(), id);
        self.waiting_for.insert(id, (video, Vec::new()));
        let permit = self.permit(probe);
        self.prepare(id, move |context, task| async move {
            identify::identify(&context, task, &permit).await
        });
    }

    fn prepare<F>(
        &mut self,
        id: TaskId,
        step: impl FnOnce(Arc<StepContext<A>>, Task) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<StepEnd, crate::store::StoreError>> + Send,
    {
        let kind = self.prepare_kind(id);
        let Some(task) = self.queues.take(id) else { return };
        let context = Arc::clone(&self.context);
        self.start(
            kind,
            Some(id),
            async move { StepEvent::Stepped(id, step(context, task).await) },
        );
    }

    fn start_downloads(&mut self) {
        while self.pause_gate.allows_queries()
            && self.running.count(StepKind::Download) < self.context.settings.downloads
        {
            let Some(id) = self.queues.first_to_download() else { return };
            let Some(task) = self.queues.take(id) else { return };
            let hint = self.hints.remove(&id);
            let context = Arc::clone(&self.context);
            self.start(StepKind::Download, Some(id), async move {
                StepEvent::Stepped(id, download::download(&context, task, hint).await)
            });
        }
    }

    /// One delivery of a task at a time: the next can copy what this one brings.
    fn start_deliveries(&mut self) {
        while self.pause_gate.allows_queries()
            && self.running.count(StepKind::Deliver) < self.context.settings.downloads
        {
            let is_free = |due: &&DueDelivery| !self.delivering.contains(&due.task.id);
            let Some(id) = self.deliveries.values().find(is_free).map(|due| due.job.id) else {
                return;
            };
            let Some(due) = self.deliveries.remove(&id) else { return };
            let task = due.task.id;
            self.delivering.insert(task);
            let context = Arc::clone(&self.context);
            self.start(StepKind::Deliver, Some(task), async move {
                StepEvent::Delivered(id, task, deliver::deliver(&context, due).await)
            });
        }
    }

    fn start_poll(&mut self) {
        let due = self.next_poll_at().is_some_and(|at| at <= Instant::now());
        if !due || !self.pause_gate.allows_queries() {
            return;
        }
        let followed: Vec<PollTarget> = self
            .queues
            .followed()
            .filter_map(|task| {
                Some(PollTarget { task_id: task.task_id.clone()?, task: task.clone() })
            })
            .collect();
        let context = Arc::clone(&self.context);
        self.start(StepKind::Poll, None, async move {
            StepEvent::PollResult(poll::poll(&context, followed).await)
        });
    }

    fn start_look_up(&mut self) {
        if self.next_look_up_at().is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.look_up_unresolved_at = None;
        let context = Arc::clone(&self.context);
        self.start(StepKind::LookUpUnresolved, None, async move {
            StepEvent::LookupSummary(unresolved::look_up(&context).await)
        });
    }

    /// Asks for free whether the credentials are taken again.
    fn start_probe(&mut self) {
        if !self.pause_gate.wants_free_probe() {
            return;
        }
        self.pause_gate.probe_sent(PendingProbe::Free);
        let context = Arc::clone(&self.context);
        self.start(StepKind::PendingProbe, None, async move {
            StepEvent::Probed(context.api.tasks(1, 1).await.result.map(drop))
        });
    }

    /// Learns from a task that was accepted cleanly whether the account answers lookups.
    pub(crate) fn start_learning(&mut self, task: Task) {
        if self.running.count(StepKind::LearnLookups) > 0 {
            return;
        }
        let context = Arc::clone(&self.context);
        self.start(StepKind::LearnLookups, None, async move {
            StepEvent::LookupsLearned(lookup_support::learn(&context, &task).await)
        });
    }

    /// When the tasks are to be looked at next; none while there are none, or a look is under way.
    pub(crate) fn next_poll_at(&self) -> Option<Instant> {
        let idle = self.running.count(StepKind::Poll) == 0 && self.pause_gate.allows_queries();
        (idle && self.queues.followed().next().is_some()).then_some(self.next_poll)
    }

    /// When unresolved tasks are to be looked up again; none while they need not be, or are.
    pub(crate) fn next_look_up_at(&self) -> Option<Instant> {
        let idle =
            self.running.count(StepKind::LookUpUnresolved) == 0 && self.pause_gate.allows_queries();
        self.look_up_unresolved_at.filter(|_| idle)
    }

    /// Whether a probe that is due could be sent; if not, something else has to happen first.
    pub(crate) fn may_probe(&self) -> bool {
        if !self.pause_gate.allows_queries() {
            return true;
        }
        let sends_again = |id: TaskId| self.is_to_be_sent_again(id) && self.has_slot_for(id);
        if self.queues.all_to_recover().into_iter().any(sends_again) {
            return self.pause_gate.may_probe_paid();
        }
        if self.queues.first_to_create().is_some() {
            return self.pause_gate.may_probe_paid() && self.slots.has_free();
        }
        let now_ms = self.context.clock.now_ms();
        let to_identify = |id: TaskId| {
            let task = self.queues.get(id).filter(|_| self.may_prepare(id));
            task.is_some_and(|task| decide(task, now_ms) == Action::Identify)
        };
        self.pause_gate.may_probe_paid()
            && self.queues.all_to_prepare().into_iter().any(to_identify)
    }

    fn prepare_kind(&self, id: TaskId) -> StepKind {
        if self.queues.is_again(id) { StepKind::RetryPrepare } else { StepKind::Prepare }
    }

    fn may_prepare(&self, id: TaskId) -> bool {
        let kind = self.prepare_kind(id);
        let most = match kind {
            StepKind::RetryPrepare => PREPARES_AGAIN_MAX,
            _ => self.slots.limit().max(PREPARES_MIN),
        };
        self.running.count(kind) < most
    }

    fn start(
        &mut self,
        kind: StepKind,
        id_of_task: Option<TaskId>,
        step: impl Future<Output = StepEvent> + Send + 'static,
    ) {
        let task = self.steps.spawn(step);
        self.running.begin(task.id(), kind, id_of_task);
    }
}
