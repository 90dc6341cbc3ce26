//! Starts each step that may start now. Paid steps are in `dispatch_paid`.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Pipeline, PollPlan, StepEvent, StepKind};
use crate::{
    job::Task,
    kling::Api,
    pipeline::{
        PendingProbe,
        fetch::{deliver, download},
        poll,
        submit::{lookup_support, unresolved},
    },
};

impl<A: Api> Pipeline<A> {
    /// Starts all steps that slots, rate, pause and budget allow.
    pub(super) fn dispatch(&mut self) {
        self.account.slots.end_block(Instant::now());
        self.account.budget.begin_dispatch();
        // What Kling may have already comes before new tasks.
        self.start_recoveries();
        self.start_creates();
        self.start_prepares();
        self.start_uploads();
        self.start_poll();
        self.start_unresolved_lookups();
        self.start_downloads();
        self.start_deliveries();
        self.start_free_probe();
    }

    fn start_poll(&mut self) {
        if self.next_poll_at().is_none_or(|at| at > Instant::now()) {
            return;
        }
        let now_ms = self.context.clock.now_ms();
        let PollPlan { targets, reads_list } = self.polling.plan(self.queues.all_to_poll(), now_ms);
        let context = Arc::clone(&self.context);
        self.steps.start(StepKind::Poll, None, async move {
            StepEvent::Polled(poll::poll(&context, targets, reads_list).await)
        });
    }

    fn start_unresolved_lookups(&mut self) {
        if self.next_lookups_at().is_none_or(|at| at > Instant::now()) {
            return;
        }
        self.lookups.unresolved_at = None;
        let context = Arc::clone(&self.context);
        self.steps.start(StepKind::LookUpUnresolved, None, async move {
            StepEvent::UnresolvedLookedUp(unresolved::look_up(&context).await)
        });
    }

    fn start_downloads(&mut self) {
        while self.has_free_download(StepKind::Download) {
            let Some(id) = self.queues.first_to_download() else { return };
            let Some(task) = self.queues.take(id) else { return };
            let polled = self.polling.results.remove(&id);
            let context = Arc::clone(&self.context);
            self.steps.start(StepKind::Download, Some(id), async move {
                StepEvent::Stepped(id, download::download(&context, &task, polled).await)
            });
        }
    }

    fn start_deliveries(&mut self) {
        while self.has_free_download(StepKind::Deliver) {
            let Some(due) = self.deliveries.start_next() else { return };
            let (job, task) = (due.job.id, due.task.id);
            let context = Arc::clone(&self.context);
            self.steps.start(StepKind::Deliver, Some(task), async move {
                StepEvent::Delivered(job, task, deliver::deliver(&context, due).await)
            });
        }
    }

    fn has_free_download(&self, kind: StepKind) -> bool {
        self.account.gate.allows_queries()
            && self.steps.count(kind) < self.context.settings.downloads
    }

    /// Asks with a free query whether the API accepts the credentials again.
    fn start_free_probe(&mut self) {
        if !self.account.gate.wants_free_probe(Instant::now()) {
            return;
        }
        self.account.gate.pending = Some(PendingProbe::Free);
        let context = Arc::clone(&self.context);
        self.steps.start(StepKind::Probe, None, async move {
            StepEvent::Probed(context.api.tasks(1, 1).await.result.map(drop))
        });
    }

    /// Learns from a task that was just accepted how the account answers lookups by name.
    pub(super) fn start_learning(&mut self, task: Arc<Task>) {
        if self.steps.count(StepKind::LearnLookups) > 0 {
            return;
        }
        let context = Arc::clone(&self.context);
        self.steps.start(StepKind::LearnLookups, None, async move {
            StepEvent::LookupsLearned(lookup_support::learn(&context, &task).await)
        });
    }

    /// Returns when the tasks are polled next; none while no task is at Kling, or a poll is in progress.
    pub(super) fn next_poll_at(&self) -> Option<Instant> {
        let is_idle = self.steps.count(StepKind::Poll) == 0 && self.account.gate.allows_queries();
        let has_tasks = self.queues.all_to_poll().next().is_some();
        (is_idle && has_tasks).then_some(self.polling.next_at)
    }

    /// Returns when unresolved tasks are looked up next; none while there are none, or lookups are in progress.
    pub(super) fn next_lookups_at(&self) -> Option<Instant> {
        let is_idle = self.steps.count(StepKind::LookUpUnresolved) == 0;
        self.lookups.unresolved_at.filter(|_| is_idle && self.account.gate.allows_queries())
    }
}
