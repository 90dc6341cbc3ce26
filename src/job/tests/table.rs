//! Each state with each outcome: where it leads, or the name it is refused by.

use super::{NOW_MS, POLICY, Task, apply, moment, outcomes, task_in};
use crate::job::{Action, State, State::*, decide};

/// Where an outcome leads, by the state it came of. What is not here is illegal.
pub(super) const TABLE: &[(&str, &[(State, State)])] = &[
    ("Due", &[(Waiting, Queued)]),
    ("AudioMeasured", &[(Queued, Queued)]),
    ("Identified", &[(Queued, Identified), (Identified, Identified)]),
    ("SessionGone", &[(Identified, Queued)]),
    ("CreateIntended", &[(Identified, Creating)]),
    ("ResendIntended", &[(Creating, Creating)]),
    ("Accepted", &[(Creating, Submitted)]),
    ("NotSent", &[(Creating, Identified)]),
    ("Deferred", &[(Queued, Queued), (Identified, Identified), (Creating, Identified)]),
    ("Lost", &[(Creating, Creating)]),
    ("CreateRefused", &[(Creating, Creating)]),
    ("ResultOnDisk", &[(Queued, Downloading), (Identified, Downloading)]),
    (
        "Found",
        &[
            (Queued, Submitted),
            (Identified, Submitted),
            (Creating, Submitted),
            (Unresolved, Submitted),
            (Submitted, Submitted),
            (Processing, Submitted),
        ],
    ),
    ("Absent", &[(Creating, Creating)]),
    ("Undecided", &[(Creating, Unresolved)]),
    ("Conflict", &[(Identified, Unresolved), (Creating, Unresolved)]),
    ("Reopened", &[(Unresolved, Creating)]),
    ("Processing", &[(Submitted, Processing)]),
    ("TaskNotFound", &[(Submitted, Submitted), (Processing, Processing)]),
    ("TaskStatusUnknown", &[(Submitted, Submitted), (Processing, Processing)]),
    ("TaskReappeared", &[(Submitted, Submitted), (Processing, Processing)]),
    ("TaskSucceeded", &[(Submitted, Downloading), (Processing, Downloading)]),
    ("TaskFailed", &[(Submitted, Failed), (Processing, Failed)]),
    ("Delivered", &[(Downloading, Succeeded)]),
    (
        "TransientError",
        &[
            (Queued, Queued),
            (Identified, Identified),
            (Creating, Creating),
            (Downloading, Downloading),
        ],
    ),
    (
        "OutputBlocked",
        &[
            (Queued, Queued),
            (Identified, Identified),
            (Creating, Creating),
            (Downloading, Downloading),
        ],
    ),
    (
        "Refused",
        &[
            (Queued, Failed),
            (Identified, Failed),
            (Creating, Failed),
            (Submitted, Failed),
            (Processing, Failed),
            (Downloading, Failed),
        ],
    ),
    // Of a create request that was sent, only once lookups showed that it never arrived.
    (
        "Abandoned",
        &[
            (Waiting, Cancelled),
            (Queued, Cancelled),
            (Identified, Cancelled),
            (Creating, Cancelled),
            (Unresolved, Cancelled),
        ],
    ),
    ("Postponed", &[(Queued, Waiting), (Identified, Waiting)]),
    // Of what failed, only what Kling never accepted begins again.
    ("Revived", &[(Failed, Queued), (Cancelled, Queued)]),
    // Of what Kling accepted, see below.
    ("FollowedAgain", &[]),
    ("ResolvedAs", &[(Unresolved, Submitted)]),
    ("ResolvedAsUnsent", &[(Unresolved, Identified)]),
];

#[test]
fn every_pair_leads_where_the_table_says_or_is_refused_by_name() {
    assert_eq!(TABLE.len(), outcomes().len());
    for (name, outcome) in outcomes() {
        let (_, legal) = TABLE.iter().find(|row| row.0 == name).unwrap();
        for state in State::ALL {
            let task = task_in(state);
            let applied = apply(&task, outcome.clone(), &moment(NOW_MS), &POLICY);
            let expected = legal.iter().find(|pair| pair.0 == state).map(|pair| pair.1);
            match (applied, expected) {
                (Ok(moved), Some(to)) => {
                    assert_eq!((moved.from, moved.task.state), (state, to), "{name} of {state}");
                    assert!(!moved.what.is_empty());
                    assert_eq!(moved.task.revision, task.revision, "the store counts the writes");
                }
                (Err(illegal), None) => {
                    let words = illegal.to_string();
                    assert_eq!((illegal.state, illegal.outcome.as_str()), (state, name));
                    assert!(words.contains("promo/en") && words.contains(name), "{words}");
                }
                (Ok(moved), None) => panic!("{name} of {state} led to {}", moved.task.state),
                (Err(illegal), Some(_)) => panic!("{illegal}"),
            }
        }
    }
}

#[test]
fn each_state_has_its_next_action() {
    let action = |state| decide(&task_in(state), NOW_MS);
    let nothing = Action::Rest { until_ms: None };
    for (state, expected) in [
        (Waiting, Action::Enqueue),
        (Queued, Action::Identify),
        (Identified, Action::Create),
        (Creating, Action::Recover),
        (Submitted, Action::Poll),
        (Processing, Action::Poll),
        (Downloading, Action::Download),
        (Succeeded, nothing),
        (Failed, nothing),
        (Cancelled, nothing),
        (Unresolved, nothing),
    ] {
        assert_eq!(action(state), expected, "{state}");
    }
}

#[test]
fn what_rests_is_left_alone() {
    for state in State::ALL {
        let task = Task { due_at_ms: NOW_MS + 1, ..task_in(state) };
        let rests = decide(&task, NOW_MS) == Action::Rest { until_ms: Some(NOW_MS + 1) };
        let expected = !state.is_finished() && state != Unresolved;
        assert_eq!(rests, expected, "{state}");
        assert!(!matches!(decide(&task, NOW_MS + 1), Action::Rest { until_ms: Some(_) }));
    }
}

#[test]
fn audio_of_unknown_length_is_measured_and_an_expired_session_asked_for_again() {
    let mut task = task_in(Queued);
    task.spec.sound_end_ms = None;
    assert_eq!(decide(&task, NOW_MS), Action::MeasureAudio);
    task.media.audio_ms = Some(4_000);
    assert_eq!(decide(&task, NOW_MS), Action::Identify);

    let mut task = task_in(Identified);
    task.session.as_mut().unwrap().expires_at_ms = NOW_MS;
    assert_eq!(decide(&task, NOW_MS), Action::Identify);
    assert_eq!(decide(&task, NOW_MS - 1), Action::Create);
}
