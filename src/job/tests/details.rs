//! What an outcome leaves in the task beside its state: due, tries, waits, spend, units.

use super::*;
use crate::job::{Action, decide};

fn waits(task: &Task) -> &str {
    task.wait_reason.as_deref().unwrap_or_default()
}

/// More than what a job needs to have been failing for a day.
const TRIES_OF_A_DAY: u32 = 290;

#[test]
fn a_clock_that_jumps_a_day_ahead_gives_nothing_up() {
    let day_ms = POLICY.give_up_after_ms;
    for state in [State::Queued, State::Identified] {
        let mut task = at(&task_in(state), Outcome::TransientError(transient_error()), NOW_MS).task;
        let mut tries = 1;
        while task.state == state {
            task = at(&task, Outcome::TransientError(transient_error()), NOW_MS + day_ms).task;
            tries += 1;
        }
        assert_eq!((task.state, tries), (State::Failed, 24));
    }
    let unseen = || Outcome::TaskNotFound("no such task".into());
    let task = at(&task_in(State::Submitted), unseen(), NOW_MS).task;
    // Kling keeps it for 30 days; a clock that was set ahead by more needs as many tries as a day takes.
    let mut task = at(&task, unseen(), NOW_MS + 31 * day_ms).task;
    for look in 0..21 {
        task = at(&task, unseen(), NOW_MS + 31 * day_ms).task;
        assert_eq!(task.state, State::Submitted, "{look}");
    }
    let gone = at(&task, unseen(), NOW_MS + 31 * day_ms).task;
    assert_eq!(gone.failure.unwrap().code, "task_gone");
    // A task that shows up again was never gone.
    let task = at(&task, Outcome::TaskReappeared, NOW_MS + day_ms).task;
    assert_eq!((task.tries, task.failing_since_ms), (0, None));
}

#[test]
fn failures_are_tried_again_later_each_time_until_they_are_given_up() {
    let mut task = task_in(State::Queued);
    for (tries, delay_ms) in [(1, 1_000), (2, 2_000), (3, 4_000)] {
        task = at(&task, Outcome::TransientError(transient_error()), NOW_MS).task;
        assert_eq!((task.tries, task.due_at_ms), (tries, NOW_MS + delay_ms));
        assert_eq!(task.failing_since_ms, Some(NOW_MS));
        assert!(waits(&task).contains("server busy"), "{}", waits(&task));
    }
    task.tries = TRIES_OF_A_DAY;
    let later =
        at(&task, Outcome::TransientError(transient_error()), NOW_MS + POLICY.give_up_after_ms)
            .task;
    assert_eq!(later.state, State::Failed);
    let failure = later.failure.unwrap();
    assert_eq!(failure.code, "gave_up");
    assert!(failure.message.contains("24 h") && failure.message.contains("server busy"));
    // A success in between wipes the slate.
    let task = at(&task, identified(), NOW_MS).task;
    assert_eq!((task.tries, task.failing_since_ms, task.due_at_ms), (0, None, 0));
    assert_eq!(task.wait_reason, None);
}

#[test]
fn a_result_that_was_paid_for_is_never_given_up() {
    for state in [State::Creating, State::Downloading] {
        let task = at(&task_in(state), Outcome::TransientError(transient_error()), NOW_MS).task;
        let later_ms = NOW_MS + 365 * POLICY.give_up_after_ms;
        let task = at(&task, Outcome::TransientError(transient_error()), later_ms).task;
        assert_eq!((task.state, task.tries), (state, 2));
    }
}

#[test]
fn a_server_that_asks_for_time_gets_it_up_to_an_hour() {
    let asked = |ms| {
        Outcome::TransientError(TransientError { retry_after_ms: Some(ms), ..transient_error() })
    };
    let due_in = |ms| at(&task_in(State::Queued), asked(ms), NOW_MS).task.due_at_ms - NOW_MS;
    assert_eq!(due_in(30_000), 30_000);
    assert_eq!(due_in(-5), 1_000);
    assert_eq!(due_in(i64::MAX), 3_600_000);
}

