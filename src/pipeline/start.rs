//! What may start, starts: by slots, pause, budget, and one call a video.

use std::{future::Future, sync::Arc};

use tokio::time::Instant;

use super::{
    deliver, download, identify,
    line::Probe,
    local::video_key,
    measure_audio,
    running::StepKind,
    schedule::{Event, Pipeline},
    step::StepEnd,
    submit::{Gate, create, lookup_support, recover, unresolved},
    sweep::{self, Followed},
};
use crate::{
    job::{Action, CreateAnswer, Outcome, Task, TaskId, decide},
    kling::Api,
    store::DueDelivery,
};

/// Create requests of unknown outcome that are looked up at once.
const RECOVERIES_MAX: usize = 4;
/// Identify Face calls and measurements at once, at least.
const PREPARES_MIN: usize = 8;
/// Those of jobs that failed at them before, at once.
const PREPARES_AGAIN_MAX: usize = 4;

impl<A: Api> Pipeline<A> {
    pub(super) fn start_what_may_start(&mut self) {
        self.slots_blocked = self.slots_blocked.filter(|until| *until > Instant::now());
        self.start_recoveries();
        self.start_creates();
        self.start_prepares();
        self.start_sweep();
        self.start_look_up();
        self.start_downloads();
        self.start_deliveries();
        self.start_probe();
    }

    fn start_recoveries(&mut self) {
        if !self.line.lets_ask() {
            return;
        }
        for id in self.shelf.all_to_recover() {
            if self.running.count(StepKind::Recover) >= RECOVERIES_MAX {
                return;
            }
            let sends = self.is_to_be_sent_again(id);
            let is_probe = sends && !self.line.lets_pay();
            let is_held =
                sends && !self.has_slot_for(id) || is_probe && !self.line.wants_paid_probe();
            // Only what is known to be absent has nothing to look up until it may be sent again.
            if is_held && self.shelf.get(id).is_some_and(|task| task.may_resend) {
                continue;
            }
            let Some(task) = self.shelf.take(id) else { continue };
            let gate = if is_held { Gate::closed() } else { self.gate(is_probe) };
            if sends && !is_held {
                self.slots.take(id);
            }
            if is_probe && !is_held {
                self.line.probe_sent(Probe::Paid(id));
            }
            let context = Arc::clone(&self.context);
            self.start(StepKind::Recover, Some(id), async move {
                Event::Stepped(id, recover::recover(&context, task, &gate).await)
            });
        }
    }

    /// Whether a create request may be sent again: its slot may have been freed meanwhile.
    fn has_slot_for(&self, id: TaskId) -> bool {
        self.slots_blocked.is_none() && (self.slots.holds(id) || self.slots.has_free())
    }

    fn gate(&self, is_probe: bool) -> Gate {
        Gate { is_probe, may_pay: Arc::clone(&self.may_pay) }
    }

    /// Whether the next lookup of a create request, if it finds nothing again, is followed by a send.
    fn is_to_be_sent_again(&self, id: TaskId) -> bool {
        let settle_ms = self.context.settings.policy.create_settle_ms;
        let is_next = |task: &Task| {
            let answer = task.create.as_ref().map(|create| create.answer);
            answer == Some(CreateAnswer::Unknown)
                && self.context.not_found_timer.is_settled(task, settle_ms)
        };
        self.shelf.get(id).is_some_and(is_next)
    }

    /// How many create requests wait for nothing but to be sent again.
    pub(super) fn count_held_resends(&self) -> usize {
        let is_absent = |id: &TaskId| {
            let holds = |task: &Task| task.may_resend && task.holds_slot();
            self.shelf.get(*id).is_some_and(holds)
        };
        let all = self.shelf.all_to_recover().into_iter();
        all.filter(|id| self.is_to_be_sent_again(*id) && is_absent(id)).count()
    }

    fn start_creates(&mut self) {
        while self.line.lets_pay() && self.slots.has_free() && self.slots_blocked.is_none() {
            let Some(id) = self.shelf.first_to_create() else { return };
            self.start_create(id, false);
        }
        if self.line.wants_paid_probe()
            && self.slots.has_free()
            && let Some(id) = self.shelf.first_to_create()
            && self.start_create(id, true)
        {
            self.line.probe_sent(Probe::Paid(id));
        }
    }

    /// Returns false when the job has to be identified again first.
    fn start_create(&mut self, id: TaskId, probe: bool) -> bool {
        let Some(task) = self.shelf.take(id) else { return false };
        if decide(&task, self.context.clock.now_ms()) != Action::Create {
            // Its session ran out while it waited for a slot.
            self.shelve(task);
            return false;
        }
        self.slots.take(id);
        let (context, gate) = (Arc::clone(&self.context), self.gate(probe));
        self.start(StepKind::Create, Some(id), async move {
            Event::Stepped(id, create::create(&context, task, &gate).await)
        });
        true
    }

