//! Whatever happens in whatever order, and whatever the clock says: what must hold of every task.

use proptest::prelude::*;

use super::*;
use crate::job::{CreateAttempt, Plan};

/// Times as a clock may tell them: close together, a day back or forth, at the ends of the range.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0..60_000_i64).prop_map(|ms| NOW_MS + ms),
        2 => (-2..=2_i64).prop_map(|days| NOW_MS + days * 86_400_000),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => any::<i64>(),
    ]
}

fn any_scenario() -> impl Strategy<Value = Vec<(usize, i64, f64)>> {
    prop::collection::vec((0..outcomes().len(), any_time(), 0.0..1.0_f64), 1..80)
}

/// What `schema.sql` checks of every row, and more.
fn assert_audio(task: &Task) {
    let plan = task.plan.as_ref();
    match task.state {
        State::Creating => {
            assert!(task.create.is_some() && task.session.is_some() && plan.is_some())
        }
        State::Submitted | State::Processing | State::Downloading => {
            assert!(task.task_id.is_some())
        }
        State::Succeeded => assert!(task.task_id.is_some() && task.result.is_some()),
        State::Identified => {
            assert!(plan.is_some() && task.session.is_some());
            assert!(task.task_id.is_none());
        }
        State::Waiting | State::Queued => {
            assert!(task.task_id.is_none() && task.failure.is_none());
        }
        State::Failed | State::Cancelled => assert!(task.failure.is_some()),
        State::Unresolved => assert!(task.task_id.is_none()),
    }
    // Only while Kling may have a task of it.
    let is_open = matches!(task.state, State::Creating | State::Unresolved);
    assert!(task.create.is_none() || is_open || task.task_id.is_some(), "{task:?}");
    assert!(!task.slot_released || task.state.holds_slot(), "{task:?}");
    if !task.state.is_finished() {
        assert!(task.failure.is_none(), "{task:?}");
    }
    let crop = |plan: &Plan| plan.sound_end_ms - plan.sound_start_ms;
    assert!(plan.is_none_or(|plan| crop(plan) >= 2_000));
}

/// What one step may and may not do.
fn assert_step(before: &Task, name: &str, moved: &Transition, now_ms: i64) {
    let task = &moved.task;
    if before.state.is_finished() && task.state != before.state {
        let follows = name == "FollowedAgain" && before.was_accepted();
        assert!(follows || name == "Revived" && !before.was_accepted(), "{name}");
    }
    if before.task_id.is_some() && before.task_id != task.task_id {
        let corrected = name == "Found" || name == "ResolvedAs" && before.is_not_found();
        assert!(corrected, "{name}");
    }
    let may_exist = |task: &Task| task.create.as_ref().is_some_and(CreateAttempt::was_sent_before);
    if may_exist(before) && !may_exist(task) {
        // A person's word, or lookups that found no task for long enough.
        assert!(matches!(name, "ResolvedAsUnsent" | "Absent" | "Abandoned"), "{name}");
    }
    let named = before.task_id.is_none() && task.task_id.is_some();
    let accepted = named && name != "ResultOnDisk";
    assert_eq!(moved.spend.tasks == 1, accepted, "each task is counted once: {name}");
    assert!(moved.spend.identify.units_micro >= 0 && moved.spend.task.units_micro >= 0);
    assert!(task.cost.units_micro >= before.cost.units_micro);
    if task.due_at_ms != before.due_at_ms && task.due_at_ms != 0 && task.state != State::Waiting {
        assert!(task.due_at_ms >= now_ms);
        assert!(task.due_at_ms.saturating_sub(now_ms) <= POLICY.longest_rest_ms());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn no_scenario_leads_to_a_state_that_must_not_be(
        beginning in 0..State::ALL.len(),
        not_before in prop::option::of(any_time()),
        scenario in any_scenario(),
    ) {
        let mut task = task_in(State::ALL[beginning]);
        task.spec.not_before_at_ms = not_before;
        let outcomes = outcomes();
        for (index, now_ms, chance) in scenario {
            let (name, outcome) = outcomes[index].clone();
            let moment = Moment { now_ms, chance };
            let Ok(moved) = apply(&task, outcome, &moment, &POLICY) else { continue };
            assert_audio(&moved.task);
            assert_step(&task, name, &moved, now_ms);
            task = moved.task;
        }
    }

    #[test]
    fn only_what_stayed_absent_is_sent_again(absent_ms in any::<i64>(), now_ms in any_time()) {
        let moment = Moment { now_ms, chance: 0.5 };
        let resend = Outcome::ResendIntended { account: "a".into(), absent_ms };
        let sent = apply(&task_in(State::Creating), resend, &moment, &POLICY).is_ok();
        prop_assert_eq!(sent, absent_ms >= POLICY.create_settle_ms);
    }

    #[test]
    fn a_rest_is_over_in_time_whatever_the_clock_does(due_at_ms in any_time(), now_ms in any_time()) {
        let is_due = POLICY.is_due(due_at_ms, now_ms);
        let left_ms = due_at_ms.saturating_sub(now_ms);
        prop_assert_eq!(is_due, left_ms <= 0 || left_ms > POLICY.longest_rest_ms());
    }
}
