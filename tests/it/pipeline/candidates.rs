//! What an unresolved job could be: the account's tasks of its video that are nobody else's.

use lipsyncd::{
    job::{Outcome, State},
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::{Candidate, JobDetail, Lookups, Reader, Store},
};

use crate::support::{TestEnv, account, many, quick, refusal, wanted};

/// A test environment with a new database, in whose account two tasks are that this database does not know.
async fn test_env() -> TestEnv {
    let mut test_env = TestEnv::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    test_env.put("other.yaml", many("other", 2)).await;
    test_env.run().await;
    test_env.assert_all_succeeded(2).await;
    test_env.store = Store::open(&test_env.dir.path().join("new.db")).unwrap();
    test_env.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    test_env
}

/// More than enough for `give_up_after`.
const RUNS_MAX: usize = 20;

/// One job is paid for and known, the next gets lost.
async fn lose(test_env: &TestEnv, fault: Fault) {
    test_env.put("k.yaml", vec![wanted("k/known")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.fault(FaultRule::once(Endpoint::Create, fault));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    // A run ends after a few failed lookups, on a fast machine before `give_up_after`.
    let is_unresolved = async || test_env.state("m/a").await == State::Unresolved;
    for _ in 0..RUNS_MAX {
        assert_eq!(test_env.run().await, End::Idle);
        if is_unresolved().await {
            return;
        }
    }
    panic!("{RUNS_MAX} runs left m/a {:?}", test_env.state("m/a").await);
}

fn detail(test_env: &TestEnv) -> JobDetail {
    Reader::open(test_env.store.path()).unwrap().detail("m/a").unwrap().unwrap()
}

fn candidates(test_env: &TestEnv) -> Vec<Candidate> {
    detail(test_env).state.candidates
}

fn task_ids(test_env: &TestEnv) -> Vec<String> {
    candidates(test_env).into_iter().map(|candidate| candidate.task_id).collect()
}

/// The account's task of the video of the job of that key.
fn task_of(test_env: &TestEnv, key: &str) -> String {
    let tasks = test_env.ledger().tasks;
    let video = format!("/{key}.mp4");
    tasks.into_iter().find(|task| task.video.contains(&video)).unwrap().task_id
}

#[tokio::test]
async fn the_tasks_of_its_video_are_kept_until_a_person_has_decided() {
    let test_env = test_env().await;
    lose(&test_env, Fault::LoseAnswer).await;
    let own = task_of(&test_env, "m/a");
    assert_eq!(task_ids(&test_env), std::slice::from_ref(&own));
    let [candidate] = &candidates(&test_env)[..] else { panic!("one candidate") };
    assert!(candidate.video.as_ref().unwrap().contains("cdn.example/m/a.mp4"));
    assert!(candidate.created_at_ms.is_some());
    test_env.apply("m/a", Outcome::ResolvedAs { task_id: own }).await.unwrap();
    assert_eq!(task_ids(&test_env), [""; 0]);
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.state("m/a").await, State::Succeeded);
}

#[tokio::test]
async fn tasks_of_other_videos_are_not_shown_while_videos_can_be_compared() {
    let test_env = test_env().await;
    lose(&test_env, Fault::DropRequest).await;
    assert_eq!(
        task_ids(&test_env),
        [""; 0],
        "Kling shows the video of the known job as it was sent"
    );
    assert!(detail(&test_env).state.listed_at_ms.is_some());
}

#[tokio::test]
async fn without_comparable_videos_all_unowned_tasks_are_candidates() {
    let test_env = test_env().await;
    test_env.sim.control(|sim| sim.config_mut().shows_sent_videos = false);
    lose(&test_env, Fault::DropRequest).await;
    let mut others = ["other/000", "other/001"].map(|name| task_of(&test_env, name));
    others.sort();
    let mut shown = task_ids(&test_env);
    shown.sort();
    assert_eq!(shown, others, "not the task of the job that is known");
}

#[tokio::test]
async fn a_list_that_could_not_be_read_is_read_at_the_next_start() {
    let mut test_env = test_env().await;
    test_env.settings.policy.give_up_after_ms = 300;
    test_env.fault(FaultRule::always(Endpoint::List, refusal(5000)));
    lose(&test_env, Fault::LoseAnswer).await;
    assert_eq!(task_ids(&test_env), [""; 0]);
    assert_eq!(detail(&test_env).state.listed_at_ms, None, "nobody knows that there is none");
    test_env.clear_faults();
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(task_ids(&test_env), [task_of(&test_env, "m/a")]);
    assert!(detail(&test_env).state.listed_at_ms.is_some());
    let history = detail(&test_env).history.len();
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(detail(&test_env).history.len(), history, "what it says again is not written again");
}

#[tokio::test]
async fn the_history_says_that_no_task_is_possible() {
    let mut test_env = TestEnv::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    test_env.store = Store::open(&test_env.dir.path().join("new.db")).unwrap();
    test_env.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    lose(&test_env, Fault::DropRequest).await;
    assert_eq!(task_ids(&test_env), [""; 0]);
    let detail = detail(&test_env);
    let last = detail.history.last().unwrap();
    assert_eq!(last.what, "listed the account's tasks: none could be this one");
    assert!(detail.state.listed_at_ms.is_some());
    test_env.apply("m/a", Outcome::ResolvedAsUnsent { is_sure: false }).await.unwrap();
    assert_eq!(self::detail(&test_env).state.listed_at_ms, None, "that was before");
}
