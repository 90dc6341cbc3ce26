//! Jobs that are renamed, moved and copied, in whatever way: nothing is paid.

use super::*;

#[tokio::test]
async fn rename_pays_nothing() {
    let bench = Bench::new();
    bench.accept(manifest("old.yaml", vec![wanted("old/1"), wanted("old/2")])).await.unwrap();
    let session = session(&bench.store).await;
    let sent = bench.drive("old/1", until_submitted(&session, "task")).await;
    let before = bench.job("old/1").await;
    bench.miss("old.yaml").await;
    let jobs = vec![same_as("old/1", "new/1"), same_as("old/2", "new/2")];
    let done = bench.accept(manifest("new.yaml", jobs)).await.unwrap();
    assert_eq!((done.moved, done.added, bench.tasks()), (2, 0, 2));
    let moved = bench.job("new/1").await;
    assert_eq!((moved.id, moved.state, moved.task), (before.id, State::Submitted, Some(sent.id)));
    assert_eq!(moved.output, "new/1.mp4", "it has no file yet");
    assert_eq!(bench.state("new/2").await, State::Queued);
    assert_eq!(bench.store.job_by_key("old/1").await.unwrap(), None);
    let history: i64 = bench.value("SELECT count(*) FROM job_history WHERE key = 'new/1'");
    assert_eq!(history, 6);
}

#[tokio::test]
async fn renamed_job_keeps_the_output_it_has() {
    let bench = Bench::new();
    bench.accept(manifest("old.yaml", vec![wanted("old")])).await.unwrap();
    bench.succeed("old").await;
    bench.miss("old.yaml").await;
    bench.leave().await;
    bench.accept(manifest("new.yaml", vec![same_as("old", "new")])).await.unwrap();
    let job = bench.job("new").await;
    assert_eq!(
        (job.state, job.output.as_str(), job.orphaned_at_ms),
        (State::Succeeded, "old.mp4", None)
    );
    // Read again, it is not brought to the place of its new name either.
    bench.accept(manifest("new.yaml", vec![same_as("old", "new")])).await.unwrap();
    assert_eq!(bench.job("new").await.output, "old.mp4");
    assert_eq!(bench.tasks(), 1);
    // A retry that is taken back finds it there, too.
    bench.retry("new").await;
    let job = bench.cancel("new").await;
    assert_eq!((job.state, job.output.as_str()), (State::Succeeded, "old.mp4"));
}

/// Copy and delete, as rsync and Syncthing do: both are there for a while.
#[tokio::test]
async fn copy_and_delete_pays_nothing() {
    let bench = Bench::new();
    bench.accept(manifest("old.yaml", vec![wanted("old/1"), wanted("old/2")])).await.unwrap();
    bench.succeed("old/1").await;
    let copies = vec![same_as("old/1", "new/1"), same_as("old/2", "new/2")];
    bench.accept(manifest("new.yaml", copies.clone())).await.unwrap();
    bench.miss("old.yaml").await;
    bench.leave().await;
    bench.accept(manifest("new.yaml", copies)).await.unwrap();
    assert_eq!(bench.tasks(), 2);
    assert_eq!(bench.state("new/1").await, State::Downloading, "it gets a copy");
    assert_eq!(
        (bench.state("new/2").await, bench.state("old/2").await),
        (State::Queued, State::Cancelled)
    );
    assert_eq!(bench.task("new/2").await.spec.key, "new/2");
}

#[tokio::test]
async fn job_that_moves_to_another_manifest_is_the_same() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let moved = bench.job("a/2").await;
    bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    let done = bench.accept(manifest("b.yaml", vec![same_as("a/2", "b/2")])).await.unwrap();
    assert_eq!((done.moved, bench.job("b/2").await.id, bench.tasks()), (1, moved.id, 2));
    let counts: String =
        bench.value("SELECT group_concat(path || ' ' || jobs) FROM manifest_overview");
    assert_eq!(counts, "a.yaml 1,b.yaml 1");
}

/// Several jobs of one request are gone: the one of the same id is the same job, else the first.
#[tokio::test]
async fn same_id_is_preferred() {
    let bench = Bench::new();
    let jobs = ["1", "2", "3"].map(|id| same_as("x", &format!("old/{id}")));
    bench.accept(manifest("old.yaml", jobs.into())).await.unwrap();
    let mut ids = Vec::new();
    for id in ["1", "2", "3"] {
        ids.push(bench.job(&format!("old/{id}")).await.id);
    }
    bench.miss("old.yaml").await;
    let renamed = vec![same_as("x", "new/3"), same_as("x", "new/9")];
    bench.accept(manifest("new.yaml", renamed)).await.unwrap();
    assert_eq!([bench.job("new/3").await.id, bench.job("new/9").await.id], [ids[2], ids[0]]);
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn rename_with_an_edit_is_another_job() {
    let bench = Bench::new();
    bench.accept(manifest("old.yaml", vec![wanted("old")])).await.unwrap();
    bench.succeed("old").await;
    bench.miss("old.yaml").await;
    let edited = changed(same_as("old", "new"), |spec| spec.sound_volume = 2.0);
    let done = bench.accept(manifest("new.yaml", vec![edited])).await.unwrap();
    assert_eq!((done.moved, done.added, bench.tasks()), (0, 1, 2));
    assert_eq!(
        (bench.state("old").await, bench.state("new").await),
        (State::Succeeded, State::Queued)
    );
}

#[tokio::test]
async fn renamed_local_file_pays_nothing() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![local("a/1", Some("01"))])).await.unwrap();
    bench.succeed("a/1").await;
    let renamed = |key: &str| {
        let mut job = local(key, Some("01"));
        job.spec.audio = Source::File("renamed.mp3".to_owned());
        hashed(job.spec, job.media)
    };
    bench.accept_and_run(manifest("a.yaml", vec![renamed("a/1"), renamed("a/2")])).await.unwrap();
    assert_eq!(
        (bench.state("a/1").await, bench.state("a/2").await),
        (State::Succeeded, State::Downloading)
    );
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn swapped_ids_pay_nothing() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    for key in ["a/1", "a/2"] {
        bench.succeed(key).await;
    }
    let swapped = vec![same_as("a/1", "a/2"), same_as("a/2", "a/1")];
    bench.accept_and_run(manifest("a.yaml", swapped)).await.unwrap();
    assert_eq!(bench.tasks(), 2);
}

/// A new key of the same request stands before it.
#[tokio::test]
async fn job_that_returns_is_not_taken_over_by_a_new_key() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1"), wanted("a/2")])).await.unwrap();
    let id = bench.job("a/1").await.id;
    bench.accept(manifest("a.yaml", vec![wanted("a/2")])).await.unwrap();
    let jobs = vec![same_as("a/1", "a/0"), wanted("a/1"), wanted("a/2")];
    let done = bench.accept(manifest("a.yaml", jobs)).await.unwrap();
    assert_eq!((done.added, done.moved, bench.job("a/1").await.id), (1, 0, id));
    assert_eq!(bench.tasks(), 2);
}
