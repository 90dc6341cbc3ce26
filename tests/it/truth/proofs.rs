//! What lookups prove about a create request, and what they do not prove.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use lipsyncd::{
    job::{Outcome, Source},
    sim::{Fault, FaultRule, Lags, UnknownTask},
    store::{Lookups, Store},
};
use serde_json::{Value, json};

use super::{lookups::*, *};
use crate::support::{patch, switches::Switches as _, with};

/// Longer ago than every task of a scenario.
const ALWAYS: Option<i64> = Some(1_000_000_000);
const BEFORE: &str = "try 1 failed: the lookup before the create request failed: ";

/// A failed try is repeated when the scenario sets the clock.
async fn patient(config: SimConfig) -> TestEnv {
    let mut env = TestEnv::new(config).await;
    (env.settings.policy.retry_initial_ms, env.settings.policy.retry_max_ms) = (60_000, 60_000);
    env
}

/// The account has a task of the video of `x` that the database does not know. `spec` is what the next job asks for.
async fn unknown_task(config: SimConfig, own_name: bool) -> (TestEnv, WantedJob) {
    let mut env = TestEnv::new(config).await;
    let name = own_name.then(|| "mine".to_owned());
    let earlier = with("x", |spec| spec.external_task_id.clone_from(&name));
    let video = earlier.spec.video.clone();
    env.put("x.yaml", vec![earlier]).await;
    env.run().await;
    assert_eq!(env.ledger().tasks.len(), 1);
    env.store = Store::open(&env.dir.path().join("new.db")).unwrap();
    let next = with("y", |spec| (spec.video, spec.external_task_id) = (video, name));
    (env, next)
}

