//! Which tasks of the database are in memory: all that hold a slot, and a window of those that come next.
//!
//! Memory does not grow with the queue. Tasks that a read left in the database are read when those in memory are
//! nearly used up, so nothing depends on a wake-up call that may not come.

use super::{DOWNLOADS_AHEAD, ReadyQueues, comes_before};
use crate::{
    job::{Policy, State, Task, TaskId},
    pipeline::{Slots, StepContext},
    store::StoreError,
};

/// How many tasks that failed before their create request, and are due again, are kept in memory.
const RETRIES_AHEAD: usize = 8;

#[derive(Debug)]
pub(super) struct Prefetch {
    /// The database may have something new: the next turn reads it.
    pub(super) is_stale: bool,
    /// Nothing was read since the start.
    is_first_read: bool,
    /// Everything was read since the window was filled.
    was_reread: bool,
    /// All queued tasks are in memory.
    queue_is_exhausted: bool,
    /// Tasks whose video is a local file were left in the database, because enough of them are in memory.
    has_left_uploads: bool,
    /// All due tasks that failed before their create request are in memory.
    retries_are_exhausted: bool,
    /// The states of which the last read left tasks in the database.
    unread: Vec<State>,
    /// When (Unix ms) the next task or delivery in the database is due.
    pub(super) next_due_at_ms: Option<i64>,
}

pub(super) struct Memory<'a, A> {
    pub(super) context: &'a StepContext<A>,
    pub(super) queues: &'a mut ReadyQueues,
    pub(super) slots: &'a mut Slots,
}

impl Prefetch {
    pub(super) fn new() -> Self {
        Self {
            is_stale: true,
            is_first_read: true,
            was_reread: false,
            queue_is_exhausted: false,
            has_left_uploads: false,
            retries_are_exhausted: false,
            unread: Vec::new(),
            next_due_at_ms: None,
        }
    }

    /// Something in the database is due at this time (Unix ms).
    pub(super) fn plan(&mut self, due_at_ms: i64) {
        let planned = self.next_due_at_ms.map_or(due_at_ms, |planned| planned.min(due_at_ms));
        self.next_due_at_ms = Some(planned);
    }

    /// Makes the next turn read the database if something in it is due.
    pub(super) fn wake(&mut self, policy: &Policy, now_ms: i64) {
        if self.next_due_at_ms.is_some_and(|due_at_ms| policy.is_due(due_at_ms, now_ms)) {
            self.next_due_at_ms = None;
            self.is_stale = true;
        }
    }

    /// Whether the database may have something new, or the tasks in memory are nearly used up and it has more.
    pub(super) fn is_read_due<A>(&self, memory: &Memory<'_, A>) -> bool {
        let is_low = |state: &State| memory.queues.count(*state) <= memory.page(*state) / 4;
        self.is_stale || self.unread.iter().any(is_low)
    }

    pub(super) async fn read<A>(&mut self, memory: &mut Memory<'_, A>) -> Result<(), StoreError> {
        self.is_stale = false;
        self.queue_is_exhausted = false;
        self.retries_are_exhausted = false;
        self.was_reread = true;
        self.unread.clear();
        let store = &memory.context.store;
        let now_ms = memory.context.clock.now_ms();
        let rest_max_ms = memory.context.settings.policy.longest_rest_ms();
        for state in [State::Creating, State::Submitted, State::Processing, State::Identified] {
            // Tasks that rest are read as well, because each has a slot or a place in the window.
            let page = memory.page(state);
            let tasks = store.due_in_state(state, i64::MAX, rest_max_ms, page).await?;
            self.add_page(memory, state, tasks);
        }
        let page = memory.page(State::Downloading);
        let downloads = store.due_in_state(State::Downloading, now_ms, rest_max_ms, page).await?;
        self.add_page(memory, State::Downloading, downloads);
        let page = memory.page(State::Waiting);
        let waiting = store.due_waiting(now_ms, page).await?;
        self.add_page(memory, State::Waiting, waiting);
        self.next_due_at_ms = store.next_due_at_ms(now_ms).await?;
        self.is_first_read = false;
        Ok(())
    }

