//! Scenarios: outcomes in any order that the table lets happen, at any time, in odd variants too.

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::job::{Action, decide};

/// What happens: by turns what goes well, so that scenarios come far, what keeps happening in this
/// one, and anything else.
pub(super) struct Scenario {
    not_before_at_ms: Option<i64>,
    habit: Index,
    turns: Vec<(Turn, i64, f64)>,
}

#[derive(Debug, Clone)]
enum Turn {
    Luck,
    Habit,
    Any(Index),
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names = Vec::new();
        play(self, |step| names.push(format!("{} at {}", step.name, step.moment.now_ms)));
        write!(f, "not before {:?}: {}", self.not_before_at_ms, names.join(", "))
    }
}

/// One step of a scenario.
pub(super) struct Step<'a> {
    pub(super) name: &'static str,
    pub(super) before: &'a Task,
    pub(super) moved: &'a Transition,
    pub(super) moment: Moment,
}

/// Times as a clock may tell them: close together, a day or two back or forth, at the ends.
pub(super) fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0..60_000_i64).prop_map(|ms| NOW_MS + ms),
        2 => (-2..=2_i64).prop_map(|days| NOW_MS + days * 86_400_000),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 0]),
    ]
}

pub(super) fn any_scenario() -> impl Strategy<Value = Scenario> {
    let turn = prop_oneof![
        4 => Just(Turn::Luck),
        3 => Just(Turn::Habit),
        3 => any::<Index>().prop_map(Turn::Any),
    ];
    let turns = prop::collection::vec((turn, any_time(), 0.0..1.0_f64), 1..80);
    (prop::option::weighted(0.2, any_time()), any::<Index>(), turns)
        .prop_map(|(not_before_at_ms, habit, turns)| Scenario { not_before_at_ms, habit, turns })
}

/// Every outcome, some of them with contents that are rare, or nonsense of the API's.
pub(crate) fn all_outcomes() -> Vec<(&'static str, Outcome)> {
    let mut all_outcomes = outcomes();
    let no_face = match identified() {
        Outcome::Identified { session, .. } => {
            Outcome::Identified { session, faces: vec![], cost: Some(Cost::units(i64::MAX)) }
        }
        other => other,
    };
    all_outcomes.extend([
        ("Identified", no_face),
        ("TaskSucceeded", Outcome::TaskSucceeded { charge: Some(Charge::units(i64::MAX)) }),
        (
            "TransientError",
            Outcome::TransientError(TransientError {
                retry_after_ms: Some(i64::MAX),
                ..transient_error()
            }),
        ),
        ("Revived", Outcome::Revived { sessions_after_ms: i64::MAX }),
    ]);
    all_outcomes
}

/// Plays a scenario of a new task, step by step; the task as it leaves it.
pub(super) fn play(scenario: &Scenario, mut observe: impl FnMut(&Step<'_>)) -> Task {
    let all_outcomes = all_outcomes();
    let mut task = task();
    if let Some(at_ms) = scenario.not_before_at_ms {
        task.spec.not_before_at_ms = Some(at_ms);
        (task.state, task.due_at_ms) = (State::Waiting, at_ms);
    }
    for (turn, now_ms, chance) in &scenario.turns {
        let moment = Moment { now_ms: *now_ms, chance: *chance };
        let (name, outcome) = match turn {
            Turn::Luck => next_success(&task, *now_ms),
            Turn::Habit => scenario.habit.get(&all_outcomes).clone(),
            Turn::Any(index) => index.get(&all_outcomes).clone(),
        };
        let Ok(moved) = apply(&task, outcome, &moment, &POLICY) else { continue };
        observe(&Step { name, before: &task, moved: &moved, moment });
        task = moved.task;
    }
    task
}

/// What comes next when all goes well.
pub(crate) fn next_success(task: &Task, now_ms: i64) -> (&'static str, Outcome) {
    let task_id = || "t".to_owned();
    match decide(task, now_ms) {
        Action::Rest { .. } if task.state == State::Unresolved => {
            ("ResolvedAs", Outcome::ResolvedAs { task_id: task_id() })
        }
        Action::Rest { .. } if task.state.is_finished() => {
            ("Revived", Outcome::Revived { sessions_after_ms: 0 })
        }
        Action::Rest { .. } => ("Due", Outcome::Due),
        Action::Enqueue => ("Due", Outcome::Due),
        Action::MeasureAudio => ("AudioMeasured", Outcome::AudioMeasured { length_ms: 4_000 }),
        Action::Identify => ("Identified", identified()),
        Action::Create => ("CreateIntended", intended()),
        Action::Recover => ("Found", Outcome::Found { task_id: task_id() }),
        Action::Poll => {
            ("TaskSucceeded", Outcome::TaskSucceeded { charge: Some(Charge::units(1)) })
        }
        Action::Download => ("Delivered", delivered()),
    }
}
