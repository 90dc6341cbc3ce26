//! How fast jobs finish, what limits it, and how long the queue takes.

use super::*;
use crate::store::{Finished, RateLimit, SpeedLimit, SpeedLimits};

#[test]
fn time_left_is_rounds_of_all_slots() {
    assert_eq!(StatusReport::of(queue_status(), None, NOW_MS, setup()).eta_seconds, Some(20 * 60));
    let mut one = queue_status();
    one.jobs.extend([(State::Queued, 0), (State::Processing, 1)]);
    one.slots_used = 1;
    assert_eq!(StatusReport::of(one, None, NOW_MS, setup()).eta_seconds, Some(60));
}

fn time_left(queue: QueueStatus) -> Option<i64> {
    StatusReport::of(queue, None, NOW_MS, setup()).eta_seconds
}

#[test]
fn time_left_is_measured() {
    // 100 jobs are left; 40 finished in 5 minutes, however many slots there are.
    let finished = Finished { jobs: 40, window_ms: 300_000 };
    let measured = QueueStatus { finished, ..queue_status() };
    assert_eq!(time_left(measured.clone()), Some(750));
    let few = QueueStatus { finished: Finished { jobs: 9, ..finished }, ..queue_status() };
    assert_eq!(time_left(few), Some(20 * 60), "too few finished");
    // The last task takes as long as any.
    let mut one = measured;
    one.jobs.extend([(State::Queued, 0), (State::Processing, 1)]);
    assert_eq!(time_left(one), Some(60));
}

#[test]
fn time_left_is_not_guessed() {
    let unknown = QueueStatus { median_task_ms: None, ..queue_status() };
    let mut nothing = queue_status();
    nothing.jobs.extend([(State::Queued, 0), (State::Processing, 0), (State::Waiting, 9)]);
    let stopped = QueueStatus { pause: Some(paused(PauseKind::Account)), ..queue_status() };
    let blocked = QueueStatus { blocked: Some((1, "its place".to_owned())), ..queue_status() };
    // Few jobs have finished, and not the slots limit the speed.
    let limits = SpeedLimits { queue: Some(SpeedLimit::Api), ..SpeedLimits::default() };
    let slow = QueueStatus { speed_limits: limits, ..queue_status() };
    let free = QueueStatus { slots_used: 4, ..queue_status() };
    for queue in [unknown, nothing, stopped, blocked, slow, free] {
        assert_eq!(StatusReport::of(queue, None, NOW_MS, setup()).eta_seconds, None);
    }
}

#[test]
fn a_rate_limit_is_shown_with_its_end() {
    let paid_until_ms = NOW_MS + 600_000;
    for (queries_until_ms, queries) in [
        (NOW_MS + 600_000, ""),
        (NOW_MS + 300_000, "; queries of tasks resume at 2026-03-01 12:05:07 UTC"),
        (NOW_MS - 1, "; tasks are queried"),
    ] {
        let since_ms = NOW_MS - 60_000;
        let limit =
            RateLimit { code: Some(1302), paid_until_ms, queries_until_ms, since_ms, times: 1 };
        let limited = || QueueStatus { rate_limit: Some(limit), ..queue_status() };
        let line = format!(
            "rate       rate limited by the API (code 1302) until 2026-03-01 12:10:07 UTC: no paid calls{queries}\n"
        );
        let text = shown(limited(), running(4711));
        assert!(text.contains(&line), "{text}");
        // What a daemon wrote that has ended since is out of date.
        assert!(!shown(limited(), None).contains("rate limited"));
    }
}

