//! The tables are complete: they have every outcome and every state, and no scenario leaves them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    scenario::{any_scenario, play},
    table::TABLE,
    *,
};
use State::{
    Cancelled, Creating, Failed, Identified, Processing, Queued, Submitted, Succeeded, Unresolved,
    Waiting,
};

/// Names the variants of an enum. A new one does not compile until it stands in its list, and is
/// then missed by the test below until it stands in every other.
macro_rules! every {
    ($kind:ident, $names:ident, $name_of:ident: $($name:ident)*) => {
        const $names: &[&str] = &[$(stringify!($name)),*];

        fn $name_of(one: &$kind) -> &'static str {
            match one { $($kind::$name { .. } => stringify!($name),)* }
        }
    };
}

every! { State, STATES, name_of_state:
    Waiting
    Queued
    Identified
    Creating
    Submitted
    Processing
    Downloading
    Succeeded
    Failed
    Cancelled
    Unresolved
}

every! { Outcome, OUTCOMES, name_of_outcome:
    Due
    AudioMeasured
    Identified
    SessionGone
    CreateIntended
    ResendIntended
    Accepted
    NotSent
    Deferred
    Lost
    CreateRefused
    ResultOnDisk
    Found
    Absent
    Undecided
    Conflict
    Reopened
    Processing
    TaskNotFound
    TaskStatusUnknown
    TaskReappeared
    TaskSucceeded
    TaskFailed
    Delivered
    TransientError
    OutputBlocked
    Refused
    Abandoned
    Postponed
    Revived
    FollowedAgain
    ResolvedAs
    ResolvedAsUnsent
}

/// Where an outcome leads beside what [`TABLE`] says, by what else is true of the task.
fn sometimes() -> Vec<(&'static str, Task, State)> {
    let failing = |state| Task {
        failing_since_ms: Some(NOW_MS - POLICY.give_up_after_ms),
        tries: u32::MAX,
        ..task_in(state)
    };
    let asking = |state, change: fn(&mut JobSpec)| {
        let mut task = task_in(state);
        change(&mut task.spec);
        task
    };
    let later = |state| asking(state, |spec| spec.not_before_at_ms = Some(NOW_MS + 1));
    let no_face = |state| asking(state, |spec| spec.face = FaceChoice::Index(7));
    let lost_before = Task { sessions_lost: 1, ..task_in(Identified) };
    let mut sent_again = task_in(Creating);
    sent_again.create.as_mut().unwrap().sends = 2;
    let answered = |answer| at(&task_in(Creating), refused_as(answer), NOW_MS).task;
    let lost_again = |answer| Task { sessions_lost: 1, ..answered(answer) };
    let lost = at(&task_in(Creating), Outcome::Lost("timeout".into()), NOW_MS).task;
    let old = |state| {
        let mut task = failing(state);
        task.create.as_mut().unwrap().first_sent_at_ms = NOW_MS - 31 * 86_400_000;
        task
    };
    let gone = at(&old(Submitted), Outcome::TaskNotFound("1203".into()), NOW_MS).task;
    let unsent = at(&task_in(Identified), Outcome::Conflict("another".into()), NOW_MS).task;
    vec![
        ("Revived", later(Failed), Waiting),
        ("Revived", later(Cancelled), Waiting),
        ("Identified", no_face(Queued), Failed),
        ("Identified", no_face(Identified), Failed),
        ("SessionGone", lost_before, Failed),
        ("NotSent", failing(Creating), Failed),
        ("TransientError", failing(Queued), Failed),
        ("TransientError", failing(Identified), Failed),
        ("TransientError", failing(Creating), Unresolved),
        ("TaskNotFound", old(Submitted), Failed),
        ("TaskNotFound", old(Processing), Failed),
        ("FollowedAgain", gone, Submitted),
        ("NotSent", sent_again.clone(), Creating),
        ("Deferred", sent_again.clone(), Creating),
        ("Refused", sent_again, Creating),
        ("Absent", answered(CreateAnswer::Refused), Failed),
        ("Absent", answered(CreateAnswer::SessionGone), Queued),
        ("Absent", answered(CreateAnswer::MaybeSessionGone), Queued),
        ("Absent", lost_again(CreateAnswer::SessionGone), Failed),
        ("Absent", lost_again(CreateAnswer::MaybeSessionGone), Failed),
        ("Absent", answered(CreateAnswer::NameExists), Creating),
        ("Found", unsent.clone(), Submitted),
        ("Reopened", unsent, Identified),
        ("ResolvedAs", lost.clone(), Submitted),
        ("ResolvedAsUnsent", lost, Identified),
        ("ResolvedAs", failing(Submitted), Submitted),
    ]
}

/// Every move there is: the outcome, whence, whither.
fn moves() -> BTreeSet<(&'static str, State, State)> {
    let usual =
        TABLE.iter().flat_map(|(name, pairs)| pairs.iter().map(|pair| (*name, pair.0, pair.1)));
    let early = [("Undecided", Creating, Creating)];
    let usual = usual.chain(early);
    usual.chain(sometimes().into_iter().map(|(name, task, to)| (name, task.state, to))).collect()
}

#[test]
fn what_else_is_true_of_a_task_leads_elsewhere() {
    for (name, task, to) in sometimes() {
        let (_, outcome) = outcomes().into_iter().find(|(other, _)| *other == name).unwrap();
        assert_eq!(at(&task, outcome, NOW_MS).task.state, to, "{name} of {}", task.state);
    }
}

#[test]
fn no_state_and_no_outcome_is_forgotten() {
    assert_eq!(State::ALL.each_ref().map(name_of_state).as_slice(), STATES);
    for (name, outcome) in outcomes() {
        assert_eq!(name, name_of_outcome(&outcome));
    }
    let all: BTreeSet<_> = OUTCOMES.iter().copied().collect();
    assert_eq!(outcomes().iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), all);
    assert_eq!(TABLE.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), all);
    assert_eq!((outcomes().len(), TABLE.len()), (all.len(), all.len()), "each stands there once");
}

#[test]
fn who_may_leave_an_end() {
    for (name, from, to) in moves() {
        let leaves = match from {
            Succeeded => false,
            Failed => matches!(name, "Revived" | "FollowedAgain"),
            Cancelled => name == "Revived",
            Unresolved => matches!(
                name,
                "Found" | "Reopened" | "Abandoned" | "ResolvedAs" | "ResolvedAsUnsent"
            ),
            _ => continue,
        };
        assert!(leaves, "{name}: {from} → {to}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(500)
    })]

    #[test]
    fn no_scenario_makes_a_move_that_is_in_no_table(scenario in any_scenario()) {
        let moves = moves();
        play(&scenario, |step| {
            let made = (step.name, step.moved.from, step.moved.task.state);
            assert!(moves.contains(&made), "{made:?}");
        });
    }
}