#[test]
fn what_is_the_accounts_affair_spends_no_attempt() {
    for state in [State::Queued, State::Identified, State::Creating] {
        let task = at(&task_in(state), Outcome::Deferred("paused".into()), NOW_MS).task;
        assert_eq!((task.tries, task.due_at_ms, task.failing_since_ms), (0, 0, None));
        assert!(waits(&task).ends_with("deferred the call: paused"), "{}", waits(&task));
        assert_eq!((&task.create, &task.failure), (&None, &None));
        let again = at(&Task { state, ..task }, Outcome::Deferred("paused".into()), NOW_MS);
        assert_eq!(
            again.repeats,
            state != State::Creating,
            "the history has each refused call once"
        );
    }
}

#[test]
fn an_output_that_cannot_be_written_is_waited_for_and_never_given_up() {
    for state in [State::Queued, State::Identified, State::Downloading] {
        let mut task = at(&task_in(state), Outcome::TransientError(transient_error()), NOW_MS).task;
        let mut repeated = Vec::new();
        for day in 0..3 {
            let now_ms = NOW_MS + day * 2 * POLICY.give_up_after_ms;
            let moved = at(&task, Outcome::OutputBlocked(transient_error()), now_ms);
            assert_eq!((moved.task.state, moved.task.failing_since_ms), (state, None));
            assert!(moved.task.due_at_ms > now_ms);
            assert!(waits(&moved.task).starts_with(crate::job::BLOCKED), "{}", waits(&moved.task));
            repeated.push(moved.repeats);
            task = moved.task;
        }
        assert_eq!(repeated, [false, true, true], "the history has it once");
        assert_eq!(task.tries, 4, "the delays grow");
    }
}

#[test]
fn what_a_job_costs_is_counted_where_it_is_message() {
    let task = task_in(State::Queued);
    let moved = at(&task, identified(), NOW_MS);
    assert_eq!((moved.spend.identify.units_micro, moved.task.cost.units_micro), (50_000, 50_000));
    let task = after(moved.task, [intended()]);
    let moved = at(&task, Outcome::Accepted { task_id: "t".into() }, NOW_MS);
    assert_eq!((moved.spend.tasks, moved.spend.task.units_micro), (1, 0));
    let failed =
        Outcome::TaskFailed { message: "why".into(), charge: Some(Charge::units(1_000_000)) };
    let moved = at(&moved.task, failed, NOW_MS);
    assert_eq!((moved.spend.task.units_micro, moved.task.cost.units_micro), (1_000_000, 1_050_000));
    assert_eq!(moved.task.failure.unwrap().code, "task_failed");
    // A shared answer costs nothing, and a face that does not fit costs all the same.
    let no_face = Outcome::Identified {
        session: Session {
            row: 1,
            session_id: "s".into(),
            identified_at_ms: NOW_MS,
            expires_at_ms: i64::MAX,
        },
        faces: vec![],
        cost: Some(Cost::units(50_000)),
    };
    let moved = at(&task_in(State::Queued), no_face, NOW_MS);
    assert_eq!((moved.task.state, moved.spend.identify.units_micro), (State::Failed, 50_000));
}