    /// Keeps the window filled: tasks that are prepared or ready for their create request.
    pub(super) async fn refill<A>(&mut self, memory: &mut Memory<'_, A>) -> Result<(), StoreError> {
        self.refill_retries(memory).await?;
        let (ahead, window) = (memory.queues.count_ahead(), memory.window());
        let uploads = memory.queues.count_uploads();
        if self.has_left_uploads && uploads <= window / 2 {
            (self.has_left_uploads, self.queue_is_exhausted) = (false, false);
        }
        // After a read of the database the window is read again even if it is nearly full, because a new task may
        // come before those in memory.
        let enough = if self.was_reread { window * 2 } else { window / 2 };
        if self.queue_is_exhausted || ahead > enough {
            return Ok(());
        }
        self.was_reread = false;
        // The first of the queue are in memory already, so that many more are asked for.
        let limit = memory.queues.count(State::Queued) + window;
        // Uploads are slow, and may be held: tasks that need none do not wait behind them.
        let store = &memory.context.store;
        let queued = match uploads < window {
            true => store.queued(limit).await?,
            false => store.queued_remote(limit).await?,
        };
        self.has_left_uploads |= uploads >= window;
        self.queue_is_exhausted = queued.len() < limit;
        let last = memory.queues.last_ahead();
        let mut room = window.saturating_sub(ahead);
        for task in queued {
            if memory.queues.contains(task.id) {
                continue;
            }
            if memory.queues.needs_upload(&task) {
                match memory.queues.count_uploads() < window {
                    true => self.add(memory, task),
                    // The next read leaves such tasks out, and may find others behind them.
                    false => (self.has_left_uploads, self.queue_is_exhausted) = (true, false),
                }
                continue;
            }
            // A task that comes before one in memory is added even to a full window.
            if room == 0 && !comes_before(&task, last) {
                self.queue_is_exhausted = false;
                break;
            }
            room = room.saturating_sub(1);
            self.add(memory, task);
        }
        Ok(())
    }

    /// Adds a few of the tasks that failed before their create request and are due again, however many there are.
    async fn refill_retries<A>(&mut self, memory: &mut Memory<'_, A>) -> Result<(), StoreError> {
        let held = memory.queues.count_retries();
        if self.retries_are_exhausted || held > RETRIES_AHEAD / 2 {
            return Ok(());
        }
        let now_ms = memory.context.clock.now_ms();
        let rest_max_ms = memory.context.settings.policy.longest_rest_ms();
        let limit = held + memory.queues.count_uploads() + RETRIES_AHEAD;
        let due = memory.context.store.due_again(now_ms, rest_max_ms, limit).await?;
        self.retries_are_exhausted = due.len() < limit;
        due.into_iter().for_each(|task| self.add(memory, task));
        Ok(())
    }

    /// Reads a task that somebody else changed.
    pub(super) async fn reload<A>(
        &self,
        memory: &mut Memory<'_, A>,
        id: TaskId,
    ) -> Result<(), StoreError> {
        memory.queues.remove(id);
        memory.slots.free(id);
        if let Some(task) = memory.context.store.task(id).await? {
            self.add(memory, task);
        }
        Ok(())
    }

    fn add_page<A>(&mut self, memory: &mut Memory<'_, A>, state: State, tasks: Vec<Task>) {
        if tasks.len() >= memory.page(state) {
            self.unread.push(state);
        }
        tasks.into_iter().for_each(|task| self.add(memory, task));
    }

    /// Adds a task to the queues, unless a step or a poll owns the one in memory.
    fn add<A>(&self, memory: &mut Memory<'_, A>, mut task: Task) {
        // A task that waits in memory for its turn may have been changed by somebody else. A task that was sent is
        // changed only by the poll that follows it, or by a step that has not ended: replacing it would, for example,
        // download its result twice.
        let is_outdated = |held: &Task| held.state.is_unsent() && held.revision != task.revision;
        let is_held = memory.queues.contains(task.id);
        if is_held && !memory.queues.get(task.id).is_some_and(is_outdated) {
            return;
        }
        // After a start, tasks at Kling are looked up or polled at once, even if an earlier run planned a rest. The
        // state decides, because a task without a slot may be at Kling, too.
        if self.is_first_read && task.state.holds_slot() {
            task.due_at_ms = 0;
        }
        if task.holds_slot() {
            memory.slots.take(task.id);
        }
        let now_ms = memory.context.clock.now_ms();
        memory.queues.put(task.into(), &memory.context.settings.policy, now_ms);
    }
}

impl<A> Memory<'_, A> {
    /// Returns how many tasks are kept ready: enough to fill each slot twice, so that a freed slot waits for no read.
    fn window(&self) -> usize {
        (self.slots.limit * 2).max(8)
    }

    fn page(&self, state: State) -> usize {
        match state {
            State::Downloading => self.context.settings.downloads + DOWNLOADS_AHEAD,
            State::Waiting => self.window(),
            _ => self.window() * 8,
        }
    }
}
