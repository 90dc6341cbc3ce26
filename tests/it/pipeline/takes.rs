//! Another take of a request: what it pays, which session it uses, and where the earlier result goes.

use std::{fs, path::PathBuf, time::Duration};

use lipsyncd::{
    job::{Source, State, Task},
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::{Command, WantedJob},
};

use serde_json::json;

use crate::support::{TestEnv, hashed, patch, quick, refusal, wanted, with};

fn take(key: &str, take: u32) -> WantedJob {
    with(key, |spec| spec.take = Some(take))
}

/// Where the result of that task is kept when another has its place.
fn aside(test_env: &TestEnv, key: &str, task: &Task) -> PathBuf {
    let sha256 = &task.result.as_ref().unwrap().sha256;
    test_env.output(&format!("{key}.{}.mp4", &sha256[..8]))
}

/// The two takes of the job, the first first.
async fn takes(test_env: &TestEnv) -> [Task; 2] {
    <[Task; 2]>::try_from(test_env.tasks().await).unwrap()
}

#[tokio::test]
async fn retry_pays_once_more_and_keeps_the_earlier_result() {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.command("m/a", Command::Retry).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(1, 2).await;
    let [first, second] = takes(&test_env).await;
    assert_eq!(test_env.task("m/a").await, second);
    assert_eq!(second.name, format!("{}-2", first.name));
    test_env.assert_file("m/a.mp4", &second);
    let kept = aside(&test_env, "m/a", &first);
    test_env.assert_file(kept.strip_prefix(test_env.output("")).unwrap().to_str().unwrap(), &first);
}

/// A job whose `take` is edited while its first task runs; the first task ends `first` or last.
async fn superseded(first: bool) {
    let test_env = TestEnv::new(SimConfig { task_ms: (600_000, 600_000), ..quick() }).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until_state("m/a", State::Processing).await;
    let later_ms = if first { 1_200_000 } else { 50 };
    test_env.sim.control(|sim| sim.config_mut().task_ms = (later_ms, later_ms));
    test_env.put("m.yaml", vec![take("m/a", 2)]).await;
    running.nudge();
    test_env.until("the second task", async || test_env.ledger().tasks.len() == 2).await;
    let ended = async |place: usize| {
        let all = test_env.tasks().await;
        all.get(place).is_some_and(|task| task.state == State::Succeeded)
    };
    if first {
        test_env.sim.advance(Duration::from_secs(601));
        test_env.until("the first task to end", async || ended(0).await).await;
        test_env.until_state("m/a", State::Processing).await;
        assert!(!test_env.output("m/a.mp4").exists(), "a superseded result is kept beside");
    }
    test_env.sim.advance(Duration::from_secs(if first { 1_201 } else { 0 }));
    test_env.until_state("m/a", State::Succeeded).await;
    test_env.sim.advance(Duration::from_secs(601));
    test_env.until("both to end", async || ended(0).await && ended(1).await).await;
    running.stop().await;
    test_env.assert_all_shared(1, 2).await;
    let [first, second] = takes(&test_env).await;
    test_env.assert_file("m/a.mp4", &second);
    let kept = aside(&test_env, "m/a", &first);
    test_env.assert_file(kept.strip_prefix(test_env.output("")).unwrap().to_str().unwrap(), &first);
    let left = fs::read_dir(test_env.output("m")).unwrap().count();
    assert_eq!(left, 4, "two results with their metadata");
}

#[tokio::test]
async fn superseded_task_that_ends_first_is_kept_beside() {
    superseded(true).await;
}

#[tokio::test]
async fn superseded_task_that_ends_last_is_kept_beside() {
    superseded(false).await;
}

/// The job asks for another take while the first result is fetched.
#[tokio::test]
async fn slow_download_of_the_first_take_does_not_displace_the_second() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(FaultRule::once(Endpoint::Download, Fault::Hang { ms: 3_000 }));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("the download", async || test_env.ledger().faults.contains_key("hang")).await;
    test_env.put("m.yaml", vec![take("m/a", 2)]).await;
    running.nudge();
    test_env.until_state("m/a", State::Succeeded).await;
    test_env
        .until("the first take to end", async || {
            let all = test_env.tasks().await;
            all.len() == 2 && all.iter().all(|task| task.state == State::Succeeded)
        })
        .await;
    running.stop().await;
    test_env.assert_all_shared(1, 2).await;
    let [first, second] = takes(&test_env).await;
    test_env.assert_file("m/a.mp4", &second);
    let kept = aside(&test_env, "m/a", &first);
    test_env.assert_file(kept.strip_prefix(test_env.output("")).unwrap().to_str().unwrap(), &first);
}

#[tokio::test]
async fn retry_uses_no_session_older_than_itself() {
    let test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.command("m/a", Command::Retry).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 2);
    let sessions =
        test_env.ledger().tasks.iter().map(|task| task.session_id.clone()).collect::<Vec<_>>();
    assert_ne!(sessions[0], sessions[1]);
    // Another job of the same video uses the newest.
    let mut other = wanted("n/b");
    other.spec.video = wanted("m/a").spec.video;
    test_env.put("n.yaml", vec![hashed(other.spec, Default::default())]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 2);
    assert_eq!(test_env.ledger().tasks[2].session_id, sessions[1]);
}

#[tokio::test]
async fn retry_of_what_was_never_accepted_sends_the_same_take() {
    let test_env = TestEnv::new(quick()).await;
    test_env
        .fault(FaultRule { times: Some(1), ..FaultRule::once(Endpoint::Create, refusal(1301)) });
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.state("m/a").await, State::Failed);
    test_env.command("m/a", Command::Retry).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.task("m/a").await.take, 1);
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 2, "by a session of its own");
}

#[tokio::test]
async fn retry_of_one_leaves_the_other_its_take() {
    let test_env = TestEnv::new(quick()).await;
    let same = |key: &str| {
        let spec = lipsyncd::job::JobSpec {
            video: Source::Url("https://cdn.example/one.mp4?duration_ms=10000&faces=1".into()),
            audio: Source::Url("https://cdn.example/one.mp3?duration_ms=8000".into()),
            ..wanted(key).spec
        };
        hashed(spec, Default::default())
    };
    test_env.put("m.yaml", vec![same("m/a"), same("m/b")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.command("m/b", Command::Retry).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 2).await;
    assert_eq!((test_env.task("m/a").await.take, test_env.task("m/b").await.take), (1, 2));
    // The next take exists already: it is used, and nothing is paid.
    assert!(test_env.command("m/a", Command::Retry).await.task.unwrap().was_accepted());
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(2, 2).await;
    assert_eq!(test_env.task("m/a").await.take, 2);
}

#[tokio::test]
async fn more_tasks_than_jobs_are_followed_under_a_cap_without_prices() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.caps.units_micro = Some(90_000_000);
    for call in [Endpoint::Query, Endpoint::List] {
        let untold = patch(json!({"data": {"final_unit_deduction": null}}));
        test_env.fault(FaultRule::always(call, untold));
    }
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    for _ in 0..3 {
        assert_eq!(test_env.run().await, End::Idle);
        test_env.command("m/a", Command::Retry).await;
    }
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_shared(1, 4).await;
}