#[test]
fn a_task_is_followed_on_whatever_is_said_of_it() {
    let task = at(&task_in(State::Processing), Outcome::TaskNotFound("1203".into()), NOW_MS).task;
    let task = at(&task, Outcome::TaskStatusUnknown("the API says “resting”".into()), NOW_MS).task;
    assert_eq!((task.state, task.failing_since_ms), (State::Processing, None));
    assert_eq!(waits(&task), "the status of task t1 is unclear: the API says “resting”");
    let later_ms = NOW_MS + 365 * POLICY.give_up_after_ms;
    assert_eq!(
        at(&task, Outcome::TaskStatusUnknown("nothing".into()), later_ms).task.state,
        State::Processing
    );
    let clear = at(&task, Outcome::TaskReappeared, NOW_MS).task;
    assert_eq!((clear.state, clear.wait_reason), (State::Processing, None));
    let found = at(&task, Outcome::Found { task_id: "t2".into() }, NOW_MS);
    assert_eq!((found.task.state, found.task.task_id.as_deref()), (State::Submitted, Some("t2")));
    assert_eq!(found.spend.tasks, 0, "it is the same task, and was counted");
    assert!(found.what.contains("t1") && found.what.contains("t2"), "{}", found.what);
}

#[test]
fn a_cost_that_is_not_told_is_said_to_be_so() {
    let succeeded = Outcome::TaskSucceeded { charge: None };
    let moved = at(&task_in(State::Processing), succeeded, NOW_MS);
    assert_eq!(moved.spend, crate::job::Spend::default());
    assert!(moved.what.contains("did not report its cost"), "{}", moved.what);
}

#[test]
fn a_create_that_never_left_the_machine_comes_to_an_end() {
    let not_sent = || Outcome::NotSent("no connection".into());
    let task = at(&task_in(State::Creating), not_sent(), NOW_MS).task;
    assert_eq!((task.state, task.tries, task.due_at_ms), (State::Identified, 1, NOW_MS + 1_000));
    assert_eq!(task.create, None);
    let task = at(&at(&task, intended(), NOW_MS).task, not_sent(), NOW_MS + 1_000).task;
    assert_eq!((task.tries, task.due_at_ms), (2, NOW_MS + 3_000));
    let mut task = at(&task, intended(), NOW_MS).task;
    task.tries = TRIES_OF_A_DAY;
    let task = at(&task, not_sent(), NOW_MS + POLICY.give_up_after_ms).task;
    assert_eq!((task.state, task.task_id), (State::Failed, None));
}

#[test]
fn sessions_that_run_out_while_a_job_waits_do_not_fail_it() {
    let mut task = task_in(State::Queued);
    for day in 1..=9 {
        task = after(task, [identified(), intended()]);
        task = session_lost(&task, NOW_MS + day * 86_400_000);
        assert_eq!((task.state, i64::from(task.sessions_lost)), (State::Queued, day));
    }
}

/// The clock was set back since they were identified.
#[test]
fn sessions_from_any_time_to_come_do_not_fail_a_job() {
    let mut task = task_in(State::Queued);
    for lost in 1..=9 {
        task = after(task, [identified(), intended()]);
        task = session_lost(&task, NOW_MS - 86_400_000);
        assert_eq!((task.state, task.sessions_lost), (State::Queued, lost));
    }
}

#[test]
fn refused_session_is_never_used_again_and_the_next_refusal_fails() {
    let lost = session_lost(&task_in(State::Creating), NOW_MS);
    assert_eq!((lost.state, lost.sessions_lost), (State::Queued, 1));
    assert_eq!((&lost.session, &lost.plan, &lost.create), (&None, &None, &None));
    let before = task_in(State::Creating).session.unwrap();
    assert_eq!(lost.sessions_after_ms, before.identified_at_ms + 1);
    let lost_after_ms = lost.sessions_after_ms;
    let failed = session_lost(&after(lost, [identified(), intended()]), NOW_MS);
    assert_eq!(failed.failure.as_ref().unwrap().message, "no good");
    let again = at(&failed, Outcome::Revived { sessions_after_ms: 0 }, NOW_MS).task;
    assert_eq!((again.sessions_after_ms, again.sessions_lost), (lost_after_ms, 0));
}

