//! Own names at Kling, and outputs: what two jobs cannot both have.

use super::*;

fn named(key: &str, name: &str) -> WantedJob {
    changed(wanted(key), |spec| spec.external_task_id = Some(name.to_owned()))
}

fn to(key: &str, output: &str) -> WantedJob {
    changed(wanted(key), |spec| spec.output = output.to_owned())
}

#[tokio::test]
async fn own_name_belongs_to_one_request() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![named("a", "mine")])).await.unwrap();
    assert_eq!(bench.task("a").await.name, "mine");
    let conflict = bench.accept(manifest("b.yaml", vec![named("b", "mine")])).await.unwrap_err();
    assert_eq!(conflict.key, "b");
    assert!(
        conflict.what.contains("external_task_id mine was already used by job a"),
        "{conflict}"
    );
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM manifest"), 1, "nothing of it is taken in");
    // The same request under the same name shares.
    let same = changed(same_as("a", "c"), |spec| spec.external_task_id = Some("mine".to_owned()));
    bench.accept(manifest("c.yaml", vec![same])).await.unwrap();
    assert_eq!(bench.tasks(), 1);
    // Also within one manifest.
    let conflict = bench
        .accept(manifest("d.yaml", vec![named("d/1", "its"), named("d/2", "its")]))
        .await
        .unwrap_err();
    assert_eq!(conflict.key, "d/2");
}

/// The audio of the second job comes later than its manifest: the conflict is found then.
#[tokio::test]
async fn conflict_found_with_the_media_is_what_the_job_waits_for() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![named("a", "mine")])).await.unwrap();
    let asking = |sha256| {
        changed(local("b", sha256), |spec| spec.external_task_id = Some("mine".to_owned()))
    };
    bench.accept(manifest("b.yaml", vec![asking(None)])).await.unwrap();
    let check = async || {
        let (store, id) = (&bench.store, bench.job("b").await.id);
        let wanted = asking(Some("01"));
        store.check_media(id, wanted, MOMENT, POLICY, OnChange::Flag).await.unwrap().unwrap()
    };
    assert_eq!(check().await.changes.len(), 1);
    let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'b'");
    assert!(why.contains("external_task_id mine was already used by job a"), "{why}");
    assert_eq!(check().await, Reconciled::default(), "reported once");
    bench.cancel("a").await;
    check().await;
    assert_eq!(
        (bench.state("b").await, bench.task("b").await.name),
        (State::Queued, "mine".to_owned())
    );
}

/// A name is free again only as long as nothing went to Kling under it.
#[tokio::test]
async fn name_of_an_uncreated_request_is_free_again() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![named("a", "mine")])).await.unwrap();
    let louder = || changed(louder("a"), |spec| spec.external_task_id = Some("mine".to_owned()));
    bench.accept(manifest("a.yaml", vec![louder()])).await.unwrap();
    assert_eq!(
        (bench.task("a").await.name.as_str(), bench.state("a").await),
        ("mine", State::Queued)
    );
    let session = session(&bench.store).await;
    bench.drive("a", until_submitted(&session, "task")).await;
    let again = manifest("a.yaml", vec![named("a", "mine")]);
    let conflict = bench.accept_and_run(again).await.unwrap_err();
    assert!(conflict.what.contains("job a"), "{conflict}");
    assert_eq!(bench.state("a").await, State::Submitted);
}

#[tokio::test]
async fn retry_under_an_own_name_gets_the_next_take() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![named("a", "mine")])).await.unwrap();
    bench.succeed("a").await;
    bench.retry("a").await;
    assert_eq!(bench.task("a").await.name, "mine-2");
}

