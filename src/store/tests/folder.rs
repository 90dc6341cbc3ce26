//! Making the database agree with the folder: what is wanted, what changed, what left.

use super::*;
use crate::job::{State, outcome::Fault};

#[tokio::test]
async fn new_jobs_are_queued_and_the_same_again_is_nothing() {
    let bench = Bench::new();
    let batch = manifest("promo.yaml", vec![wanted("promo/en"), wanted("promo/fr")]);
    let done = bench.accept(batch.clone()).await.unwrap();
    assert_eq!(done, Reconciled { added: 2, ..Reconciled::default() });
    let events: i64 = bench.value("SELECT count(*) FROM event");
    let again = Accepted { print: "touched".to_owned(), ..batch };
    assert_eq!(bench.accept(again).await.unwrap(), Reconciled::default());
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM event"), events);
    assert_eq!(bench.job("promo/en").await.state, State::Queued);
}

/// The views tell of a time only while it is to come.
const YEAR_2099_MS: i64 = 4_070_908_800_000;

#[tokio::test]
async fn missing_media_wait_and_unfit_media_fail() {
    let bench = Bench::new();
    let mut missing = wanted("a/missing");
    missing.media = Ok(Media { missing: Some("sound.mp3".to_owned()), ..Media::default() });
    let mut unfit = wanted("a/unfit");
    unfit.media = Err(Fault { code: "media".to_owned(), message: "too short".to_owned() });
    let mut later = changed(wanted("a/later"), |spec| spec.not_before_at_ms = Some(YEAR_2099_MS));
    later.media = Ok(Media::default());
    bench.accept(manifest("a.yaml", vec![missing, unfit, later])).await.unwrap();
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'a/missing'");
    assert_eq!(why, "sound.mp3");
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'a/later'");
    assert_eq!(why, "its not_before, 2099-01-01T00:00:00.000Z");
    let unfit = bench.job("a/unfit").await;
    assert_eq!(
        (unfit.state, unfit.failure.unwrap().message.as_str()),
        (State::Failed, "too short")
    );
    assert!(
        bench
            .value::<Option<String>>("SELECT finished_at FROM job_overview WHERE key = 'a/unfit'")
            .is_some()
    );
}

#[tokio::test]
async fn an_edit_changes_what_was_not_sent_and_flags_what_was() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    let louder = |key| changed(wanted(key), |spec| spec.sound_volume = 2.0);
    let edited = manifest("a.yaml", vec![louder("a/1"), louder("a/2")]);
    let done = bench.accept(edited.clone()).await.unwrap();
    let told: Vec<_> = done.changes.iter().map(|told| (&*told.key, &*told.to)).collect();
    assert_eq!(told, [("a/1", "waiting"), ("a/1", "queued"), ("a/2", "submitted")]);
    let changes = done.changes.clone();
    assert_eq!(done, Reconciled { changed: 1, flagged: 1, changes, ..Reconciled::default() });
    let unsent = bench.job("a/1").await;
    assert_eq!((unsent.spec.sound_volume, unsent.state), (2.0, State::Queued));
    let sent = bench.job("a/2").await;
    assert_eq!(
        (sent.spec.sound_volume, sent.state, sent.changed_since),
        (1.0, State::Submitted, true)
    );
    assert_eq!(bench.accept(edited).await.unwrap(), Reconciled::default());
}

#[tokio::test]
async fn an_edit_after_the_end_does_not_move_the_end() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "task")).await;
    bench.drive("a", until_succeeded()).await;
    let edited = changed(wanted("a"), |spec| spec.sound_volume = 2.0);
    let later = Moment { now_ms: NOW_MS + 1_000, ..moment() };
    let edited = manifest("a.yaml", vec![edited]);
    bench.store.accept(edited, later, policy()).await.unwrap().unwrap();
    let times: String =
        bench.value("SELECT changed_since || finished_at || ' ' || updated_at FROM job_overview");
    assert_eq!(times, "12026-03-01T12:00:07.050Z 2026-03-01T12:00:08.050Z");
}

#[tokio::test]
async fn what_leaves_the_folder_is_cancelled_unless_it_was_sent() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    assert_eq!(bench.remove("a.yaml").await, 1);
    assert_eq!(bench.job("a/1").await.state, State::Cancelled);
    assert_eq!(bench.job("a/2").await.state, State::Submitted);
    assert!(bench.store.known_manifests().await.unwrap().is_empty());

    let back = bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    assert_eq!(back.added, 0);
    assert_eq!(bench.job("a/1").await.state, State::Queued);
    assert_eq!(bench.job("a/2").await.state, State::Submitted);
}

