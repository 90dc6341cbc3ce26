//! What an outcome leaves in the job beside its state: due, tries, waits, spend, units.

use super::*;
use crate::job::{Action, decide};

fn waits(job: &Job) -> &str {
    job.waits.as_deref().unwrap_or_default()
}

/// More than what a job needs to have been failing for a day.
const TRIES_OF_A_DAY: u32 = 290;

#[test]
fn a_clock_that_jumps_a_day_ahead_gives_nothing_up() {
    let day_ms = POLICY.give_up_after_ms;
    for state in [State::Queued, State::Identified] {
        let mut job = at(&job_in(state), Outcome::Trouble(trouble()), NOW_MS).job;
        let mut tries = 1;
        while job.state == state {
            job = at(&job, Outcome::Trouble(trouble()), NOW_MS + day_ms).job;
            tries += 1;
        }
        assert_eq!((job.state, tries), (State::Failed, 24));
    }
    let unseen = || Outcome::Unseen("no such task".into());
    let mut job = at(&job_in(State::Submitted), unseen(), NOW_MS).job;
    for look in 0..23 {
        let moved = at(&job, unseen(), NOW_MS + day_ms);
        assert_eq!((moved.job.state, moved.repeats), (State::Submitted, true), "{look}");
        job = moved.job;
    }
    let gone = at(&job, unseen(), NOW_MS + day_ms).job;
    assert_eq!(gone.failure.unwrap().code, "task_gone");
    // A task that shows up again was never gone.
    let job = at(&job, Outcome::SeenAgain, NOW_MS + day_ms).job;
    assert_eq!((job.tries, job.failing_since_ms), (0, None));
}

#[test]
fn failures_are_tried_again_later_each_time_until_they_are_given_up() {
    let mut job = job_in(State::Queued);
    for (tries, delay_ms) in [(1, 1_000), (2, 2_000), (3, 4_000)] {
        job = at(&job, Outcome::Trouble(trouble()), NOW_MS).job;
        assert_eq!((job.tries, job.due_at_ms), (tries, NOW_MS + delay_ms));
        assert_eq!(job.failing_since_ms, Some(NOW_MS));
        assert!(waits(&job).contains("in trouble"), "{}", waits(&job));
    }
    job.tries = TRIES_OF_A_DAY;
    let later = at(&job, Outcome::Trouble(trouble()), NOW_MS + POLICY.give_up_after_ms).job;
    assert_eq!(later.state, State::Failed);
    let failure = later.failure.unwrap();
    assert_eq!(failure.code, "gave_up");
    assert!(failure.message.contains("24 h") && failure.message.contains("in trouble"));
    // A success in between wipes the slate.
    let job = at(&job, identified(), NOW_MS).job;
    assert_eq!((job.tries, job.failing_since_ms, job.due_at_ms), (0, None, 0));
    assert_eq!(job.waits, None);
}

#[test]
fn a_result_that_was_paid_for_is_never_given_up() {
    for state in [State::Creating, State::Downloading] {
        let job = at(&job_in(state), Outcome::Trouble(trouble()), NOW_MS).job;
        let later_ms = NOW_MS + 365 * POLICY.give_up_after_ms;
        let job = at(&job, Outcome::Trouble(trouble()), later_ms).job;
        assert_eq!((job.state, job.tries), (state, 2));
    }
}

#[test]
fn a_server_that_asks_for_time_gets_it_up_to_an_hour() {
    let asked = |ms| Outcome::Trouble(Trouble { retry_after_ms: Some(ms), ..trouble() });
    let due_in = |ms| at(&job_in(State::Queued), asked(ms), NOW_MS).job.due_at_ms - NOW_MS;
    assert_eq!(due_in(30_000), 30_000);
    assert_eq!(due_in(-5), 1_000);
    assert_eq!(due_in(i64::MAX), 3_600_000);
}

