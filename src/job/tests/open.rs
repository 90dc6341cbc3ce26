//! Create requests whose outcome is open: what each answer and each lookup leaves of them.

use super::*;
use crate::job::{Action, decide};

fn waits(task: &Task) -> &str {
    task.wait_reason.as_deref().unwrap_or_default()
}

/// More than what a task needs to have been failing for a day.
const TRIES_OF_A_DAY: u32 = 290;

fn absent(absent_ms: i64) -> Outcome {
    Outcome::Absent { absent_ms }
}

fn resend() -> Outcome {
    Outcome::ResendIntended { account: "a".into(), absent_ms: POLICY.create_settle_ms }
}

#[test]
fn a_lost_create_is_sent_again_only_after_it_stayed_absent() {
    let lost = at(&task_in(State::Creating), Outcome::Lost("timeout".into()), NOW_MS).task;
    assert_eq!(decide(&lost, NOW_MS), Action::Recover);
    assert!(waits(&lost).contains("timeout"));
    // However far the wall clock went on: it counts nothing.
    let first = at(&lost, absent(0), NOW_MS + 3_600_000).task;
    assert_eq!(first.due_at_ms, NOW_MS + 3_600_000 + 1_000);
    assert_eq!(decide(&first, first.due_at_ms), Action::Recover);
    let early = at(&first, absent(9_999), NOW_MS).task;
    assert_eq!(early.due_at_ms, NOW_MS + 1, "no longer than the settle time asks");
    for too_early in [i64::MIN, -1, 0, 9_999] {
        let resend = Outcome::ResendIntended { account: "a".into(), absent_ms: too_early };
        assert!(apply(&early, resend, &moment(NOW_MS), &POLICY).is_err(), "{too_early}");
    }
    let settled = at(&early, absent(10_000), NOW_MS).task;
    assert_eq!(decide(&settled, NOW_MS), Action::Recover, "each send is preceded by a look");
    assert!(waits(&settled).contains("will be sent again"));
    // It is the same create.
    let again = at(&settled, resend(), NOW_MS + 10_500).task;
    let create = again.create.as_ref().unwrap();
    assert_eq!((create.first_sent_at_ms, create.sent_at_ms), (NOW_MS, NOW_MS + 10_500));
    assert_eq!((create.sends, create.was_sent_before()), (2, true));
    assert_eq!(decide(&again, NOW_MS + 99_999), Action::Recover);
    // A task that shows up is taken, however late.
    let found = at(&settled, Outcome::Found { task_id: "t".into() }, NOW_MS + 12_000).task;
    assert_eq!(found.task_id.as_deref(), Some("t"));
}

/// Other tasks may have the slots by then.
#[test]
fn reopened_task_holds_no_slot_before_it_is_sent_again() {
    let unresolved = after(task_in(State::Creating), [Outcome::Conflict("another".into())]);
    let reopened = at(&unresolved, Outcome::Reopened, NOW_MS).task;
    assert_eq!((reopened.state, reopened.holds_slot()), (State::Creating, false));
    let early = at(&reopened, absent(9_999), NOW_MS).task;
    assert!(!early.holds_slot());
    assert!(after(early, [resend()]).holds_slot());
    let found = Outcome::Found { task_id: "t".into() };
    assert!(after(reopened, [found]).holds_slot());
}

#[test]
fn what_was_sent_before_is_not_forgotten_by_what_a_later_send_comes_to() {
    let again = after(task_in(State::Creating), [resend()]);
    for outcome in [Outcome::Deferred("1303".into()), Outcome::NotSent("no network".into())] {
        let held = at(&again, outcome, NOW_MS).task;
        assert_eq!((held.state, &held.create), (State::Creating, &again.create));
        assert!(!waits(&held).is_empty());
    }
    // A refusal of the second send says nothing of the first: it counts once no task has shown up for long.
    for (answer, state) in [
        (CreateAnswer::Refused, State::Failed),
        (CreateAnswer::SessionGone, State::Queued),
        // With a young session, it may mean that the first send has become a task.
        (CreateAnswer::MaybeSessionGone, State::Failed),
    ] {
        let refused = at(&again, refused_as(answer), NOW_MS).task;
        let early = at(&refused, absent(9_999), NOW_MS).task;
        assert_eq!((early.state, early.is_uncreated()), (State::Creating, false));
        let found = Outcome::Found { task_id: "t".into() };
        assert_eq!(at(&early, found, NOW_MS).task.state, State::Submitted);
        let settled = at(&early, absent(10_000), NOW_MS).task;
        assert_eq!((settled.state, settled.is_uncreated()), (state, true));
    }
    let refused = at(&again, Outcome::Refused(permanent_error("no good")), NOW_MS).task;
    assert_eq!((refused.state, refused.is_uncreated()), (State::Creating, false));
    // The first and only send, when it is refused, leaves nothing behind.
    for outcome in [Outcome::Deferred("1303".into()), Outcome::NotSent("none".into())] {
        assert!(at(&task_in(State::Creating), outcome, NOW_MS).task.is_uncreated());
    }
    assert!(session_lost(&task_in(State::Creating), NOW_MS).is_uncreated());
}