#[test]
fn rate_is_shown_with_what_limits_it() {
    let limited = |queue, finished: i64| QueueStatus {
        finished: Finished { jobs: finished, window_ms: 300_000 },
        speed_limits: SpeedLimits {
            queue: Some(queue),
            identify: Some("rate limit of identify (2 per second, …)".to_owned()),
            create: Some("rate limit of create (2 per second, …)".to_owned()),
            download: Some("at most 4 at once, download.concurrency".to_owned()),
        },
        ..queue_status()
    };
    let finished = "jobs finished per minute in the last 5 minutes; limited by ";
    for (limit, jobs, text) in [
        (SpeedLimit::IdentifyRate, 12, format!("2.4 {finished}the rate limit of identify (2 per")),
        (SpeedLimit::CreateRate, 600, format!("120 {finished}the rate limit of create (2 per")),
        (SpeedLimit::QueryRate, 10, format!("2 {finished}the rate limit of create (2 per")),
        (
            SpeedLimit::Downloads,
            0,
            format!("0 {finished}the downloads (at most 4 at once, download.concurrency)\n"),
        ),
        (SpeedLimit::Slots, 10, format!("2 {finished}the 5 slots that the account allows\n")),
        (
            SpeedLimit::Uploads,
            10,
            format!("2 {finished}the uploads of local videos (upload.concurrency)\n"),
        ),
        (SpeedLimit::Api, 10, format!("2 {finished}the rate limit of the API (code 1302)\n")),
    ] {
        let shown = shown(limited(limit, jobs), running(4711));
        assert!(shown.contains(&format!("rate       {text}")), "{text}\n{shown}");
    }
    let slots = QueueStatus { slots_configured: 5, ..limited(SpeedLimit::Slots, 5) };
    assert!(shown(slots, running(1)).contains("limited by the 5 slots (limits.concurrency)\n"));
    // Nothing finishes without a daemon, and what holds the queue limits it.
    assert!(!shown(limited(SpeedLimit::Slots, 5), None).contains("rate  "));
    let paused =
        QueueStatus { pause: Some(paused(PauseKind::Person)), ..limited(SpeedLimit::Slots, 5) };
    let text = shown(paused, running(1));
    assert!(
        text.contains("rate       1 job finished per minute in the last 5 minutes\n"),
        "{text}"
    );
    let ended =
        QueueStatus { jobs: [(State::Succeeded, 31)].into(), ..limited(SpeedLimit::Uploads, 5) };
    let text = shown(ended, running(1));
    assert!(
        text.contains("rate       1 job finished per minute in the last 5 minutes\n"),
        "{text}"
    );
    let started = QueueStatus {
        finished: Finished { jobs: 1, window_ms: 20_000 },
        ..limited(SpeedLimit::IdentifyRate, 0)
    };
    assert!(shown(started, running(1)).contains("3 jobs finished per minute in the last 20 s; "));
}

#[test]
fn refusals_for_the_rate_are_counted() {
    let limit = RateLimit {
        code: Some(1302),
        paid_until_ms: NOW_MS - 1,
        queries_until_ms: NOW_MS - 1,
        since_ms: NOW_MS - 60_000,
        times: 43,
    };
    let text = |limit| shown(QueueStatus { rate_limit: Some(limit), ..queue_status() }, running(1));
    let between =
        "rate limited by the API (code 1302): 43 refusals since 2026-03-01 11:59:07 UTC\n";
    assert!(text(limit).contains(between), "{}", text(limit));
    let resting = RateLimit { paid_until_ms: NOW_MS + 1_000, ..limit };
    let limited_by = |queue, limit| {
        let speed_limits = SpeedLimits { queue: Some(queue), ..SpeedLimits::default() };
        shown(QueueStatus { rate_limit: Some(limit), speed_limits, ..queue_status() }, running(1))
    };
    // A few refusals do not hide what limits the speed.
    let both = limited_by(SpeedLimit::Slots, limit);
    assert!(
        both.contains(&format!(
            "rate       limited by the 5 slots that the account allows; {between}"
        )),
        "{both}"
    );
    for only in [limited_by(SpeedLimit::Api, limit), limited_by(SpeedLimit::Slots, resting)] {
        assert!(only.contains("rate       rate limited by the API"), "{only}");
    }
    let resting = text(resting);
    let words = ": no paid calls; tasks are queried; 43 refusals since 2026-03-01 11:59:07 UTC\n";
    assert!(resting.contains(words), "{resting}");
}