#[test]
fn what_is_the_accounts_affair_spends_no_attempt() {
    for state in [State::Queued, State::Identified, State::Creating] {
        let job = at(&job_in(state), Outcome::HeldBack("paused".into()), NOW_MS).job;
        assert_eq!((job.tries, job.due_at_ms, job.failing_since_ms), (0, 0, None));
        assert!(waits(&job).ends_with("held it back: paused"), "{}", waits(&job));
        assert_eq!((job.create, job.failure), (None, None));
    }
}

#[test]
fn an_output_that_cannot_be_written_is_waited_for_and_never_given_up() {
    for state in [State::Queued, State::Identified, State::Downloading] {
        let mut job = at(&job_in(state), Outcome::Trouble(trouble()), NOW_MS).job;
        let mut repeated = Vec::new();
        for day in 0..3 {
            let now_ms = NOW_MS + day * 2 * POLICY.give_up_after_ms;
            let moved = at(&job, Outcome::Blocked(trouble()), now_ms);
            assert_eq!((moved.job.state, moved.job.failing_since_ms), (state, None));
            assert!(moved.job.due_at_ms > now_ms);
            assert!(waits(&moved.job).starts_with(crate::job::BLOCKED), "{}", waits(&moved.job));
            repeated.push(moved.repeats);
            job = moved.job;
        }
        assert_eq!(repeated, [false, true, true], "it is told once");
        assert_eq!(job.tries, 4, "the delays grow");
    }
}

#[test]
fn what_a_job_costs_is_counted_where_it_is_told() {
    let job = job_in(State::Queued);
    let moved = at(&job, identified(), NOW_MS);
    assert_eq!((moved.spend.identify_micro, moved.job.units_micro), (50_000, 50_000));
    let job = after(moved.job, [intended()]);
    let moved = at(&job, Outcome::Accepted { task_id: "t".into() }, NOW_MS);
    assert_eq!((moved.spend.tasks, moved.spend.task_micro), (1, 0));
    let failed = Outcome::TaskFailed { message: "why".into(), units_micro: Some(1_000_000) };
    let moved = at(&moved.job, failed, NOW_MS);
    assert_eq!((moved.spend.task_micro, moved.job.units_micro), (1_000_000, 1_050_000));
    assert_eq!(moved.job.failure.unwrap().code, "task_failed");
    // A shared answer costs nothing, and a face that does not fit costs all the same.
    let no_face = Outcome::Identified {
        session: Session {
            row: 1,
            session_id: "s".into(),
            identified_at_ms: NOW_MS,
            expires_at_ms: i64::MAX,
        },
        faces: vec![],
        units_micro: 50_000,
    };
    let moved = at(&job_in(State::Queued), no_face, NOW_MS);
    assert_eq!((moved.job.state, moved.spend.identify_micro), (State::Failed, 50_000));
}

fn absent(absent_ms: i64) -> Outcome {
    Outcome::Absent { absent_ms }
}

fn resend() -> Outcome {
    Outcome::ResendIntended { absent_ms: POLICY.create_settle_ms }
}

#[test]
fn a_lost_create_is_sent_again_only_after_it_stayed_absent() {
    let lost = at(&job_in(State::Creating), Outcome::Lost("timeout".into()), NOW_MS).job;
    assert_eq!(decide(&lost, NOW_MS), Action::LookUp);
    assert!(waits(&lost).contains("timeout"));
    // However far the wall clock went on: it counts nothing.
    let first = at(&lost, absent(0), NOW_MS + 3_600_000).job;
    assert_eq!(first.due_at_ms, NOW_MS + 3_600_000 + 1_000);
    assert_eq!(decide(&first, first.due_at_ms), Action::LookUp);
    let early = at(&first, absent(9_999), NOW_MS).job;
    assert_eq!(early.due_at_ms, NOW_MS + 1, "no longer than the settle time asks");
    for too_early in [i64::MIN, -1, 0, 9_999] {
        let resend = Outcome::ResendIntended { absent_ms: too_early };
        assert!(apply(&early, resend, &moment(NOW_MS), &POLICY).is_err(), "{too_early}");
    }
    let settled = at(&early, absent(10_000), NOW_MS).job;
    assert_eq!(decide(&settled, NOW_MS), Action::LookUp, "each send is preceded by a look");
    assert!(waits(&settled).contains("to be sent again"));
    // It is the same create.
    let again = at(&settled, resend(), NOW_MS + 10_500).job;
    let create = again.create.as_ref().unwrap();
    assert_eq!((create.first_sent_at_ms, create.sent_at_ms), (NOW_MS, NOW_MS + 10_500));
    assert_eq!((create.sends, create.was_sent_before()), (2, true));
    assert_eq!(decide(&again, NOW_MS + 99_999), Action::LookUp);
    // A task that shows up is taken, however late.
    let found = at(&settled, Outcome::Found { task_id: "t".into() }, NOW_MS + 12_000).job;
    assert_eq!(found.task_id.as_deref(), Some("t"));
}

