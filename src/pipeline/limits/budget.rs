//! The daily budget: which tasks the caps of the UTC day allow to start, and why the queue is held.
//!
//! The database has what was charged, and the tasks at Kling. Steps that were started and are not recorded yet are added
//! here, so that many slots cannot spend the same rest of a day.

use std::collections::HashMap;

use super::budget_reason::reason;
use crate::{
    job::{AssumedPrices, BudgetHold, Caps, Cost, Length, Price, PriceList, Task, TaskId, admit},
    store::{BudgetNumbers, Hold, HoldKind},
};

#[cfg(test)]
mod tests;

const DAY_MS: i64 = 86_400_000;

#[derive(Debug)]
pub(crate) struct Budget {
    caps: Caps,
    prices: PriceList,
    /// The numbers may have changed since they were read.
    pub(crate) is_stale: bool,
    /// The UTC day of the numbers, counted from 1970.
    day: Option<i64>,
    spent: Cost,
    /// Tasks whose create request was sent on this day, and that were not charged yet.
    sent: HashMap<TaskId, Price>,
    /// Tasks whose create request may be sent by a step in progress.
    creating: HashMap<TaskId, Price>,
    /// The price of each Identify Face call in progress, and of its task.
    identifying: HashMap<TaskId, (Price, Price)>,
    /// Why the next task cannot start, and the key of its job.
    refusal: Option<(BudgetHold, Option<String>)>,
    /// The hold that the database has; none: unknown, because an earlier run may have left one.
    saved: Option<Option<Hold>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BudgetChange {
    /// Why new tasks wait; none: they do not.
    pub(crate) hold: Option<Hold>,
    /// The queue was not held for this kind of reason before.
    pub(crate) is_news: bool,
}

impl Budget {
    /// Without a cap, all tasks may start.
    pub(crate) fn new(caps: Caps, assumed: AssumedPrices) -> Self {
        Self {
            caps,
            prices: PriceList { assumed, ..PriceList::default() },
            is_stale: false,
            day: None,
            spent: Cost::default(),
            sent: HashMap::new(),
            creating: HashMap::new(),
            identifying: HashMap::new(),
            refusal: None,
            saved: None,
        }
    }

    pub(crate) fn needs_numbers(&self, now_ms: i64) -> bool {
        self.caps.any() && (self.is_stale || self.day != Some(day_of(now_ms)))
    }

    pub(crate) fn set_numbers(&mut self, numbers: BudgetNumbers, now_ms: i64) {
        let BudgetNumbers { spent, in_progress, observed, identify } = numbers;
        (self.is_stale, self.day, self.spent) = (false, Some(day_of(now_ms)), spent);
        (self.prices.observed, self.prices.identify) = (observed, identify);
        let priced = |(id, length)| (id, self.prices.task(length));
        self.sent = in_progress.into_iter().map(priced).collect();
    }

    /// Forgets the last refusal: dispatch asks for each task again. Without a task that waits, only a cap that is reached
    /// holds.
    pub(crate) fn begin_dispatch(&mut self) {
        let refused = admit(&self.caps, self.spent, &[], None);
        self.refusal = refused.err().map(|hold| (hold, None));
    }

    /// Whether the create request of `task` may be sent. Then its price counts until [`release`](Self::release).
    pub(crate) fn admit_create(&mut self, task: &Task) -> bool {
        if !self.caps.any() {
            return true;
        }
        let price = self.prices.task(Length::of_task(task));
        let others = self.in_progress(task.id);
        let admitted = match self.sent.contains_key(&task.id) {
            // It was admitted when it was sent first, and counts since then. Two such tasks would wait for each other.
            true => Ok(()),
            false => admit(&self.caps, self.spent, &others, Some(&price)),
        };
        match admitted {
            Ok(()) => {
                self.creating.insert(task.id, price);
                // A request that is to be sent again may have been refused before.
                self.refusal = None;
                true
            }
            Err(hold) => {
                self.refusal = Some((hold, Some(task.spec.key.clone())));
                false
            }
        }
    }

    /// Whether the video of `task` may be identified: only if the caps allow the task itself, too, after the tasks
    /// `ahead` that are identified already. Then its price counts until [`release`](Self::release).
    pub(crate) fn admit_identify<'t>(
        &mut self,
        task: &Task,
        ahead: impl Iterator<Item = &'t Task>,
    ) -> bool {
        if !self.caps.any() {
            return true;
        }
        let (call, create) = (self.prices.identify(), self.prices.task(Length::of_task(task)));
        let mut others = self.in_progress(task.id);
        let ahead: Vec<Price> = ahead.map(|task| self.prices.task(Length::of_task(task))).collect();
        others.extend(&ahead);
        others.extend(self.identifying.values().map(|(_, create)| *create));
        match admit(&self.caps, self.spent, &others, Some(&call.plus(create))) {
            Ok(()) => {
                self.identifying.insert(task.id, (call, create));
                true
            }
            // Tasks that are ahead wait for slots, not for the budget, unless they are refused themselves.
            Err(hold) => {
                if ahead.is_empty() && self.identifying.is_empty() && self.creating.is_empty() {
                    self.refusal = Some((hold, Some(task.spec.key.clone())));
                }
                false
            }
        }
    }

    /// The step of a task ended: from now on, the database has what it spent.
    pub(crate) fn release(&mut self, id: TaskId) {
        let was_paid =
            self.creating.remove(&id).is_some() || self.identifying.remove(&id).is_some();
        self.is_stale |= was_paid;
    }

    /// Whether the caps refused the next task.
    pub(crate) fn is_holding(&self) -> bool {
        self.refusal.is_some()
    }

    /// Returns the hold of the queue after a dispatch, if it is not what the database has.
    pub(crate) fn change(&mut self, now_ms: i64) -> Option<BudgetChange> {
        let resumes_at_ms = day_of(now_ms).saturating_add(1).saturating_mul(DAY_MS);
        let hold = self.refusal.as_ref().map(|(hold, key)| Hold {
            kind: if hold.waits_for_price { HoldKind::Price } else { HoldKind::Budget },
            reason: reason(hold, key.as_deref(), resumes_at_ms),
            until_ms: resumes_at_ms,
        });
        if self.saved.as_ref() == Some(&hold) {
            return None;
        }
        let kind = |hold: &Option<Hold>| hold.as_ref().map(|hold| hold.kind);
        let is_news = hold.is_some() && kind(&hold) != self.saved.as_ref().and_then(kind);
        self.saved = Some(hold.clone());
        Some(BudgetChange { hold, is_news })
    }

    /// The prices that count beside that of the task `but`. An Identify Face call in progress counts with its own.
    fn in_progress(&self, but: TaskId) -> Vec<Price> {
        let sent = self.sent.iter().filter(|(id, _)| !self.creating.contains_key(id));
        let create = sent.chain(&self.creating).filter(|(id, _)| **id != but);
        let calls = self.identifying.values().map(|(call, _)| *call);
        create.map(|(_, price)| *price).chain(calls).collect()
    }
}

fn day_of(now_ms: i64) -> i64 {
    now_ms.div_euclid(DAY_MS)
}