#[tokio::test]
async fn a_job_taken_out_of_its_batch_is_cancelled() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let done = bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    assert_eq!((&*done.changes[0].key, &*done.changes[0].to), ("a/2", "cancelled"));
    let changes = done.changes.clone();
    assert_eq!(done, Reconciled { removed: 1, changes, ..Reconciled::default() });
    assert_eq!(bench.job("a/2").await.state, State::Cancelled);
}

#[tokio::test]
async fn what_a_person_cancelled_stays_cancelled() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.drive("a", vec![Outcome::Cancelled]).await;
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let edited = changed(wanted("a"), |spec| spec.sound_volume = 2.0);
    bench.accept(manifest("a.yaml", vec![edited])).await.unwrap();
    assert_eq!(bench.job("a").await.state, State::Cancelled);
}

#[tokio::test]
async fn a_renamed_manifest_starts_nothing_again() {
    let bench = Bench::new();
    bench.accept(manifest("old.yaml", vec![wanted("old/1"), wanted("old/2")])).await.unwrap();
    let session = session(&bench.store).await;
    let sent = bench.drive("old/1", until_submitted(&session, "task")).await;
    bench.remove("old.yaml").await;
    let renamed = |old: &str, new: &str| WantedJob {
        meaning: wanted(old).meaning,
        spec: JobSpec { output: wanted(old).spec.output, ..wanted(new).spec },
        ..wanted(new)
    };
    let jobs = vec![renamed("old/1", "new/1"), renamed("old/2", "new/2")];
    let done = bench.accept(manifest("new.yaml", jobs)).await.unwrap();
    assert_eq!((done.moved, done.added), (2, 0));
    let moved = bench.job("new/1").await;
    assert_eq!((moved.id, moved.state, moved.task_id), (sent.id, State::Submitted, sent.task_id));
    assert_eq!(bench.job("new/2").await.state, State::Queued);
    assert_eq!(bench.store.job_by_key("old/1").await.unwrap(), None);
}

#[tokio::test]
async fn a_faulty_manifest_holds_its_unsent_jobs_until_it_is_mended() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    bench.refuse("a.yaml", "a.yaml:1:1: unknown key").await;
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'a/1'");
    assert_eq!(why, "its manifest to be mended: a.yaml:1:1: unknown key");
    assert_eq!(bench.job("a/2").await.state, State::Submitted);
    let refused: String = bench.value("SELECT path || state || error FROM manifest_overview");
    assert_eq!(refused, "a.yamlrefuseda.yaml:1:1: unknown key");

    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    assert_eq!(bench.job("a/1").await.state, State::Queued);
    assert_eq!(bench.value::<Option<String>>("SELECT error FROM manifest_overview"), None);
}

#[tokio::test]
async fn two_jobs_with_one_output_conflict_and_nothing_of_the_later_is_taken_in() {
    let bench = Bench::new();
    let to_x = |key| changed(wanted(key), |spec| spec.output = "x.mp4".to_owned());
    bench.accept(manifest("a.yaml", vec![to_x("a")])).await.unwrap();
    let conflict =
        bench.accept(manifest("b.yaml", vec![wanted("b/1"), to_x("b/2")])).await.unwrap_err();
    assert_eq!(conflict.key, "b/2");
    assert!(conflict.what.contains("x.mp4") && conflict.what.contains("job a's"), "{conflict}");
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM job"), 1);
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM manifest"), 1);

    bench.remove("a.yaml").await;
    assert!(bench.accept(manifest("b.yaml", vec![to_x("b/2")])).await.is_ok());
}

#[tokio::test]
async fn two_jobs_with_one_external_task_id_conflict() {
    let bench = Bench::new();
    let mine = |key| changed(wanted(key), |spec| spec.external_task_id = Some("mine".to_owned()));
    bench.accept(manifest("a.yaml", vec![mine("a")])).await.unwrap();
    let conflict = bench.accept(manifest("b.yaml", vec![mine("b")])).await.unwrap_err();
    assert!(conflict.what.contains("external_task_id mine"), "{conflict}");
}

#[tokio::test]
async fn a_key_in_two_manifests_conflicts_while_the_first_is_there() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let conflict = bench.accept(manifest("a.yml", vec![wanted("a")])).await.unwrap_err();
    assert!(conflict.what.contains("a.yaml"), "{conflict}");
    bench.remove("a.yaml").await;
    bench.accept(manifest("a.yml", vec![wanted("a")])).await.unwrap();
    assert_eq!(bench.job("a").await.state, State::Queued);
}