#[test]
fn what_was_sent_before_is_not_forgotten_by_what_a_later_send_comes_to() {
    let again = after(job_in(State::Creating), [resend()]);
    for outcome in [Outcome::HeldBack("1303".into()), Outcome::NotSent("no network".into())] {
        let held = at(&again, outcome, NOW_MS).job;
        assert_eq!((held.state, &held.create), (State::Creating, &again.create));
        assert!(!waits(&held).is_empty());
    }
    // Another session, or other media, are used under the same name: what goes by it is looked for.
    let gone = || Outcome::SessionGone("gone".into());
    let ready = || Outcome::MediaReady(Media::default());
    let session_gone = after(again.clone(), [gone(), identified()]);
    let media_changed =
        after(again, [Outcome::MediaChanged("other".into()), ready(), identified()]);
    for job in [session_gone, media_changed] {
        assert_eq!(job.state, State::Identified);
        assert!(!job.was_never_sent());
        let found = Outcome::Found { task_id: "t".into() };
        assert_eq!(at(&job, found, NOW_MS).job.state, State::Submitted);
        let job = at(&job, intended(), NOW_MS + 1).job;
        let create = job.create.as_ref().unwrap();
        assert_eq!((create.first_sent_at_ms, create.sends), (NOW_MS, 3));
        assert_eq!(at(&job, Outcome::HeldBack("1303".into()), NOW_MS).job.state, State::Creating);
    }
    // The first and only send, when it is refused, leaves nothing behind.
    for outcome in [gone(), Outcome::HeldBack("1303".into()), Outcome::NotSent("none".into())] {
        assert!(at(&job_in(State::Creating), outcome, NOW_MS).job.was_never_sent());
    }
}

#[test]
fn a_task_is_followed_on_whatever_is_said_of_it() {
    let job = at(&job_in(State::Processing), Outcome::Unseen("1203".into()), NOW_MS).job;
    let job = at(&job, Outcome::Unclear("the API says “resting”".into()), NOW_MS).job;
    assert_eq!((job.state, job.failing_since_ms), (State::Processing, None));
    assert_eq!(waits(&job), "a clear word on task t1: the API says “resting”");
    let later_ms = NOW_MS + 365 * POLICY.give_up_after_ms;
    assert_eq!(at(&job, Outcome::Unclear("nothing".into()), later_ms).job.state, State::Processing);
    let clear = at(&job, Outcome::SeenAgain, NOW_MS).job;
    assert_eq!((clear.state, clear.waits), (State::Processing, None));
    let found = at(&job, Outcome::Found { task_id: "t2".into() }, NOW_MS);
    assert_eq!((found.job.state, found.job.task_id.as_deref()), (State::Submitted, Some("t2")));
    assert_eq!(found.spend.tasks, 0, "it is the same task, and was counted");
    assert!(found.what.contains("t1") && found.what.contains("t2"), "{}", found.what);
}

#[test]
fn a_cost_that_is_not_told_is_said_to_be_so() {
    let succeeded = Outcome::TaskSucceeded { units_micro: None };
    let moved = at(&job_in(State::Processing), succeeded, NOW_MS);
    assert_eq!(moved.spend, crate::job::Spend::default());
    assert!(moved.what.contains("does not tell what it cost"), "{}", moved.what);
}

