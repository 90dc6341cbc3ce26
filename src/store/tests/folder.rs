//! Manifests as they are read: new, the same again, with errors, in conflict; and media that are not there.

use super::*;

/// The views report a time only while it is to come.
const YEAR_2099_MS: i64 = 4_070_908_800_000;

#[tokio::test]
async fn new_jobs_are_queued_and_the_same_again_is_nothing() {
    let bench = Bench::new();
    let batch = manifest("promo.yaml", vec![wanted("promo/en"), wanted("promo/fr")]);
    let done = bench.accept(batch.clone()).await.unwrap();
    assert_eq!(done, Reconciled { added: 2, ..Reconciled::default() });
    let events: i64 = bench.value("SELECT count(*) FROM event");
    let again = AcceptedManifest { file_stamp: "touched".to_owned(), ..batch };
    assert_eq!(bench.accept(again).await.unwrap(), Reconciled::default());
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM event"), events);
    assert_eq!(bench.state("promo/en").await, State::Queued);
    assert_eq!(bench.store.stored_manifests().await.unwrap()[0].file_stamp, "touched");
}

#[tokio::test]
async fn missing_media_wait_and_unfit_media_fail() {
    let bench = Bench::new();
    let unfit = hashed(wanted("a/unfit").spec, Err(permanent_error("too short")));
    let later = changed(wanted("a/later"), |spec| spec.not_before_at_ms = Some(YEAR_2099_MS));
    let jobs = vec![local("a/missing", None), unfit, later];
    bench.accept(manifest("a.yaml", jobs)).await.unwrap();
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'a/missing'");
    assert_eq!(why, "a/missing.mp3");
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'a/later'");
    assert_eq!(why, "not_before is 2099-01-01T00:00:00.000Z");
    let unfit = bench.job("a/unfit").await;
    assert_eq!(
        (unfit.state, unfit.failure.unwrap().message.as_str()),
        (State::Failed, "too short")
    );
    let ended: Option<String> =
        bench.value("SELECT finished_at FROM job_overview WHERE key = 'a/unfit'");
    assert!(ended.is_some());
    assert_eq!(bench.tasks(), 1, "without its media a job has no request");
}

async fn check_media(bench: &Bench, job: WantedJob) -> Reconciled {
    let id = bench.job(&job.spec.key).await.id;
    let checked = bench.store.check_media(id, job, MOMENT, POLICY, OnChange::Flag).await;
    checked.unwrap().unwrap()
}

#[tokio::test]
async fn media_that_appear_or_are_replaced_start_the_job() {
    let bench = Bench::new();
    let unfit = hashed(local("a/2", None).spec, Err(permanent_error("too short")));
    bench.accept(manifest("a.yaml", vec![local("a/1", None), unfit])).await.unwrap();
    for key in ["a/1", "a/2"] {
        check_media(&bench, local(key, Some("01"))).await;
        assert_eq!(bench.state(key).await, State::Queued);
        let why: Option<String> =
            bench.value(&format!("SELECT error FROM job_overview WHERE key = '{key}'"));
        assert_eq!(why, None);
    }
    // A look at what the manifest asked earlier changes nothing.
    let old = changed(local("a/1", Some("02")), |spec| spec.priority = 3);
    assert_eq!(check_media(&bench, old).await, Reconciled::default());
}

#[tokio::test]
async fn new_content_before_creation_is_used() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![local("a/1", Some("01"))])).await.unwrap();
    check_media(&bench, local("a/1", Some("02"))).await;
    let task = bench.task("a/1").await;
    assert_eq!((task.state, task.media.audio_sha256.as_deref()), (State::Queued, Some("02")));
    assert_eq!(Some(task.request_hash), local("a/1", Some("02")).request_hash);
    let abandoned = "SELECT count(*) FROM task WHERE state = 'cancelled'";
    assert_eq!((bench.tasks(), bench.value::<i64>(abandoned)), (2, 1));
}

#[tokio::test]
async fn file_that_is_missing_later_is_no_change() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![local("a", Some("01"))])).await.unwrap();
    bench.succeed("a").await;
    let done = bench.accept(manifest("a.yaml", vec![local("a", None)])).await.unwrap();
    assert_eq!(done, Reconciled::default());
    let job = bench.job("a").await;
    assert_eq!((job.state, job.changed_after_sent), (State::Succeeded, false));
    // Its content is compared once it is there again.
    bench.accept(manifest("a.yaml", vec![local("a", Some("02"))])).await.unwrap();
    assert!(bench.job("a").await.changed_after_sent);
}

#[tokio::test]
async fn manifest_with_errors_holds_its_uncreated_jobs_until_it_is_fixed() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    bench.refuse("a.yaml", "a.yaml:1:1: unknown key").await;
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'a/1'");
    assert!(why.contains("a.yaml:1:1: unknown key"), "{why}");
    assert_eq!(bench.state("a/2").await, State::Submitted);
    let refused: String = bench.value("SELECT path || state || error FROM manifest_overview");
    assert_eq!(refused, "a.yamlrefuseda.yaml:1:1: unknown key");
    assert_eq!(bench.store.queued(9).await.unwrap(), []);
    // They are not looked at meanwhile.
    let scope = crate::store::MediaScope::Waiting;
    assert_eq!(bench.store.media_to_check(scope, 0, 9).await.unwrap(), []);

    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    assert_eq!((bench.state("a/1").await, bench.tasks()), (State::Queued, 2));
    assert_eq!(bench.value::<Option<String>>("SELECT error FROM manifest_overview"), None);
}

#[tokio::test]
async fn jobs_of_a_manifest_with_errors_are_not_absent() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    bench.miss("a.yaml").await;
    bench.refuse("a.yaml", "an error").await;
    assert_eq!(bench.leave().await, 0);
    for key in ["a/1", "a/2"] {
        let job = bench.job(key).await;
        assert_eq!((job.absent_since_ms, job.orphaned_at_ms), (None, None), "{key}");
    }
}

#[tokio::test]
async fn uncompared_manifest_keeps_its_jobs_from_being_created() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/2", until_submitted(&session, "task")).await;
    bench.store.hold("a.yaml", "its manifest to be read", MOMENT, POLICY).await.unwrap();
    assert_eq!(bench.store.queued(9).await.unwrap(), []);
    assert_eq!(bench.state("a/2").await, State::Submitted);
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    assert_eq!((bench.state("a/1").await, bench.tasks()), (State::Queued, 2));
}

#[tokio::test]
async fn key_in_two_manifests_conflicts_while_the_first_is_there() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    let conflict = bench.accept(manifest("a.yml", vec![wanted("a")])).await.unwrap_err();
    assert!(conflict.what.contains("a.yaml"), "{conflict}");
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM manifest"), 1);
    bench.miss("a.yaml").await;
    bench.accept(manifest("a.yml", vec![wanted("a")])).await.unwrap();
    assert_eq!((bench.state("a").await, bench.tasks()), (State::Queued, 1));
}
