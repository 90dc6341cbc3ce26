//! Stories: outcomes in any order that the table lets happen, at any time, in odd variants too.

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::job::{Action, decide};

/// What happens: by turns what goes well, so that stories come far, what keeps happening in this
/// one, and anything else.
pub(super) struct Story {
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

impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names = Vec::new();
        tell(self, |step| names.push(format!("{} at {}", step.name, step.moment.now_ms)));
        write!(f, "not before {:?}: {}", self.not_before_at_ms, names.join(", "))
    }
}

/// One step of a story.
pub(super) struct Step<'a> {
    pub(super) name: &'static str,
    pub(super) before: &'a Job,
    pub(super) moved: &'a Transition,
    pub(super) moment: Moment,
}

/// Times as a clock may tell them: close together, a day or two back or forth, at the ends.
pub(super) fn a_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0..60_000_i64).prop_map(|ms| NOW_MS + ms),
        2 => (-2..=2_i64).prop_map(|days| NOW_MS + days * 86_400_000),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 0]),
    ]
}

pub(super) fn a_story() -> impl Strategy<Value = Story> {
    let turn = prop_oneof![
        4 => Just(Turn::Luck),
        3 => Just(Turn::Habit),
        3 => any::<Index>().prop_map(Turn::Any),
    ];
    let turns = prop::collection::vec((turn, a_time(), 0.0..1.0_f64), 1..80);
    (prop::option::weighted(0.2, a_time()), any::<Index>(), turns)
        .prop_map(|(not_before_at_ms, habit, turns)| Story { not_before_at_ms, habit, turns })
}

/// Every outcome, some of them with contents that are rare, or nonsense of the API's.
pub(crate) fn happenings() -> Vec<(&'static str, Outcome)> {
    let mut happenings = outcomes();
    let no_face = match identified() {
        Outcome::Identified { session, .. } => {
            Outcome::Identified { session, faces: vec![], units_micro: i64::MAX }
        }
        other => other,
    };
    happenings.extend([
        ("Identified", no_face),
        ("TaskSucceeded", Outcome::TaskSucceeded { units_micro: Some(i64::MAX) }),
        ("Trouble", Outcome::Trouble(Trouble { retry_after_ms: Some(i64::MAX), ..trouble() })),
        ("MediaReady", Outcome::MediaReady(Media { audio_ms: Some(1_000), ..Media::default() })),
        ("Edited", Outcome::Edited(Box::new(JobSpec { sound_end_ms: None, ..spec() }))),
    ]);
    happenings
}

/// Tells a story of a new job, step by step; the job as it leaves it.
pub(super) fn tell(story: &Story, mut hear: impl FnMut(&Step<'_>)) -> Job {
    let happenings = happenings();
    let spec = JobSpec { not_before_at_ms: story.not_before_at_ms, ..spec() };
    let mut job = Job::new(spec, "ext".into(), 0);
    for (turn, now_ms, chance) in &story.turns {
        let moment = Moment { now_ms: *now_ms, chance: *chance };
        let (name, outcome) = match turn {
            Turn::Luck => luck(&job, *now_ms),
            Turn::Habit => story.habit.get(&happenings).clone(),
            Turn::Any(index) => index.get(&happenings).clone(),
        };
        let Ok(moved) = apply(&job, outcome, &moment, &POLICY) else { continue };
        hear(&Step { name, before: &job, moved: &moved, moment });
        job = moved.job;
    }
    job
}

/// What comes next when all goes well.
pub(crate) fn luck(job: &Job, now_ms: i64) -> (&'static str, Outcome) {
    let task_id = || "t".to_owned();
    match decide(job, now_ms) {
        Action::Rest { .. } if job.state == State::Unresolved => {
            ("ResolvedAs", Outcome::ResolvedAs { task_id: task_id() })
        }
        Action::Rest { .. } => ("MediaReady", Outcome::MediaReady(Media::default())),
        Action::Enqueue => ("Due", Outcome::Due),
        Action::MeasureSound => ("SoundMeasured", Outcome::SoundMeasured { length_ms: 4_000 }),
        Action::Identify => ("Identified", identified()),
        Action::Create => ("CreateIntended", intended()),
        Action::LookUp => ("Found", Outcome::Found { task_id: task_id() }),
        Action::Poll => ("TaskSucceeded", Outcome::TaskSucceeded { units_micro: Some(1) }),
        Action::Download => ("Delivered", delivered()),
    }
}