    fn start_prepares(&mut self) {
        let now_ms = self.context.clock.now_ms();
        for id in self.shelf.all_to_prepare() {
            if !self.may_prepare(id) {
                continue;
            }
            let Some(task) = self.shelf.get(id) else { continue };
            match decide(task, now_ms) {
                Action::Enqueue => self.prepare(id, |context, task| async move {
                    let task = context.note(&task, Outcome::Due, None).await?;
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
        let Some(video) = self.shelf.get(id).map(video_key) else { return };
        let asker = self.identifying.get(&video);
        if let Some((_, others)) = asker.and_then(|asker| self.waiting_for.get_mut(asker)) {
            others.extend(self.shelf.take(id));
            return;
        }
        let probe = !self.line.lets_pay();
        if probe {
            let probes = self.line.wants_paid_probe() && self.shelf.first_to_create().is_none();
            if !probes {
                return;
            }
            self.line.probe_sent(Probe::Paid(id));
        }
        self.identifying.insert(video.clone(), id);
        self.waiting_for.insert(id, (video, Vec::new()));
        let gate = self.gate(probe);
        self.prepare(id, move |context, task| async move {
            identify::identify(&context, task, &gate).await
        });
    }

    fn prepare<F>(
        &mut self,
        id: TaskId,
        step: impl FnOnce(Arc<super::context::Context<A>>, Task) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<StepEnd, crate::store::StoreError>> + Send,
    {
        let kind = self.prepare_kind(id);
        let Some(task) = self.shelf.take(id) else { return };
        let context = Arc::clone(&self.context);
        self.start(kind, Some(id), async move { Event::Stepped(id, step(context, task).await) });
    }

    fn start_downloads(&mut self) {
        while self.line.lets_ask()
            && self.running.count(StepKind::Download) < self.context.settings.downloads
        {
            let Some(id) = self.shelf.first_to_download() else { return };
            let Some(task) = self.shelf.take(id) else { return };
            let hint = self.hints.remove(&id);
            let context = Arc::clone(&self.context);
            self.start(StepKind::Download, Some(id), async move {
                Event::Stepped(id, download::download(&context, task, hint).await)
            });
        }
    }

    /// One delivery of a task at a time: the next can copy what this one brings.
    fn start_deliveries(&mut self) {
        while self.line.lets_ask()
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
                Event::Delivered(id, task, deliver::deliver(&context, due).await)
            });
        }
    }

    fn start_sweep(&mut self) {
        let due = self.next_sweep_at().is_some_and(|at| at <= Instant::now());
        if !due || !self.line.lets_ask() {
            return;
        }
        let followed: Vec<Followed> = self
            .shelf
            .followed()
            .filter_map(|task| {
                Some(Followed { task_id: task.task_id.clone()?, task: task.clone() })
            })
            .collect();
        let context = Arc::clone(&self.context);
        self.start(StepKind::Sweep, None, async move {
            Event::Swept(sweep::sweep(&context, followed).await)
        });
    }

    fn start_look_up(&mut self) {
        if self.next_look_up_at().is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.look_up_unresolved_at = None;
        let context = Arc::clone(&self.context);
        self.start(StepKind::LookUp, None, async move {
            Event::LookedUp(unresolved::look_up(&context).await)
        });
    }

    /// Asks for free whether the credentials are taken again.
    fn start_probe(&mut self) {
        if !self.line.wants_free_probe() {
            return;
        }
        self.line.probe_sent(Probe::Free);
        let context = Arc::clone(&self.context);
        self.start(StepKind::Probe, None, async move {
            Event::Probed(context.api.tasks(1, 1).await.result.map(drop))
        });
    }

    /// Learns from a task that was accepted cleanly whether the account answers lookups.
    pub(super) fn start_learning(&mut self, task: Task) {
        if self.running.count(StepKind::Learn) > 0 {
            return;
        }
        let context = Arc::clone(&self.context);
        self.start(StepKind::Learn, None, async move {
            Event::Learnt(lookup_support::learn(&context, &task).await)
        });
    }

    /// When the tasks are to be looked at next; none while there are none, or a look is under way.
    pub(super) fn next_sweep_at(&self) -> Option<Instant> {
        let idle = self.running.count(StepKind::Sweep) == 0 && self.line.lets_ask();
        (idle && self.shelf.followed().next().is_some()).then_some(self.next_sweep)
    }

    /// When unresolved tasks are to be looked up again; none while they need not be, or are.
    pub(super) fn next_look_up_at(&self) -> Option<Instant> {
        let idle = self.running.count(StepKind::LookUp) == 0 && self.line.lets_ask();
        self.look_up_unresolved_at.filter(|_| idle)
    }

    /// Whether a probe that is due could be sent; if not, something else has to happen first.
    pub(super) fn may_probe(&self) -> bool {
        if !self.line.lets_ask() {
            return true;
        }
        let sends_again = |id: TaskId| self.is_to_be_sent_again(id) && self.has_slot_for(id);
        if self.shelf.all_to_recover().into_iter().any(sends_again) {
            return self.line.may_probe_paid();
        }
        if self.shelf.first_to_create().is_some() {
            return self.line.may_probe_paid() && self.slots.has_free();
        }
        let now_ms = self.context.clock.now_ms();
        let to_identify = |id: TaskId| {
            let task = self.shelf.get(id).filter(|_| self.may_prepare(id));
            task.is_some_and(|task| decide(task, now_ms) == Action::Identify)
        };
        self.line.may_probe_paid() && self.shelf.all_to_prepare().into_iter().any(to_identify)
    }

    fn prepare_kind(&self, id: TaskId) -> StepKind {
        if self.shelf.is_again(id) { StepKind::PrepareAgain } else { StepKind::Prepare }
    }

    fn may_prepare(&self, id: TaskId) -> bool {
        let kind = self.prepare_kind(id);
        let most = match kind {
            StepKind::PrepareAgain => PREPARES_AGAIN_MAX,
            _ => self.slots.limit().max(PREPARES_MIN),
        };
        self.running.count(kind) < most
    }

    fn start(
        &mut self,
        kind: StepKind,
        id_of_task: Option<TaskId>,
        step: impl Future<Output = Event> + Send + 'static,
    ) {
        let task = self.steps.spawn(step);
        self.running.begin(task.id(), kind, id_of_task);
    }
}