#[tokio::test]
async fn an_output_may_pass_from_one_job_of_a_manifest_to_another() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    let heir = changed(wanted("a/2"), |spec| spec.output = "a/1.mp4".to_owned());
    bench.accept(manifest("a.yaml", vec![heir])).await.unwrap();
    assert_eq!(bench.job("a/2").await.state, State::Queued);
}

#[tokio::test]
async fn two_jobs_of_a_manifest_may_swap_their_outputs_and_names() {
    let bench = Bench::new();
    let to = |key, output: &str, name: &str| {
        changed(wanted(key), |spec| {
            spec.output = output.to_owned();
            spec.external_task_id = Some(name.to_owned());
        })
    };
    let first = manifest("a.yaml", vec![to("a/1", "x.mp4", "x"), to("a/2", "y.mp4", "y")]);
    bench.accept(first).await.unwrap();
    let swapped = manifest("a.yaml", vec![to("a/1", "y.mp4", "y"), to("a/2", "x.mp4", "x")]);
    bench.accept(swapped).await.unwrap();
    let (one, two) = (bench.job("a/1").await, bench.job("a/2").await);
    assert_eq!([one.spec.output, two.spec.output], ["y.mp4", "x.mp4"]);
    assert_eq!([one.external_base, two.external_base], ["y", "x"]);
}

#[tokio::test]
async fn an_output_is_not_taken_from_a_job_that_was_sent() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/1", until_submitted(&session, "task")).await;
    let to = |key, output: &str| changed(wanted(key), |spec| spec.output = output.to_owned());
    let swapped = manifest("a.yaml", vec![to("a/1", "a/2.mp4"), to("a/2", "a/1.mp4")]);
    let conflict = bench.accept(swapped).await.unwrap_err();
    assert_eq!(conflict.key, "a/2");
    assert!(conflict.what.contains("job a/1's"), "{conflict}");
    assert_eq!(bench.job("a/2").await.spec.output, "a/2.mp4");
}

#[tokio::test]
async fn a_retry_has_its_manifest_read_again() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let fault = Fault { code: "x".to_owned(), message: "y".to_owned() };
    let failed = bench.drive("a", vec![Outcome::Refused(fault)]).await;
    bench.store.record_retry(after(&failed, Outcome::Retried), NOW_MS).await.unwrap();
    let known = bench.store.known_manifests().await.unwrap();
    assert_eq!(known[0].print, "");
    // Until it has been read, nobody looks at the media of what it may no longer ask.
    assert_eq!(bench.store.waiting_for_media(0, 10).await.unwrap(), []);
    let waiting = bench.job("a").await;
    // It was never sent: its name is still free.
    assert_eq!((waiting.state, waiting.attempt), (State::Waiting, 1));
    assert_eq!(waiting.external_task_id(), "base-a");
}

#[tokio::test]
async fn what_is_handed_over_is_taken_in_in_that_order_whenever_it_is_heard_of() {
    let bench = Bench::new();
    let named = |key: &str, name: &str| {
        changed(wanted(key), |spec| {
            spec.external_task_id = Some(name.to_owned());
        })
    };
    let [first, second, third] = [
        manifest("a.yaml", vec![wanted("a")]),
        manifest("b.yaml", vec![changed(wanted("b"), |spec| spec.output = "a.mp4".to_owned())]),
        // A name that the user gives is the one that was made for a job.
        manifest("c.yaml", vec![named("c", "base-a")]),
    ]
    .map(|manifest| bench.store.accept(manifest, moment(), policy()));
    let conflict = third.await.unwrap().unwrap_err();
    assert!(conflict.what.contains("base-a"), "{conflict}");
    let conflict = second.await.unwrap().unwrap_err();
    assert!(conflict.what.contains("a.mp4"), "{conflict}");
    assert_eq!(first.await.unwrap().unwrap().added, 1);
    assert_eq!(bench.store.known_manifests().await.unwrap().len(), 1);

    // Within one manifest, too.
    let mut made = wanted("d/1");
    made.spec.id = Some("1".to_owned());
    let mut given = named("d/2", "base-d/1");
    given.spec.id = Some("2".to_owned());
    let conflict = bench.accept(manifest("d.yaml", vec![made, given])).await.unwrap_err();
    assert!(conflict.what.contains("base-d/1"), "{conflict}");
}
