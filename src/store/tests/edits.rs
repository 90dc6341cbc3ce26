//! Edited manifests: what is used, and what is flagged.

use super::*;

#[tokio::test]
async fn edit_changes_what_was_not_created_and_flags_what_was() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    let sent = bench.drive("a/2", until_submitted(&session, "task")).await;
    let edited = manifest("a.yaml", vec![louder("a/1"), louder("a/2")]);
    let done = bench.accept(edited.clone()).await.unwrap();
    let reported: Vec<_> =
        done.changes.iter().map(|reported| (&*reported.key, &*reported.to)).collect();
    assert_eq!(reported, [("a/1", "queued"), ("a/2", "submitted")]);
    assert_eq!((done.changed, done.flagged), (1, 1));
    let unsent = bench.task("a/1").await;
    assert_eq!((unsent.spec.sound_volume, unsent.state), (2.0, State::Queued));
    let job = bench.job("a/2").await;
    assert_eq!(
        (job.task, job.state, job.changed_after_sent),
        (Some(sent.id), State::Submitted, true)
    );
    assert_eq!(bench.task("a/2").await.spec.sound_volume, 1.0);
    assert_eq!(bench.accept(edited).await.unwrap(), Reconciled::default(), "it is flagged once");
    // It asks again for what was made.
    bench.accept(manifest("a.yaml", vec![louder("a/1"), wanted("a/2")])).await.unwrap();
    assert!(!bench.job("a/2").await.changed_after_sent);
}

#[tokio::test]
async fn edit_of_a_finished_job_does_not_move_its_end() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.succeed("a").await;
    let later = Moment { now_ms: NOW_MS + 1_000, ..MOMENT };
    let edited = manifest("a.yaml", vec![louder("a")]);
    bench.store.accept(edited, later, POLICY, OnChange::Flag).await.unwrap().unwrap();
    let times: String = bench
        .value("SELECT changed_after_sent || finished_at || ' ' || updated_at FROM job_overview");
    assert_eq!(times, "12026-03-01T12:00:07.050Z 2026-03-01T12:00:08.050Z");
}

#[tokio::test]
async fn newest_url_is_sent() {
    let bench = Bench::new();
    let signed = |signature: &str| {
        changed(wanted("a"), |spec| {
            spec.audio = Source::Url(format!(
                "https://b.example.com/a.mp3?AWSAccessKeyId=k&Signature={signature}&Expires=9"
            ));
        })
    };
    bench.accept(manifest("a.yaml", vec![signed("old")])).await.unwrap();
    bench.accept(manifest("a.yaml", vec![signed("new")])).await.unwrap();
    assert_eq!(bench.task("a").await.spec.audio, signed("new").spec.audio);
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn edit_beside_the_request_pays_nothing() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    bench.succeed("a/2").await;
    let renamed = |key| {
        changed(wanted(key), |spec| {
            spec.labels.insert("customer".to_owned(), "x".to_owned());
            spec.callback_url = Some("https://example.com/cb".to_owned());
            spec.priority = 7;
        })
    };
    bench.accept_and_run(manifest("a.yaml", vec![renamed("a/1"), renamed("a/2")])).await.unwrap();
    for key in ["a/1", "a/2"] {
        let job = bench.job(key).await;
        assert_eq!(
            (job.spec.labels.len(), job.spec.priority, job.changed_after_sent),
            (2, 7, false)
        );
    }
    let task = bench.task("a/1").await;
    assert_eq!((task.spec.priority, task.spec.callback_url.is_some()), (7, true));
    assert_eq!((bench.state("a/2").await, bench.tasks()), (State::Succeeded, 2));
}

#[tokio::test]
async fn output_edited_before_the_result_is_used() {
    let bench = Bench::new();
    let to_x = || changed(wanted("a"), |spec| spec.output = "x.mp4".to_owned());
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "task")).await;
    let mut downloading = until_succeeded();
    let delivered = downloading.pop().unwrap();
    let read_before = bench.drive("a", downloading).await;
    bench.accept(manifest("a.yaml", vec![to_x()])).await.unwrap();
    assert_eq!(bench.task("a").await.spec.output, "x.mp4");
    // It was downloaded to the old place meanwhile: the new place gets a copy.
    bench.store.record(after(&read_before, delivered), None, NOW_MS).await.unwrap();
    let job = bench.job("a").await;
    assert_eq!((job.state, job.output.as_str()), (State::Downloading, "x.mp4"));
    assert_eq!(
        bench.store.due_deliveries(NOW_MS, i64::MAX, 9).await.unwrap()[0].job,
        Job { spec: JobSpec { labels: Default::default(), ..job.spec.clone() }, ..job }
    );
}

