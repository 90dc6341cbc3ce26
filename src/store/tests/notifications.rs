//! Messages are written with the change that they report, from whatever process it comes, and only where a target wants them.

use super::*;
use crate::store::{Hold, HoldKind, Notification, NotificationProblems, Pause, PauseKind};

const ALL: [&str; 8] = [
    "manifest.finished",
    "manifest.error",
    "jobs.failed",
    "job.unresolved",
    "job.succeeded",
    "queue.paused",
    "queue.resumed",
    "budget.reached",
];

impl Bench {
    async fn wanting(events: &[&'static str]) -> Self {
        let bench = Self::new();
        let wanted = events.iter().map(|event| (1, *event)).collect();
        bench.store.set_notify_events(wanted, 1).await.unwrap();
        bench
    }

    /// The messages that wait, by the time at which they are due.
    fn news(&self) -> Vec<(String, String)> {
        let sql = self.sql();
        let query = "SELECT event, coalesce(job, manifest, jobs, reason) FROM notification
                     WHERE state = 'waiting' ORDER BY id";
        let mut statement = sql.prepare(query).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn events(&self) -> Vec<String> {
        self.news().into_iter().map(|(event, _)| event).collect()
    }

    async fn claim_next(&self, now_ms: i64) -> Option<Notification> {
        let id = self.store.due_notification(1, now_ms).await.unwrap()?;
        self.store.claim_notification(id, now_ms, now_ms + 60_000, false).await.unwrap()
    }

    async fn fail(&self, key: &str, message: &str) {
        self.drive(key, vec![Outcome::Refused(permanent_error(message))]).await;
    }
}

fn pause(kind: PauseKind) -> Pause {
    let reason = "arrears".to_owned();
    Pause { kind, reason, code: Some(1101), since_ms: NOW_MS, next_probe_at_ms: None }
}

#[tokio::test]
async fn nothing_is_written_for_events_that_no_target_wants() {
    let bench = Bench::wanting(&["queue.paused"]).await;
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    bench.succeed("a/1").await;
    bench.fail("a/2", "no face").await;
    bench.refuse("b.yaml", "b.yaml:1:1: wrong").await;
    assert_eq!(bench.events(), [""; 0]);
}

#[tokio::test]
async fn the_last_job_of_a_manifest_is_reported_before_its_end() {
    let bench = Bench::wanting(&["manifest.finished", "job.succeeded"]).await;
    bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    bench.succeed("a/1").await;
    assert_eq!(bench.events(), ["job.succeeded", "manifest.finished"]);
}

#[tokio::test]
async fn the_end_of_a_manifest_is_reported_once() {
    let bench = Bench::wanting(&["manifest.finished", "job.succeeded"]).await;
    bench.accept(manifest("a.yaml", ["a/1", "a/2", "a/3"].map(wanted).into())).await.unwrap();
    bench.succeed("a/1").await;
    bench.fail("a/2", "no face").await;
    assert_eq!(bench.events(), ["job.succeeded"]);
    bench.cancel("a/3").await;
    assert_eq!(bench.events(), ["job.succeeded", "manifest.finished"]);
    let first = bench.claim_next(NOW_MS).await.unwrap();
    assert_eq!((first.job.as_deref(), first.output.as_deref()), (Some("a/1"), Some("a/1.mp4")));
    let second = bench.claim_next(NOW_MS).await.unwrap();
    assert_eq!(second.manifest.as_deref(), Some("a.yaml"));
    let counts = [second.jobs, second.succeeded, second.failed, second.cancelled];
    assert_eq!(counts, [Some(3), Some(1), Some(1), Some(1)]);
}

#[tokio::test]
async fn a_finished_manifest_is_counted_when_it_is_complete() {
    let bench = Bench::wanting(&["manifest.finished"]).await;
    bench.accept(manifest("a.yaml", vec![wanted("a/2")])).await.unwrap();
    bench.succeed("a/2").await;
    let finished = bench.claim_next(NOW_MS).await.unwrap();
    bench.store.notification_sent(finished.id, NOW_MS).await.unwrap();
    bench.miss("a.yaml").await;
    bench.leave().await;
    // The first job fails as it arrives, which ends the manifest, and the second one comes with its result.
    let mut failing = wanted("b/1");
    failing.media = Err(permanent_error("the audio is too short"));
    bench.accept(manifest("b.yaml", vec![failing, same_as("a/2", "b/2")])).await.unwrap();
    let message = bench.claim_next(NOW_MS).await.unwrap();
    assert_eq!(message.manifest.as_deref(), Some("b.yaml"));
    assert_eq!([message.jobs, message.succeeded, message.failed], [Some(2), Some(1), Some(1)]);
}

#[tokio::test]
async fn a_manifest_that_continues_before_the_message_is_sent_is_not_reported() {
    let bench = Bench::wanting(&["manifest.finished"]).await;
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.fail("a", "no face").await;
    bench.retry("a").await;
    assert_eq!(bench.claim_next(NOW_MS).await, None);
    assert_eq!(bench.events(), [""; 0]);
    bench.fail("a", "no face").await;
    bench.retry("a").await;
    bench.fail("a", "no face").await;
    assert_eq!(bench.events(), ["manifest.finished"], "it ended twice and was not reported yet");
    assert!(bench.claim_next(NOW_MS).await.is_some());
}

#[tokio::test]
async fn failures_are_grouped_for_five_minutes() {
    let bench = Bench::wanting(&["jobs.failed"]).await;
    let keys = ["a/1", "a/2", "a/3", "a/4", "a/5"];
    let mut jobs: Vec<WantedJob> = keys.map(wanted).into();
    // This job fails as it arrives.
    jobs[4].media = Err(permanent_error("the audio is too short"));
    bench.accept(manifest("a.yaml", jobs)).await.unwrap();
    bench.fail("a/1", "no face in video 12345678").await;
    bench.fail("a/2", "no face in video 87654321").await;
    assert_eq!(bench.claim_next(NOW_MS + 9_999).await, None, "others may join");
    let first = bench.claim_next(NOW_MS + 10_000).await.unwrap();
    assert_eq!(first.jobs, Some(3));
    let groups: Vec<_> =
        first.failures.iter().map(|group| (group.jobs, group.example_key.as_str())).collect();
    assert_eq!(groups, [(2, "a/1"), (1, "a/5")]);
    bench.fail("a/3", "no face").await;
    let while_first_fails_ms = NOW_MS + 3_600_000;
    assert_eq!(bench.claim_next(while_first_fails_ms).await, None, "the earlier message waits");
    assert_eq!(bench.claim_next(while_first_fails_ms).await.unwrap().id, first.id);
    bench.store.notification_sent(first.id, while_first_fails_ms).await.unwrap();
    bench.fail("a/4", "no face").await;
    let next_ms = while_first_fails_ms + 300_000;
    assert_eq!(bench.claim_next(next_ms - 1).await, None);
    let second = bench.claim_next(next_ms).await.unwrap();
    assert_eq!((second.jobs, second.id != first.id), (Some(2), true));
}

#[tokio::test]
async fn ten_thousand_failures_are_one_bounded_message() {
    let bench = Bench::wanting(&["jobs.failed"]).await;
    let job = |number: u32| {
        let name = |number: u32| char::from(b'a' + u8::try_from(number % 26).unwrap());
        let reason: String = [number / 676, number / 26, number].map(name).iter().collect();
        let media = Err(permanent_error(&format!("there is no file {reason}")));
        WantedJob { media, ..wanted(&format!("a/{number}")) }
    };
    bench.accept(manifest("a.yaml", (0..10_000).map(job).collect())).await.unwrap();
    let rows =
        bench.sql().query_row("SELECT count(*) FROM notification_failure", [], |row| row.get(0));
    assert_eq!(rows, Ok(100));
    let message = bench.claim_next(NOW_MS + 10_000).await.unwrap();
    assert_eq!((message.jobs, message.failures.len()), (Some(10_000), 20));
    bench.store.notification_sent(message.id, NOW_MS).await.unwrap();
    let rows = || -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM notification), (SELECT count(*) FROM notification_failure)";
        bench.sql().query_row(sql, [], |row| row.try_into()).unwrap()
    };
    let two_days_ms = 2 * 86_400_000;
    assert!(!bench.store.delete_old_notifications(NOW_MS + two_days_ms, 10).await.unwrap());
    assert_eq!(rows(), (1, 100));
    bench.store.delete_old_notifications(NOW_MS + two_days_ms + 1, 10).await.unwrap();
    assert_eq!(rows(), (0, 0));
}