/// `promo` in its second take is `promo-2` at Kling, and no other request may have that name.
#[tokio::test]
async fn name_of_a_take_belongs_to_one_request_too() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![named("a", "promo")])).await.unwrap();
    bench.succeed("a").await;
    bench.retry("a").await;
    let conflict = bench.accept(manifest("b.yaml", vec![named("b", "promo-2")])).await.unwrap_err();
    assert!(
        conflict.what.contains("external_task_id promo-2 was already used by job a"),
        "{conflict}"
    );

    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![named("a", "promo-2")])).await.unwrap();
    let second = changed(named("b", "promo"), |spec| spec.take = Some(2));
    let conflict = bench.accept(manifest("b.yaml", vec![second])).await.unwrap_err();
    assert!(conflict.what.contains("was already used by job a"), "{conflict}");
}

/// As long as the audio is not there, both may ask for the same: it is judged once the audio is known.
#[tokio::test]
async fn one_output_of_jobs_without_media_is_judged_with_the_media() {
    for (sha256, state) in [("01", State::Queued), ("02", State::Waiting)] {
        let bench = Bench::new();
        let asking = |key: &str, sha256| {
            changed(local(key, sha256), |spec| {
                spec.audio = Source::File("say.mp3".to_owned());
                spec.output = "x.mp4".to_owned();
            })
        };
        bench.accept(manifest("a.yaml", vec![asking("a", None)])).await.unwrap();
        bench.accept(manifest("b.yaml", vec![asking("b", None)])).await.unwrap();
        let louder = changed(asking("c", None), |spec| spec.sound_volume = 2.0);
        let conflict = bench.accept(manifest("c.yaml", vec![louder])).await.unwrap_err();
        assert!(conflict.what.contains("output x.mp4 already belongs to job a,"), "{conflict}");
        for (key, sha256) in [("a", "01"), ("b", sha256)] {
            let (store, id) = (&bench.store, bench.job(key).await.id);
            let wanted = asking(key, Some(sha256));
            let checked = store.check_media(id, wanted, MOMENT, POLICY, OnChange::Flag).await;
            checked.unwrap().unwrap();
        }
        assert_eq!((bench.state("a").await, bench.state("b").await), (State::Queued, state));
        let why: String = bench.value("SELECT waiting_for FROM job_overview WHERE key = 'b'");
        assert_eq!(
            why.contains("x.mp4 already belongs to job a,"),
            state == State::Waiting,
            "{why}"
        );
        assert_eq!(bench.tasks(), 1);
    }
}

#[tokio::test]
async fn one_output_for_two_requests_conflicts() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![to("a", "x.mp4")])).await.unwrap();
    let jobs = vec![wanted("b/1"), to("b/2", "x.mp4")];
    let conflict = bench.accept(manifest("b.yaml", jobs)).await.unwrap_err();
    assert_eq!(conflict.key, "b/2");
    assert!(
        conflict.what.contains("x.mp4") && conflict.what.contains("belongs to job a,"),
        "{conflict}"
    );
    assert_eq!(bench.value::<i64>("SELECT count(*) FROM job"), 1);
    assert_eq!((bench.value::<i64>("SELECT count(*) FROM manifest"), bench.tasks()), (1, 1));
    // Also where the other is named by its key.
    let conflict =
        bench.accept(manifest("c.yaml", vec![wanted("c/1"), to("c/2", "c/1.mp4")])).await;
    assert_eq!(conflict.unwrap_err().key, "c/1");
    // It is free again when its job is gone.
    bench.miss("a.yaml").await;
    bench.accept(manifest("b.yaml", vec![to("b/2", "x.mp4")])).await.unwrap();
}

#[tokio::test]
async fn one_output_for_one_request_and_take_is_shared() {
    let bench = Bench::new();
    let same = |key, take| {
        changed(same_as("a", key), |spec| {
            (spec.output, spec.take) = ("x.mp4".to_owned(), take);
        })
    };
    bench.accept(manifest("a.yaml", vec![same("a", None)])).await.unwrap();
    bench.accept(manifest("b.yaml", vec![same("b", Some(1))])).await.unwrap();
    let conflict = bench.accept(manifest("c.yaml", vec![same("c", Some(2))])).await.unwrap_err();
    assert_eq!(conflict.key, "c");
    assert_eq!(bench.tasks(), 1);
}

