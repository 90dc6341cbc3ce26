//! What of the database is in memory: all that holds a slot, and a window of what comes next.
//!
//! Memory does not grow with the queue. What a look left behind is read when what it took is nearly
//! used up; nothing waits for a nudge that may not come.

use std::sync::atomic::Ordering;

use crate::{
    job::{State, Task, TaskId},
    kling::Api,
    pipeline::{scheduler::Pipeline, scheduler::ready_queues::comes_before},
    store::StoreError,
};

/// So many downloads beyond those that run are kept in memory.
const DOWNLOADS_AHEAD: usize = 32;
/// So many of the jobs that failed before their create are kept in memory once they are due again.
const AGAIN_AHEAD: usize = 8;

impl<A: Api> Pipeline<A> {
    /// Reads everything anew that others may have changed.
    pub(crate) async fn look(&mut self) -> Result<(), StoreError> {
        self.look_again = false;
        self.deliveries_are_stale = true;
        self.queue_is_dry = false;
        self.again_is_dry = false;
        self.looked = true;
        self.unread.clear();
        self.budget.is_stale = true;
        let store = self.context.store.clone();
        let now_ms = self.context.clock.now_ms();
        self.read_pause().await?;
        self.pause_gate.set_scanned(self.context.settings.is_scanned.load(Ordering::Acquire));
        self.update_gate();
        let rest_max_ms = self.context.settings.policy.longest_rest_ms();
        for state in [State::Creating, State::Submitted, State::Processing, State::Identified] {
            // What rests is loaded, too: it holds a slot or a place in the window.
            let page = self.page(state);
            self.take_page(state, store.under_way(state, i64::MAX, rest_max_ms, page).await?);
        }
        let page = self.page(State::Downloading);
        let downloads = store.under_way(State::Downloading, now_ms, rest_max_ms, page).await?;
        self.take_page(State::Downloading, downloads);
        let page = self.page(State::Waiting);
        self.take_page(State::Waiting, store.come_of_time(now_ms, page).await?);
        self.next_due_at_ms = store.next_due_at_ms(now_ms).await?;
        self.is_fresh = false;
        Ok(())
    }

    /// Reads which jobs wait for their own copy of a result, after a task succeeded or a look.
    pub(crate) async fn read_deliveries(&mut self) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.deliveries_are_stale) {
            return Ok(());
        }
        let now_ms = self.context.clock.now_ms();
        let rest_max_ms = self.context.settings.policy.longest_rest_ms();
        let most = self.context.settings.downloads + DOWNLOADS_AHEAD;
        let due = self.context.store.due_deliveries(now_ms, rest_max_ms, most).await?;
        self.deliveries = due.into_iter().map(|due| (due.job.id, due)).collect();
        Ok(())
    }

    /// How many tasks of `state` one look takes.
    fn page(&self, state: State) -> usize {
        match state {
            State::Downloading => self.context.settings.downloads + DOWNLOADS_AHEAD,
            State::Waiting => self.window(),
            _ => self.window() * 8,
        }
    }

    fn take_page(&mut self, state: State, tasks: Vec<Task>) {
        if tasks.len() >= self.page(state) {
            self.unread.push(state);
        }
        for task in tasks {
            self.take_in(task);
        }
    }

    /// Whether of a state that has more jobs in the database hardly any are left in memory.
    pub(crate) fn is_used_up(&self) -> bool {
        self.unread.iter().any(|state| self.queues.count(*state) <= self.page(*state) / 4)
    }

    /// Keeps the window before the create filled. After a look it is read again even when it is
    /// fairly full: who came new may come first.
    pub(crate) async fn refill(&mut self) -> Result<(), StoreError> {
        self.refill_again().await?;
        let (ahead, window) = (self.queues.ahead(), self.window());
        let full = if self.looked { window * 2 } else { window / 2 };
        if self.queue_is_dry || ahead > full {
            return Ok(());
        }
        self.looked = false;
        let held = self.queues.count(State::Queued);
        let queued = self.context.store.queued(held + window).await?;
        self.queue_is_dry = queued.len() < held + window;
        let last = self.queues.last_ahead();
        let mut folder_cache = window.saturating_sub(ahead);
        for task in queued {
            if self.queues.holds(task.id) {
                continue;
            }
            if folder_cache == 0 && !comes_before(&task, last) {
                self.queue_is_dry = false;
                break;
            }
            folder_cache = folder_cache.saturating_sub(1);
            self.take_in(task);
        }
        Ok(())
    }

    /// Takes in some of what failed and is due again: a few at a time, however many there are.
    async fn refill_again(&mut self) -> Result<(), StoreError> {
        let held = self.queues.count_again();
        if self.again_is_dry || held > AGAIN_AHEAD / 2 {
            return Ok(());
        }
        let now_ms = self.context.clock.now_ms();
        let rest_max_ms = self.context.settings.policy.longest_rest_ms();
        let limit = held + AGAIN_AHEAD;
        let due = self.context.store.due_again(now_ms, rest_max_ms, limit).await?;
        self.again_is_dry = due.len() < limit;
        for task in due {
            self.take_in(task);
        }
        Ok(())
    }

    /// About one slot-load, so that a freed slot is refilled by one request.
    fn window(&self) -> usize {
        (self.slots.limit() * 2).max(8)
    }

    fn take_in(&mut self, mut task: Task) {
        // What waits in memory for its turn may have been moved by somebody else since. What was sent is moved by the
        // poll, which has not ended yet.
        let is_old = |held: &Task| held.state.is_unsent() && held.revision != task.revision;
        if self.queues.holds(task.id) && !self.queues.get(task.id).is_some_and(is_old) {
            return;
        }
        if self.is_fresh && task.state.holds_slot() {
            task.due_at_ms = 0;
        }
        if task.holds_slot() {
            self.slots.take(task.id);
        }
        self.shelve(task);
    }

    /// Puts a job where its next action is.
    pub(crate) fn shelve(&mut self, task: Task) {
        self.queues.put(task, &self.context.settings.policy, self.context.clock.now_ms());
    }

    /// Reads a job anew that somebody else moved.
    pub(crate) async fn reload(&mut self, id: TaskId) -> Result<(), StoreError> {
        self.queues.forget(id);
        self.slots.free(id);
        if let Some(task) = self.context.store.task(id).await? {
            self.take_in(task);
        }
        Ok(())
    }
}