/// The job becomes unresolved for this reason, and a person names the task.
async fn is_resolved(scenario: Scenario, key: &str, words: &str) {
    let reason = scenario.says(key, words).await;
    assert!(reason.starts_with("a person must decide: "), "{reason}");
    assert_eq!(scenario.tasks_at_kling(), 1);
    let task_id = scenario.env.ledger().tasks[0].task_id.clone();
    scenario.env.clear_faults();
    scenario.env.apply(key, Outcome::ResolvedAs { task_id }).await.unwrap();
    scenario.running.nudge();
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn account_that_answers_no_lookups_and_lists_no_task() {
    let config = SimConfig { answers_external_lookups: false, ..quick() };
    let env = TestEnv::new(config).await;
    env.store.learn_lookups(&crate::support::account(), Lookups::Unanswered).await.unwrap();
    let scenario = Scenario::start_with(env, Vec::new()).await;
    lose(&scenario, Fault::DropRequest);
    scenario.add("x").await;
    let words = "a person must decide: this account answers no lookups by external_task_id (";
    scenario.says("x", words).await;
    assert_eq!(scenario.tasks_at_kling(), 0);
    scenario.env.apply("x", Outcome::ResolvedAsUnsent { is_sure: false }).await.unwrap();
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn known_task_that_is_not_shown() {
    let scenario = lenient(150).await;
    scenario.env.sim.lag(Lags { by_id_ms: ALWAYS, by_name_ms: ALWAYS, list_ms: ALWAYS });
    lose(&scenario, Fault::DropRequest);
    scenario.add("x").await;
    let known = scenario.env.ledger().tasks[0].task_id.clone();
    let words = format!(
        "; the last lookup failed: Kling does not show task {known} either, although Kling accepted that task"
    );
    scenario.says("x", &words).await;
    assert_eq!(scenario.tasks_at_kling(), 1);
    scenario.env.sim.lag(Lags::default());
    scenario.succeeds(2).await;
}

/// Each query is answered with this task, whatever it asks for.
fn answer_each_query_with(scenario: &Scenario, task_id: &str) {
    let text = json!({"code": 0, "data": {"task_id": task_id, "task_status": "succeed"}});
    let content_type = "application/json".to_owned();
    let answer = Fault::Body { status: 200, content_type, text: text.to_string() };
    scenario.env.fault(FaultRule::always(Endpoint::Query, answer));
}

#[tokio::test]
async fn lookup_that_is_answered_with_the_task_of_another_job() {
    let env = patient(quick()).await;
    let scenario = Scenario::start_with(env, vec![wanted("first")]).await;
    scenario.env.until_state("first", State::Succeeded).await;
    let task_id = scenario.env.ledger().tasks[0].task_id.clone();
    answer_each_query_with(&scenario, &task_id);
    scenario.add("x").await;
    let reason = scenario.says("x", &format!("{BEFORE}Kling answered a lookup of ")).await;
    assert!(
        reason.contains(&format!(" with task {task_id}, which belongs to another job; next")),
        "{reason}"
    );
    assert_eq!(scenario.tasks_at_kling(), 1);
    scenario.env.clear_faults();
    scenario.env.set_ahead(120_000);
    scenario.succeeds(2).await;
}

#[tokio::test]
async fn list_without_an_end() {
    let env = patient(SimConfig { unknown_task: UnknownTask::EmptyObject, ..quick() }).await;
    let task = |id: usize| json!({"task_id": id.to_string(), "task_status": "succeed"});
    let page: Vec<Value> = (1..=500).map(task).collect();
    let text = json!({"code": 0, "data": page}).to_string();
    let content_type = "application/json".to_owned();
    let full = Fault::Body { status: 200, content_type, text };
    env.fault(FaultRule::always(Endpoint::List, full));
    let scenario = Scenario::start_with(env, vec![wanted("x")]).await;
    let words = format!("{BEFORE}the list of the account's tasks could not be read to its end; ");
    scenario.says("x", &words).await;
    assert_eq!(scenario.tasks_at_kling(), 0);
    scenario.env.clear_faults();
    scenario.env.set_ahead(120_000);
    scenario.succeeds(1).await;
}

#[tokio::test]
async fn listed_task_of_the_same_video() {
    let config = SimConfig {
        unknown_task: UnknownTask::EmptyObject,
        answers_external_lookups: false,
        ..quick()
    };
    let (env, next) = unknown_task(config, false).await;
    let scenario = Scenario::start_with(env, vec![next]).await;
    let reason = scenario.says("y", "Kling may have a task named lipsyncd-").await;
    let task_id = scenario.env.ledger().tasks[0].task_id.clone();
    let words = format!(
        " (the answer is an empty success): task {task_id} has the same video and is not in this database"
    );
    assert!(reason.contains(&words), "{reason}");
    scenario.env.apply("y", Outcome::ResolvedAsUnsent { is_sure: false }).await.unwrap();
    scenario.running.nudge();
    is_resolved(scenario, "y", " (a person decided that Kling has none): task ").await;
}

/// Queries do not show the video of a task. With `hides_time` they also hide when it was created.
fn hide_video(env: &TestEnv, hides_time: bool) {
    let mut with = json!({"data": {"task_info": {"parent_video": null}}});
    if hides_time {
        with["data"]["created_at"] = Value::Null;
    }
    env.fault(FaultRule::always(Endpoint::Query, patch(with)));
}

#[tokio::test]
async fn name_of_a_task_that_the_database_does_not_know() {
    let (env, next) = unknown_task(quick(), true).await;
    hide_video(&env, false);
    let scenario = Scenario::start_with(env, vec![next]).await;
    let words = ", which is not in this database, and whose video Kling does not show";
    is_resolved(scenario, "y", words).await;
}

/// The name is not found before the create request, which is lost.
#[tokio::test]
async fn name_of_a_task_that_may_be_older_than_the_create_request() {
    for (hides_time, words) in [
        (false, ", which is older than the create request"),
        (true, ", for which Kling shows no video and no time"),
    ] {
        let (env, next) = unknown_task(quick(), true).await;
        env.sim.advance(Duration::from_secs(7_200));
        let not_found =
            Fault::Code { code: 1203, status: None, retry_after_s: None, message: None };
        // In each spelling.
        env.fault(FaultRule { times: Some(3), ..FaultRule::once(Endpoint::Query, not_found) });
        hide_video(&env, hides_time);
        env.fault(FaultRule::once(Endpoint::Create, Fault::DropRequest));
        let scenario = Scenario::start_with(env, vec![next]).await;
        is_resolved(scenario, "y", words).await;
    }
}

#[tokio::test]
async fn own_name_that_is_answered_with_the_task_of_another_job() {
    let scenario = Scenario::start(quick(), vec![wanted("first")]).await;
    scenario.env.until_state("first", State::Succeeded).await;
    let task_id = scenario.env.ledger().tasks[0].task_id.clone();
    answer_each_query_with(&scenario, &task_id);
    let named = with("x", |spec| spec.external_task_id = Some("mine".to_owned()));
    scenario.env.put("x.yaml", vec![named]).await;
    scenario.running.nudge();
    let reason = scenario.says("x", "external_task_id mine is the name of task ").await;
    assert!(reason.contains(", which belongs to another job of this database"), "{reason}");
    // The name is looked up again after the decision, and by the daemon itself.
    scenario.env.apply("x", Outcome::ResolvedAsUnsent { is_sure: false }).await.unwrap();
    scenario.running.nudge();
    assert_eq!(scenario.tasks_at_kling(), 1);
    scenario.env.clear_faults();
    scenario.succeeds(2).await;
}

#[tokio::test]
async fn request_that_never_arrived_for_a_job_that_is_missing() {
    let scenario = lenient(1_000).await;
    lose(&scenario, Fault::DropRequest);
    scenario.add("x").await;
    scenario.env.until_state("x", State::Creating).await;
    let policy = scenario.env.settings.policy.clone();
    scenario.env.store.miss("x.yaml", scenario.env.moment(), policy).await.unwrap();
    let words = "; Kling has no task of this name, and its job is missing from the folder";
    let reason = scenario.says("x", words).await;
    assert!(reason.starts_with(CHECKING), "{reason}");
    assert_eq!(scenario.tasks_at_kling(), 1);
    scenario.add("x").await;
    scenario.succeeds(2).await;
    assert_eq!(scenario.tasks_at_kling(), 2);
}

#[tokio::test]
async fn acceptance_of_something_else() {
    let named = json!({"data": {"task_info": {"external_task_id": "not mine"}}});
    let scenario = lenient(60_000).await;
    hide_new_tasks(&scenario);
    let first = json!({"data": {"task_id": scenario.env.ledger().tasks[0].task_id}});
    for (key, with, words) in [
        ("x", named, ": Kling accepted not mine, which is another name)"),
        ("y", first, ": Kling returned the id of another job's task: "),
    ] {
        lose(&scenario, patch(with));
        scenario.add(key).await;
        let reason = scenario.says(key, words).await;
        assert!(reason.starts_with(CHECKING), "{reason}");
    }
    assert_eq!(scenario.tasks_at_kling(), 3);
    scenario.env.sim.lag(Lags::default());
    scenario.succeeds(3).await;
    assert_eq!(scenario.tasks_at_kling(), 3);
}

/// Serves a clip once `is_up`; until then, each request is answered with 503. Returns the address of the clip.
fn serve_clip(is_up: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let clip = crate::testing::media::clip("welcome-en.mp3");
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let lines = BufReader::new(connection.try_clone().unwrap()).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let (status, body) = match is_up.load(Ordering::Acquire) {
                true => ("200 OK", &clip[..]),
                false => ("503 Service Unavailable", &[][..]),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _closed = connection.write_all(&[head.as_bytes(), body].concat());
        }
    });
    format!("http://{address}/welcome-en.mp3?duration_ms=5000")
}