#[tokio::test]
async fn output_passes_from_one_job_of_a_manifest_to_another() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a/1")])).await.unwrap();
    bench.accept(manifest("a.yaml", vec![to("a/2", "a/1.mp4")])).await.unwrap();
    assert_eq!(bench.state("a/2").await, State::Queued);
}

#[tokio::test]
async fn two_jobs_of_a_manifest_swap_their_outputs() {
    let bench = Bench::new();
    let first = manifest("a.yaml", vec![to("a/1", "x.mp4"), to("a/2", "y.mp4")]);
    bench.accept(first).await.unwrap();
    let swapped = manifest("a.yaml", vec![to("a/1", "y.mp4"), to("a/2", "x.mp4")]);
    bench.accept(swapped).await.unwrap();
    let outputs = [bench.task("a/1").await.spec.output, bench.task("a/2").await.spec.output];
    assert_eq!(outputs, ["y.mp4", "x.mp4"]);
}

#[tokio::test]
async fn manifests_are_taken_in_as_they_are_handed_over() {
    let bench = Bench::new();
    let [first, second, third] = [
        manifest("a.yaml", vec![named("a", "mine")]),
        manifest("b.yaml", vec![to("b", "a.mp4")]),
        manifest("c.yaml", vec![named("c", "mine")]),
    ]
    .map(|manifest| bench.store.accept(manifest, MOMENT, POLICY, OnChange::Flag));
    let conflict = third.await.unwrap().unwrap_err();
    assert!(conflict.what.contains("mine"), "{conflict}");
    let conflict = second.await.unwrap().unwrap_err();
    assert!(conflict.what.contains("a.mp4"), "{conflict}");
    assert_eq!(first.await.unwrap().unwrap().added, 1);
    assert_eq!(bench.store.stored_manifests().await.unwrap().len(), 1);
}

/// `external_task_id`, `asked_output` and `output` are computed from other columns.
#[tokio::test]
async fn computed_names_and_outputs_are_those_of_the_job() {
    let bench = Bench::new();
    let jobs = vec![wanted("a"), to("b", "other/b.mp4"), to("c", "c.mp4"), named("d", "mine")];
    bench.accept(manifest("m.yaml", jobs)).await.unwrap();
    for key in ["a", "d"] {
        bench.succeed(key).await;
        bench.retry(key).await;
    }
    let hash = bench.task("a").await.request_hash;
    let tasks = "SELECT group_concat(external_task_id, ' ') FROM (SELECT t.external_task_id
                   FROM task t JOIN job j ON j.id = t.lead_job WHERE j.key IN ('a', 'd') ORDER BY 1)";
    let names = format!("lipsyncd-{hash} lipsyncd-{hash}-2 mine mine-2");
    assert_eq!(bench.value::<String>(tasks), names);
    assert_eq!(bench.task("a").await.external_task_id(), format!("lipsyncd-{hash}-2"));
    let outputs = "SELECT group_concat(asked_output || '=' || output || ':' || (named_output IS NOT NULL), ' ')
                   FROM (SELECT * FROM job ORDER BY key)";
    assert_eq!(
        bench.value::<String>(outputs),
        "a.mp4=a.mp4:0 other/b.mp4=other/b.mp4:1 c.mp4=c.mp4:0 d.mp4=d.mp4:0"
    );
    // The file stays where it is while the manifest asks for another place.
    bench.succeed("b").await;
    bench.accept(manifest("m.yaml", vec![wanted("a"), to("b", "new/b.mp4")])).await.unwrap();
    let job = bench.job("b").await;
    let columns: String = bench.value(
        "SELECT named_output || ' ' || asked_output || ' ' || coalesce(other_output, '-') || ' ' || output
         FROM job WHERE key = 'b'",
    );
    assert_eq!(columns, format!("new/b.mp4 new/b.mp4 other/b.mp4 {}", job.output));
}