#[tokio::test]
async fn output_edited_after_the_result_gets_a_copy() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.succeed("a").await;
    let to_x = changed(wanted("a"), |spec| spec.output = "x.mp4".to_owned());
    bench.accept(manifest("a.yaml", vec![to_x])).await.unwrap();
    let job = bench.job("a").await;
    assert_eq!((job.state, job.output.as_str()), (State::Downloading, "a.mp4"));
    assert!(!job.changed_after_sent);
    let due = bench.store.due_deliveries(NOW_MS, i64::MAX, 9).await.unwrap().remove(0);
    assert_eq!(bench.store.copies_of(&due.task, due.job.id, "result").await.unwrap().0, ["a.mp4"]);
    bench.store.record_delivery(due.job, delivered(), Vec::new(), MOMENT, POLICY).await.unwrap();
    let job = bench.job("a").await;
    assert_eq!((job.state, job.output.as_str()), (State::Succeeded, "x.mp4"));
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn failed_job_runs_its_edited_request() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    let failed =
        || Outcome::TaskFailed { message: "no face".to_owned(), charge: Some(Charge::units(1)) };
    bench.drive("a/1", until_submitted(&session, "1")).await;
    bench.drive("a/1", vec![failed()]).await;
    bench.drive("a/2", until_submitted(&session, "2")).await;
    // An edit beside the request starts nothing: its task was paid for.
    let labelled = changed(wanted("a/1"), |spec| spec.labels.clear());
    bench.accept(manifest("a.yaml", vec![labelled, louder("a/2")])).await.unwrap();
    assert_eq!(bench.state("a/1").await, State::Failed);
    // The other one fails after it was flagged: it is found without another scan of its manifest.
    bench.drive("a/2", vec![failed()]).await;
    let scope = crate::store::MediaScope::FailedChanged;
    let found = bench.store.media_to_check(scope, 0, 9).await.unwrap();
    assert_eq!(found.iter().map(|(job, _)| &*job.spec.key).collect::<Vec<_>>(), ["a/2"]);
    let (id, asked) = (found[0].0.id, louder("a/2"));
    let checked = bench.store.check_media(id, asked, MOMENT, POLICY, OnChange::Flag).await;
    checked.unwrap().unwrap();
    bench.accept(manifest("a.yaml", vec![louder("a/1"), louder("a/2")])).await.unwrap();
    for key in ["a/1", "a/2"] {
        let job = bench.job(key).await;
        assert_eq!((job.state, job.changed_after_sent), (State::Queued, false), "{key}");
    }
    assert_eq!(bench.tasks(), 4);
}

/// Else a retry would send the new request under the name of the old one.
#[tokio::test]
async fn edit_without_media_leaves_the_request_as_it_is() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![local("a", Some("one"))])).await.unwrap();
    bench.succeed("a").await;
    bench.retry("a").await;
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "take 2")).await;
    let edited = |sha256| changed(local("a", sha256), |spec| spec.sound_volume = 2.0);
    let done = bench.accept_and_run(manifest("a.yaml", vec![edited(None)])).await.unwrap();
    assert_eq!(done.judged_later, 1);
    assert_eq!(bench.job("a").await.spec.sound_volume, 1.0);
    assert_eq!(bench.value::<String>("SELECT file_stamp FROM manifest"), "", "it is read again");
    bench.accept_and_run(manifest("a.yaml", vec![edited(Some("one"))])).await.unwrap();
    let task = bench.task("a").await;
    assert_eq!((task.take, task.spec.sound_volume), (1, 2.0), "the retry was of another request");
}

#[tokio::test]
async fn job_that_failed_before_creation_starts_again_on_any_edit() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let task = bench.drive("a", vec![Outcome::Refused(permanent_error("no face"))]).await;
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    assert_eq!(bench.state("a").await, State::Failed, "nothing changed");
    let labelled = changed(wanted("a"), |spec| spec.labels.clear());
    bench.accept(manifest("a.yaml", vec![labelled])).await.unwrap();
    let again = bench.task("a").await;
    assert_eq!((again.id, again.take, again.state), (task.id, 1, State::Queued));
}

/// Kling refused the create request, and the job runs again: nothing was created yet.
#[tokio::test]
async fn refused_job_uses_a_second_edit() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    let mut refused = until_submitted(&session, "never");
    refused.pop();
    refused.push(Outcome::Refused(permanent_error("1201")));
    bench.drive("a", refused).await;
    let labelled = changed(wanted("a"), |spec| spec.labels.clear());
    bench.accept(manifest("a.yaml", vec![labelled])).await.unwrap();
    assert_eq!(bench.state("a").await, State::Queued);
    bench.accept(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    let (job, task) = (bench.job("a").await, bench.task("a").await);
    assert_eq!((job.changed_after_sent, task.spec.sound_volume), (false, 2.0));
    let queued = bench.store.queued(9).await.unwrap();
    assert_eq!(queued.iter().map(|task| task.id).collect::<Vec<_>>(), [task.id]);
}

#[tokio::test]
async fn not_before_edited_to_later_is_waited_for() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let at = |at_ms| changed(wanted("a"), |spec| spec.not_before_at_ms = at_ms);
    bench.accept(manifest("a.yaml", vec![at(Some(NOW_MS + 50))])).await.unwrap();
    let task = bench.task("a").await;
    assert_eq!((task.state, task.due_at_ms), (State::Waiting, NOW_MS + 50));
    assert_eq!(bench.state("a").await, State::Waiting);
    bench.accept(manifest("a.yaml", vec![at(Some(NOW_MS + 20))])).await.unwrap();
    assert_eq!(bench.task("a").await.due_at_ms, NOW_MS + 20);
    bench.accept(manifest("a.yaml", vec![at(None)])).await.unwrap();
    assert_eq!(bench.store.due_waiting(NOW_MS, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn edit_of_a_job_that_a_person_cancelled_leaves_it_cancelled() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.cancel("a").await;
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.accept_and_run(manifest("a.yaml", vec![louder("a")])).await.unwrap();
    assert_eq!(bench.state("a").await, State::Cancelled);
}
