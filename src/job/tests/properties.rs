//! Whatever happens in whatever order, and whatever the clock says: what must hold of every job.

use proptest::prelude::*;

use super::*;
use crate::job::{Action, Plan, decide};

/// Times as a clock may tell them: close together, a day back or forth, at the ends of the range.
fn a_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0..60_000_i64).prop_map(|ms| NOW_MS + ms),
        2 => (-2..=2_i64).prop_map(|days| NOW_MS + days * 86_400_000),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => any::<i64>(),
    ]
}

fn a_story() -> impl Strategy<Value = Vec<(usize, i64, f64)>> {
    prop::collection::vec((0..outcomes().len(), a_time(), 0.0..1.0_f64), 1..80)
}

/// What `schema.sql` checks of every row, and more.
fn assert_sound(job: &Job) {
    let plan = job.plan.as_ref();
    match job.state {
        State::Creating => assert!(job.create.is_some() && job.session.is_some() && plan.is_some()),
        State::Submitted | State::Processing | State::Downloading => assert!(job.task_id.is_some()),
        State::Succeeded => assert!(job.task_id.is_some() && job.result.is_some()),
        State::Identified => {
            assert!(plan.is_some() && job.session.is_some());
            assert!(job.task_id.is_none() && job.create.is_none());
        }
        State::Waiting | State::Queued => {
            assert!(job.task_id.is_none() && job.create.is_none());
        }
        State::Failed | State::Cancelled => assert!(job.failure.is_some()),
        State::Unresolved => assert!(job.create.is_some()),
    }
    if !job.state.is_finished() {
        assert!(job.failure.is_none(), "{job:?}");
    }
    let crop = |plan: &Plan| plan.sound_end_ms - plan.sound_start_ms;
    assert!(plan.is_none_or(|plan| crop(plan) >= 2_000));
}

/// What one step may and may not do.
fn assert_step(before: &Job, name: &str, moved: &Transition, now_ms: i64) {
    let job = &moved.job;
    if before.state.is_finished() && job.state != before.state {
        assert!(matches!(name, "Retried" | "Returned" | "Edited"), "{name}");
    }
    if before.task_id.is_some() && before.task_id != job.task_id {
        assert!(name == "Retried" || name == "ResolvedAs" && before.is_unseen(), "{name}");
    }
    let accepted = before.task_id.is_none() && job.task_id.is_some();
    assert_eq!(moved.spend.tasks == 1, accepted, "each task is counted once: {name}");
    assert!(moved.spend.identify_micro >= 0 && moved.spend.task_micro >= 0);
    assert!(job.units_micro >= before.units_micro);
    if job.due_at_ms != before.due_at_ms && job.due_at_ms != 0 && job.state != State::Waiting {
        assert!(job.due_at_ms >= now_ms);
        assert!(job.due_at_ms.saturating_sub(now_ms) <= POLICY.longest_rest_ms());
    }
}

/// The lookups since the create was last sent that found nothing.
#[derive(Default)]
struct Absences(Vec<i64>);

impl Absences {
    fn hear(&mut self, name: &str, now_ms: i64) {
        match name {
            "Absent" => self.0.push(now_ms),
            "Trouble" | "Blocked" => {}
            _ => self.0.clear(),
        }
    }

    fn settled(&self) -> bool {
        let since = |(n, at_ms): (usize, &i64)| {
            self.0[n + 1..]
                .iter()
                .any(|later_ms| later_ms.saturating_sub(*at_ms) >= POLICY.create_settle_ms)
        };
        self.0.iter().enumerate().any(since)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn no_story_leads_to_a_state_that_must_not_be(
        beginning in 0..State::ALL.len(),
        not_before in prop::option::of(a_time()),
        story in a_story(),
    ) {
        let mut job = job_in(State::ALL[beginning]);
        job.spec.not_before_at_ms = not_before;
        let outcomes = outcomes();
        let mut absences = Absences::default();
        for (index, now_ms, chance) in story {
            let (name, outcome) = outcomes[index].clone();
            let moment = Moment { now_ms, chance };
            let Ok(moved) = apply(&job, outcome, &moment, &POLICY) else { continue };
            assert_sound(&moved.job);
            assert_step(&job, name, &moved, now_ms);
            absences.hear(name, now_ms);
            job = moved.job;
            if decide(&job, i64::MAX) == Action::Resend {
                assert!(absences.settled(), "{name}: {:?}", absences.0);
            }
        }
    }

    #[test]
    fn a_rest_is_over_in_time_whatever_the_clock_does(due_at_ms in a_time(), now_ms in a_time()) {
        let is_due = POLICY.is_due(due_at_ms, now_ms);
        let left_ms = due_at_ms.saturating_sub(now_ms);
        prop_assert_eq!(is_due, left_ms <= 0 || left_ms > POLICY.longest_rest_ms());
    }
}
