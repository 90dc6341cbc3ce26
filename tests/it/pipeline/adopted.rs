//! Tasks that are adopted after the database was lost: no create request of theirs is known.

use std::{fs, time::Duration};

use lipsyncd::{
    job::{Source, State},
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, LookupStyles, SimConfig, UnknownTask},
    store::{Command, Store},
};
use serde_json::Value;

use crate::support::{TestEnv, quick, refusal, switches::Switches as _, wanted, with};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A test environment whose database was lost after `m/a` had succeeded.
async fn database_lost(config: SimConfig) -> TestEnv {
    let mut test_env = TestEnv::new(config).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.store = Store::open(&test_env.dir.path().join("new.db")).unwrap();
    test_env
}

/// The same; the task of `m/a` is adopted.
async fn adopted() -> TestEnv {
    let test_env = database_lost(quick()).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert!(test_env.task("m/a").await.create.is_none(), "it was adopted");
    test_env
}

fn pass_days(test_env: &TestEnv, days: u32) {
    test_env.sim.advance(DAY * days);
    test_env.set_ahead((DAY * days).as_millis() as i64);
}

fn delete_results(test_env: &TestEnv) {
    fs::remove_dir_all(test_env.output("m")).unwrap();
}

fn metadata(test_env: &TestEnv, path: &str) -> Value {
    serde_json::from_slice(&fs::read(test_env.output(path)).unwrap()).unwrap()
}

#[tokio::test]
async fn a_task_is_adopted_though_the_names_of_later_takes_are_answered_with_errors() {
    let test_env = database_lost(quick()).await;
    delete_results(&test_env);
    test_env.sim.answer_unknown(UnknownTask::ServerError);
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn a_lookup_that_fails_in_the_answered_spelling_is_not_a_not_found() {
    let test_env = database_lost(SimConfig { unique_external_ids: false, ..quick() }).await;
    delete_results(&test_env);
    test_env.sim.set_lookup_styles(LookupStyles::PATH_WITH_FLAG);
    // The other ways are answered, with "not found" and with the plain list.
    let fault = FaultRule::once(Endpoint::Query, Fault::Status { status: 503 });
    test_env.fault(FaultRule { matching: Some("external_task_id=true".to_owned()), ..fault });
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn adopted_result_expires() {
    for api_knows_task in [true, false] {
        let test_env = adopted().await;
        delete_results(&test_env);
        pass_days(&test_env, 31);
        if !api_knows_task {
            test_env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
        }
        test_env.command("m/a", Command::Fetch).await;
        assert_eq!(test_env.run().await, End::Idle);
        let failure = test_env.job("m/a").await.failure.unwrap();
        assert_eq!(failure.code, "result_expired", "{}", failure.message);
        assert_eq!(test_env.ledger().tasks.len(), 1, "nothing is paid");
    }
}

/// A result on disk needs no question to Kling, which deleted the task long ago.
#[tokio::test]
async fn old_result_on_disk_is_adopted_without_kling() {
    let test_env = database_lost(quick()).await;
    pass_days(&test_env, 31);
    test_env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn young_adopted_result_is_waited_for() {
    let test_env = adopted().await;
    delete_results(&test_env);
    pass_days(&test_env, 29);
    test_env.fault(FaultRule::always(Endpoint::Query, refusal(1203)));
    test_env.command("m/a", Command::Fetch).await;
    let running = test_env.start().await;
    test_env.until("tries to fail", async || test_env.job("m/a").await.delivery.tries > 1).await;
    test_env.clear_faults();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
}

#[tokio::test]
async fn copy_of_an_adopted_result_has_its_metadata() {
    let test_env = adopted().await;
    let same = with("n/b", |spec| {
        let Source::Url(video) = &mut spec.video else { panic!("not a URL") };
        *video = video.replace("n/b", "m/a");
        let Source::Url(audio) = &mut spec.audio else { panic!("not a URL") };
        *audio = audio.replace("n/b", "m/a");
        spec.labels = [("team".to_owned(), "other".to_owned())].into();
    });
    test_env.put("n.yaml", vec![same]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 1).await;
    let (first, copy) = (metadata(&test_env, "m/a.json"), metadata(&test_env, "n/b.json"));
    for key in ["face", "timing", "units", "created_at", "task_id", "request_hash", "take"] {
        assert_eq!(copy[key], first[key], "{key}");
    }
    assert_eq!(first["timing"]["sound_end_ms"], 3_000);
    assert_eq!(
        (copy["job"].as_str(), copy["labels"]["team"].as_str()),
        (Some("n/b"), Some("other"))
    );
    assert_eq!(test_env.ledger().accepted(Endpoint::Download), 1);
}

#[tokio::test]
async fn fetched_result_of_an_adopted_task_has_the_time_of_the_task() {
    let test_env = database_lost(quick()).await;
    let time = |test_env: &TestEnv| {
        let created_at = metadata(test_env, "m/a.json")["created_at"].as_str().unwrap().to_owned();
        created_at.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    };
    let first_ms = time(&test_env);
    delete_results(&test_env);
    pass_days(&test_env, 5);
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert!((0..60_000).contains(&(time(&test_env) - first_ms)), "{} {first_ms}", time(&test_env));
}