#[test]
fn a_create_that_never_left_the_machine_comes_to_an_end() {
    let not_sent = || Outcome::NotSent("no connection".into());
    let job = at(&job_in(State::Creating), not_sent(), NOW_MS).job;
    assert_eq!((job.state, job.tries, job.due_at_ms), (State::Identified, 1, NOW_MS + 1_000));
    assert_eq!(job.create, None);
    let job = at(&at(&job, intended(), NOW_MS).job, not_sent(), NOW_MS + 1_000).job;
    assert_eq!((job.tries, job.due_at_ms), (2, NOW_MS + 3_000));
    let mut job = at(&job, intended(), NOW_MS).job;
    job.tries = TRIES_OF_A_DAY;
    let job = at(&job, not_sent(), NOW_MS + POLICY.give_up_after_ms).job;
    assert_eq!((job.state, job.task_id), (State::Failed, None));
}

#[test]
fn sessions_that_run_out_while_a_job_waits_do_not_fail_it() {
    let mut job = job_in(State::Queued);
    for day in 1..=9 {
        job = after(job, [identified(), intended()]);
        job = at(&job, Outcome::SessionGone("expired".into()), NOW_MS + day * 86_400_000).job;
        assert_eq!((job.state, job.sessions_lost), (State::Queued, 0));
    }
}

#[test]
fn sessions_may_get_lost_twice() {
    let mut job = job_in(State::Creating);
    for lost in 1..=2 {
        job = at(&job, Outcome::SessionGone("gone".into()), NOW_MS).job;
        assert_eq!((job.state, job.sessions_lost), (State::Queued, lost));
        assert_eq!((&job.session, &job.plan, &job.create), (&None, &None, &None));
        job = after(job, [identified(), intended()]);
    }
    let job = at(&job, Outcome::SessionGone("gone".into()), NOW_MS).job;
    assert_eq!(job.failure.unwrap().code, "session_gone");
}

#[test]
fn not_before_is_waited_for_once_the_media_are_there() {
    let mut job = job_in(State::Waiting);
    job.spec.not_before_at_ms = Some(NOW_MS + 5_000);
    let ready = at(&job, Outcome::MediaReady(Media::default()), NOW_MS).job;
    assert_eq!((ready.state, ready.due_at_ms), (State::Waiting, NOW_MS + 5_000));
    assert_eq!(decide(&ready, NOW_MS + 5_000), Action::Enqueue);
    let late = at(&job, Outcome::MediaReady(Media::default()), NOW_MS + 5_000).job;
    assert_eq!((late.state, late.due_at_ms), (State::Queued, 0));
}

#[test]
fn a_retry_is_a_fresh_attempt_under_a_name_of_its_own() {
    let job = job_in(State::Succeeded);
    let again = at(&job, Outcome::Retried, NOW_MS).job;
    assert_eq!((again.attempt, again.external_task_id().as_str()), (2, "ext-2"));
    assert_eq!((again.task_id, again.create, again.plan), (None, None, None));
    assert_eq!(again.units_micro, job.units_micro, "what it cost stays counted");
    assert_eq!(again.result, job.result, "what it published may be replaced");
    assert!(again.media.missing.is_some());
}

#[test]
fn an_edit_changes_only_what_was_not_sent() {
    let louder = || Outcome::Edited(Box::new(JobSpec { sound_volume: 2.0, ..spec() }));
    for state in [State::Waiting, State::Queued, State::Identified, State::Failed] {
        let edited = at(&job_in(state), louder(), NOW_MS).job;
        assert_eq!((edited.changed_since, edited.spec.sound_volume), (false, 2.0), "{state}");
    }
    // A job that failed after it was sent is run anew only by a retry, and what a person cancelled
    // stays cancelled.
    let failed = at(&job_in(State::Creating), Outcome::Refused(fault()), NOW_MS).job;
    let cancelled = at(&job_in(State::Queued), Outcome::Cancelled, NOW_MS).job;
    for ended in [failed, cancelled] {
        assert!(apply(&ended, louder(), &moment(NOW_MS), &POLICY).is_err(), "{}", ended.state);
    }
}