#[tokio::test]
async fn pause_budget_errors_and_decisions_are_reported() {
    let bench = Bench::wanting(&ALL).await;
    let set_pause = async |kind: Option<PauseKind>| {
        bench.store.set_pause(kind.map(pause)).await.unwrap();
    };
    set_pause(Some(PauseKind::Account)).await;
    set_pause(Some(PauseKind::Account)).await;
    set_pause(None).await;
    let hold = "daily budget reached (407.9 of 400 units); resumes later";
    let price = (HoldKind::Price, "the price is unknown");
    let more = (HoldKind::Budget, "daily budget reached (408 of 400 units)");
    let reached = (HoldKind::Budget, hold);
    for hold in [Some(price), Some(reached), Some(more), None, Some(reached)] {
        let hold =
            hold.map(|(kind, reason)| Hold { kind, reason: reason.to_owned(), until_ms: i64::MAX });
        bench.store.set_hold(hold).await.unwrap();
    }
    bench.refuse("b.yaml", "b.yaml:1:1: wrong").await;
    bench.refuse("b.yaml", "b.yaml:1:1: wrong").await;
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    let mut lost = until_submitted(&session, "never");
    lost.truncate(2);
    lost.push(Outcome::Conflict("unanswered".to_owned()));
    bench.drive("a", lost).await;
    let expected = [
        ("queue.paused", "arrears"),
        ("queue.resumed", "arrears"),
        ("budget.reached", hold),
        ("manifest.error", "b.yaml"),
        ("job.unresolved", "a"),
    ];
    assert_eq!(bench.news(), expected.map(|(event, about)| (event.to_owned(), about.to_owned())));
    // Corrected before it was sent.
    bench.accept(manifest("b.yaml", vec![wanted("b")])).await.unwrap();
    let ids: Vec<i64> = bench
        .sql()
        .prepare("SELECT id FROM notification WHERE event = 'manifest.error'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(bench.store.claim_notification(ids[0], NOW_MS, NOW_MS, false).await.unwrap(), None);
}

#[tokio::test]
async fn an_unsent_message_is_kept_until_a_person_decides() {
    let bench = Bench::wanting(&["manifest.error"]).await;
    bench.refuse("a.yaml", "wrong").await;
    let message = bench.claim_next(NOW_MS).await.unwrap();
    // The process ends here: the message is tried again under the same id.
    assert_eq!(bench.claim_next(NOW_MS + 59_999).await, None);
    let again = bench.claim_next(NOW_MS + 60_000).await.unwrap();
    assert_eq!((again.message_id, again.tries), (message.message_id, 2));
    let problem = "no connection".to_owned();
    let failed = bench.store.notification_failed(message.id, problem.clone(), Some(NOW_MS), NOW_MS);
    failed.await.unwrap();
    let problems = |failing, dead| NotificationProblems {
        failing,
        dead,
        problem: Some("no connection".to_owned()),
    };
    let status = async || bench.store.queue_status(NOW_MS).await.unwrap().notifications;
    assert_eq!(status().await, problems(1, 0));
    // A person who corrected the target does not wait for the next try.
    let later = bench.store.notification_failed(
        message.id,
        problem.clone(),
        Some(NOW_MS + 600_000),
        NOW_MS,
    );
    later.await.unwrap();
    assert_eq!(bench.claim_next(NOW_MS).await, None);
    assert_eq!(bench.store.retry_notifications().await.unwrap(), 1);
    assert!(bench.claim_next(NOW_MS).await.is_some());
    bench.store.notification_failed(message.id, problem, None, NOW_MS).await.unwrap();
    assert_eq!(status().await, problems(0, 1));
    let days = |days: i64| NOW_MS + days * 86_400_000 + 1;
    assert!(!bench.store.delete_old_notifications(days(29), 10).await.unwrap());
    assert_eq!(status().await, problems(0, 1));
    assert_eq!(bench.store.retry_notifications().await.unwrap(), 1);
    assert!(bench.claim_next(NOW_MS).await.is_some());
    assert_eq!(bench.store.discard_notifications().await.unwrap(), 1);
    assert_eq!(status().await, NotificationProblems::default());
}

#[tokio::test]
async fn messages_of_a_removed_target_are_discarded() {
    let bench = Bench::new();
    let wanted = vec![(1, "manifest.error"), (2, "manifest.error")];
    bench.store.set_notify_events(wanted, 2).await.unwrap();
    bench.refuse("a.yaml", "wrong").await;
    assert_eq!(bench.events().len(), 2);
    let left = bench.store.set_notify_events(vec![(1, "manifest.error")], 1).await.unwrap();
    assert_eq!((left, bench.events().len()), (1, 1));
}