#[tokio::test]
async fn audio_that_cannot_be_downloaded_to_be_measured() {
    let env = TestEnv::new(quick()).await;
    let is_up = Arc::new(AtomicBool::new(false));
    let audio = serve_clip(Arc::clone(&is_up));
    let job = with("x", |spec| (spec.audio, spec.sound_end_ms) = (Source::Url(audio), None));
    let scenario = Scenario::start_with(env, vec![job]).await;
    let reason = scenario.says("x", "cannot download the audio to measure it: ").await;
    assert!(reason.contains("HTTP 503"), "{reason}");
    assert_eq!(scenario.accepted(Endpoint::Identify), 0);
    is_up.store(true, Ordering::Release);
    scenario.succeeds(1).await;
}

/// The daemon ended before it recorded a response.
#[test]
fn response_that_was_not_recorded() {
    use crate::support::daemon;
    let mut env = daemon::TestEnv::new(slow());
    env.sim.fault(FaultRule::once(Endpoint::Create, Fault::Hang { ms: 60_000 }));
    env.drop_in_old("x.yaml", daemon::job_of("x"));
    env.start();
    env.until("the request", |env| env.ledger().tasks.len() == 1);
    env.kill();
    let doctor = |env: &daemon::TestEnv, words: &str| {
        let doctor = env.run(&["doctor"]).out;
        assert!(doctor.contains(words), "{doctor}");
    };
    doctor(&env, " has an unknown outcome: Kling may have accepted each, and then it is paid");
    doctor(&env, " (the daemon looks them up)");
    env.sim.lag(Lags { by_id_ms: None, by_name_ms: ALWAYS, list_ms: ALWAYS });
    env.start();
    env.until("the reason", |env| {
        let reason = env.job("x").map(|job| job.waiting_for).unwrap_or_default();
        reason.starts_with(CHECKING) && reason.contains(": no response was recorded)")
    });
    doctor(&env, ", and then it is paid; the daemon looks them up: ");
    doctor(&env, " list --state creating\n");
    env.sim.lag(Lags::default());
    env.until_state("x", "processing");
    assert_eq!(env.ledger().tasks.len(), 1);
}
