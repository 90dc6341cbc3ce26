//! Which tasks the caps of a day allow to start, and why others wait.

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
fn what_was_sent_today_is_sent_again_whatever_was_learned_since() {
    let mut budget = budget(2_000_000, 600_000);
    let (observed, identify) = (budget.prices.observed.clone(), budget.prices.identify);
    let mut unknown = [new_task(1), new_task(2), new_task(3)];
    unknown.iter_mut().for_each(|task| task.spec.sound_end_ms = Some(30_000));
    let in_progress = unknown[..2].iter().map(|task| (task.id, Length::of_task(task))).collect();
    let spent = Cost::units(600_000);
    budget.set_numbers(BudgetNumbers { spent, in_progress, observed, identify }, NOW_MS);
    budget.begin_dispatch();
    assert!(budget.admit_create(&unknown[0]) && budget.admit_create(&unknown[1]));
    assert!(!budget.admit_create(&unknown[2]));
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