/// Kling says that a task of the name exists: however long none shows up, nothing is sent again.
#[test]
fn a_name_that_exists_is_never_sent_again() {
    let exists = at(&task_in(State::Creating), refused_as(CreateAnswer::NameExists), NOW_MS).task;
    let absent = at(&exists, absent(i64::MAX), NOW_MS).task;
    assert_eq!(absent.state, State::Creating);
    let why = || "none is shown".to_owned();
    let early = Outcome::Undecided { why: why(), absent_ms: 9_999 };
    assert_eq!(at(&exists, early, NOW_MS).task.state, State::Creating);
    let settled = Outcome::Undecided { why: why(), absent_ms: 10_000 };
    assert_eq!(at(&exists, settled, NOW_MS).task.state, State::Unresolved);
}

#[test]
fn lookups_that_fail_for_long_leave_the_create_request_to_a_person() {
    let lost = at(&task_in(State::Creating), Outcome::Lost("timeout".into()), NOW_MS).task;
    let failed =
        |task: &Task, now_ms| at(task, Outcome::TransientError(transient_error()), now_ms).task;
    let failing = failed(&lost, NOW_MS);
    assert!(waits(&failing).contains("sent once") && waits(&failing).contains("timeout"));
    assert!(waits(&failing).contains("server busy"), "{}", waits(&failing));
    assert!(failing.holds_slot());
    let quarter_ms = 15 * 60 * 1_000;
    assert!(failed(&failing, NOW_MS + quarter_ms).holds_slot());
    let long = failed(&failing, NOW_MS + quarter_ms + 1);
    assert_eq!((long.state, long.holds_slot()), (State::Creating, false));
    // A clock that was set ahead makes no long time of a few tries.
    let ahead = failed(&failing, NOW_MS + POLICY.give_up_after_ms);
    assert_eq!(ahead.state, State::Creating);
    let tried = Task { tries: TRIES_OF_A_DAY, ..long };
    let given_up = failed(&tried, NOW_MS + POLICY.give_up_after_ms);
    assert_eq!((given_up.state, given_up.holds_slot()), (State::Unresolved, false));
    // More is known: it is looked up without a slot, and holds one again as soon as it is sent again.
    let reopened = at(&given_up, Outcome::Reopened, NOW_MS + 2 * POLICY.give_up_after_ms).task;
    assert_eq!((reopened.state, reopened.holds_slot()), (State::Creating, false));
    let again = at(&reopened, resend(), NOW_MS + 2 * POLICY.give_up_after_ms).task;
    assert!(again.holds_slot());
}

/// A person may decide before it is unresolved, but not while the answer may still arrive.
#[test]
fn a_person_decides_only_after_the_answer_failed_to_come() {
    let sending = task_in(State::Creating);
    assert!(sending.is_sending());
    for decision in
        [Outcome::ResolvedAs { task_id: "t".into() }, Outcome::ResolvedAsUnsent { is_sure: true }]
    {
        assert!(apply(&sending, decision, &moment(NOW_MS), &POLICY).is_err());
    }
    let lost = at(&sending, Outcome::Lost("timeout".into()), NOW_MS).task;
    let named = at(&lost, Outcome::ResolvedAs { task_id: "t".into() }, NOW_MS).task;
    assert_eq!((named.state, named.task_id.as_deref()), (State::Submitted, Some("t")));
    let unsent = at(&lost, Outcome::ResolvedAsUnsent { is_sure: true }, NOW_MS).task;
    assert_eq!((unsent.state, unsent.is_uncreated()), (State::Identified, true));
    assert_eq!(unsent.resend, Some(crate::job::Resend::Sure));
}

/// Kling keeps results for 30 days: a task that it does not show is asked for as long, ever more seldom.
#[test]
fn a_task_out_of_sight_is_asked_for_as_long_as_kling_keeps_it() {
    let unseen = |task: &Task, now_ms| at(task, Outcome::TaskNotFound("1203".into()), now_ms).task;
    let first = unseen(&task_in(State::Processing), NOW_MS);
    assert_eq!((first.state, first.due_at_ms, first.holds_slot()), (State::Processing, 0, true));
    let later_ms = NOW_MS + 15 * 60 * 1_000 + 1;
    let later = unseen(&first, later_ms);
    assert_eq!((later.holds_slot(), later.due_at_ms), (false, later_ms + 3_600_000));
    assert_eq!(decide(&later, later_ms), Action::Rest { until_ms: Some(later.due_at_ms) });
    let day_ms = 86_400_000;
    let tried = Task { tries: 40 * TRIES_OF_A_DAY, ..later };
    assert_eq!(unseen(&tried, NOW_MS + 30 * day_ms).state, State::Processing);
    let gone = unseen(&tried, NOW_MS + 30 * day_ms + 1);
    assert_eq!(gone.failure.as_ref().unwrap().code, "task_gone");
    let followed = at(&gone, Outcome::FollowedAgain, NOW_MS + 31 * day_ms).task;
    assert_eq!((followed.state, &followed.failure), (State::Submitted, &None));
    assert_eq!(followed.task_id, gone.task_id);
    let unsent =
        at(&task_in(State::Queued), Outcome::Refused(permanent_error("no good")), NOW_MS).task;
    assert!(apply(&unsent, Outcome::FollowedAgain, &moment(NOW_MS), &POLICY).is_err());
}