#[test]
fn old_sessions_that_may_have_expired_are_replaced_some_times() {
    let mut task = task_in(State::Creating);
    let day_later_ms = NOW_MS + 86_400_000;
    for lost in 1..=5 {
        let refused = at(&task, refused_as(CreateAnswer::MaybeSessionGone), day_later_ms).task;
        task = at(&refused, Outcome::Absent { absent_ms: 0 }, day_later_ms).task;
        assert_eq!((task.state, task.sessions_lost), (State::Queued, lost));
        task = after(task, [identified(), intended()]);
    }
    let refused = at(&task, refused_as(CreateAnswer::MaybeSessionGone), day_later_ms).task;
    let failed = at(&refused, Outcome::Absent { absent_ms: 0 }, day_later_ms).task;
    assert_eq!(failed.state, State::Failed);
}

#[test]
fn not_before_is_waited_for() {
    let mut task = task_in(State::Cancelled);
    task.spec.not_before_at_ms = Some(NOW_MS + 5_000);
    let revived = || Outcome::Revived { sessions_after_ms: 0 };
    let early = at(&task, revived(), NOW_MS).task;
    assert_eq!((early.state, early.due_at_ms), (State::Waiting, NOW_MS + 5_000));
    assert_eq!(decide(&early, NOW_MS), Action::Rest { until_ms: Some(NOW_MS + 5_000) });
    assert_eq!(decide(&early, NOW_MS + 5_000), Action::Enqueue);
    let due = at(&early, Outcome::Due, NOW_MS + 5_000).task;
    assert_eq!((due.state, due.due_at_ms), (State::Queued, 0));
    let late = at(&task, revived(), NOW_MS + 5_000).task;
    assert_eq!((late.state, late.due_at_ms), (State::Queued, 0));
}

#[test]
fn postponed_task_keeps_its_session() {
    let postponed = Outcome::Postponed { until_ms: NOW_MS + 5_000 };
    let later = at(&task_in(State::Identified), postponed, NOW_MS).task;
    assert_eq!((later.state, later.due_at_ms), (State::Waiting, NOW_MS + 5_000));
    assert!(later.session.is_some());
    let queued = at(&later, Outcome::Due, NOW_MS + 5_000).task;
    assert_eq!(decide(&queued, NOW_MS + 5_000), Action::Identify);
}

/// A refusal is written once no earlier send can exist: nothing is there that must be followed.
#[test]
fn refused_create_leaves_nothing_to_follow() {
    let refused =
        at(&task_in(State::Creating), Outcome::Refused(permanent_error("no good")), NOW_MS).task;
    assert!(refused.is_uncreated());
    let again = at(&refused, Outcome::Revived { sessions_after_ms: 0 }, NOW_MS).task;
    assert_eq!(at(&again, Outcome::Abandoned, NOW_MS).task.state, State::Cancelled);
}

#[test]
fn revival_begins_again_and_keeps_the_cost() {
    let refused =
        at(&task_in(State::Creating), Outcome::Refused(permanent_error("no good")), NOW_MS).task;
    let revived = Outcome::Revived { sessions_after_ms: NOW_MS };
    let again = at(&refused, revived, NOW_MS).task;
    assert_eq!((again.state, &again.session, &again.plan), (State::Queued, &None, &None));
    assert_eq!((&again.failure, again.sessions_after_ms), (&None, NOW_MS));
    assert_eq!(again.cost.units_micro, refused.cost.units_micro);
    // A revival without a wish for newer sessions keeps an earlier wish.
    let ended = at(&again, Outcome::Refused(permanent_error("no good")), NOW_MS).task;
    let again = at(&ended, Outcome::Revived { sessions_after_ms: 0 }, NOW_MS).task;
    assert_eq!(again.sessions_after_ms, NOW_MS);
}

#[test]
fn take_is_part_of_the_name() {
    assert_eq!(Task::name_of("ab", None, 1), "lipsyncd-ab");
    assert_eq!(Task::name_of("ab", None, 2), "lipsyncd-ab-2");
    assert_eq!(Task::name_of("ab", Some("mine"), 1), "mine");
    assert_eq!(Task::name_of("ab", Some("mine"), 3), "mine-3");
}
