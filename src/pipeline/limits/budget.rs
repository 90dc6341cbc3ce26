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
        match admit(&self.caps, self.spent, &others, Some(&price)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job::ObservedPrice, testing::jobs::task};

    const NOW_MS: i64 = 1_795_953_600_000;

    fn caps(units: i64) -> Caps {
        Caps { units_micro: Some(units), money_micro: None }
    }

    fn budget(cap: i64, spent: i64) -> Budget {
        let mut budget = Budget::new(caps(cap), AssumedPrices::default());
        let length = Length::of_task(&new_task(0));
        let cost = Cost::units(500_000);
        let numbers = BudgetNumbers {
            spent: Cost::units(spent),
            in_progress: Vec::new(),
            observed: vec![ObservedPrice { length, cost }],
            identify: Some(Cost::units(50_000)),
        };
        budget.set_numbers(numbers, NOW_MS);
        budget.begin_dispatch();
        budget
    }

    fn new_task(id: TaskId) -> Task {
        let mut task = task();
        (task.id, task.media.audio_ms, task.media.video_ms) = (id, Some(4_000), Some(4_500));
        task
    }

    fn reason(budget: &mut Budget) -> String {
        budget.change(NOW_MS).unwrap().hold.unwrap().reason
    }

    #[test]
    fn a_hold_says_how_much_is_spent_and_until_when() {
        let mut budget = budget(400_000_000, 407_900_000);
        let hold = Hold {
            kind: HoldKind::Budget,
            reason: "daily budget reached (407.9 of 400 units); resumes 2026-11-30 00:00 UTC, \
                     or raise limits.units_per_day"
                .to_owned(),
            until_ms: 1_795_996_800_000,
        };
        assert!(budget.is_holding());
        let change = BudgetChange { hold: Some(hold), is_news: true };
        assert_eq!(budget.change(NOW_MS), Some(change));
        assert_eq!(budget.change(NOW_MS), None, "saved");
        assert!(!budget.needs_numbers(NOW_MS) && budget.needs_numbers(NOW_MS + DAY_MS));
        let unlimited = Budget::new(Caps::default(), AssumedPrices::default());
        assert!(!unlimited.needs_numbers(NOW_MS));
    }

    #[test]
    fn steps_in_progress_count_until_the_database_has_them() {
        let mut budget = budget(2_000_000, 600_000);
        assert!(budget.admit_create(&new_task(1)) && budget.admit_create(&new_task(2)));
        assert!(!budget.admit_create(&new_task(3)), "1.6 of 2 are taken");
        assert_eq!(
            reason(&mut budget),
            "daily budget reached (0.6 of 2 units; tasks in progress are expected to cost 1; the next task is \
             expected to cost 0.5); resumes 2026-11-30 00:00 UTC, or raise limits.units_per_day"
        );
        assert!(budget.admit_create(&new_task(2)), "it counts already");
        // One of them was refused, the other is in the database now.
        budget.release(1);
        budget.release(2);
        assert!(budget.needs_numbers(NOW_MS));
        let (observed, identify) = (budget.prices.observed.clone(), budget.prices.identify);
        let in_progress = vec![(2, Length::of_task(&new_task(2)))];
        let spent = Cost::units(600_000);
        let numbers = BudgetNumbers { spent, in_progress, observed, identify };
        budget.set_numbers(numbers, NOW_MS);
        budget.begin_dispatch();
        assert!(budget.admit_create(&new_task(3)) && !budget.admit_create(&new_task(4)));
    }

    #[test]
    fn no_video_is_identified_for_a_task_that_cannot_start_today() {
        let mut budget = budget(2_000_000, 400_000);
        let ahead = [new_task(1), new_task(2)];
        // 0.4 spent, 1 for the tasks ahead, 0.55 for this one.
        assert!(budget.admit_identify(&new_task(3), ahead.iter()));
        assert!(!budget.admit_identify(&new_task(4), ahead.iter()));
        assert!(!budget.is_holding(), "the tasks ahead may start");
        assert!(budget.admit_create(&ahead[0]));
    }

    #[test]
    fn tasks_of_unknown_price_run_one_at_a_time() {
        let mut budget = budget(10_000_000, 1_500_000);
        let mut unknown = [new_task(1), new_task(2)];
        unknown.iter_mut().for_each(|task| {
            (task.media.video_ms, task.spec.sound_end_ms) = (None, Some(30_000));
        });
        assert!(budget.admit_create(&unknown[0]));
        assert!(!budget.admit_create(&unknown[1]));
        assert_eq!(
            reason(&mut budget),
            "the price of the next task is unknown, so that one such task runs at a time (1.5 of 10 units spent \
             today, limits.units_per_day); it starts after the task that is in progress or unresolved, or set `prices` in the configuration"
        );
        assert!(budget.admit_create(&new_task(3)), "its price is known");
    }

    #[test]
    fn an_unknown_price_in_progress_is_not_shown_as_nothing() {
        let mut budget = budget(1_000_000, 600_000);
        let mut unknown = new_task(1);
        (unknown.media.video_ms, unknown.spec.sound_end_ms) = (None, Some(30_000));
        assert!(budget.admit_create(&unknown));
        assert!(!budget.admit_create(&new_task(2)));
        let shown = reason(&mut budget);
        assert!(
            shown.contains("(0.6 of 1 units; the price of a task in progress is unknown; the next"),
            "{shown}"
        );
        budget.caps = caps(1_500_000);
        budget.begin_dispatch();
        assert!(budget.admit_create(&new_task(2)) && !budget.admit_create(&new_task(3)));
        let shown = reason(&mut budget);
        assert!(
            shown.contains("; tasks in progress are expected to cost at least 0.5; the next"),
            "{shown}"
        );
    }

    #[test]
    fn a_guess_counts_with_the_most_that_it_may_be() {
        let mut budget = budget(13_000_000, 500_000);
        let mut guesses = [new_task(1), new_task(2), new_task(3)];
        guesses.iter_mut().for_each(|task| task.media.video_ms = None);
        // A video of 60 s costs 6.
        assert!(budget.admit_create(&guesses[0]) && budget.admit_create(&guesses[1]));
        assert!(!budget.admit_create(&guesses[2]));
        assert_eq!(
            reason(&mut budget),
            "the day could end above its budget (0.5 of 13 units spent today; the next task and those in progress may cost \
             up to 18, because the length of a video, or a price, is unknown); it starts after a task that is in \
             progress or unresolved, or raise limits.units_per_day"
        );
        assert!(budget.admit_create(&new_task(4)), "12.5 at most");
        budget.begin_dispatch();
        assert!(!budget.admit_create(&new_task(5)), "13.5 at most");
    }

    #[test]
    fn a_task_that_no_day_allows_says_so() {
        let mut budget = budget(300_000, 0);
        assert!(!budget.admit_create(&new_task(1)));
        assert_eq!(
            reason(&mut budget),
            "job promo/en is expected to cost 0.5 units, more than limits.units_per_day (0.3); raise limits.units_per_day, or cancel the job"
        );
    }
}
