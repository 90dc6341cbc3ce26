//! What an unresolved job could be: the account's tasks of its video that are nobody else's.

use lipsyncd::{
    job::{Outcome, State},
    pipeline::End,
    sim::{Call, Fault, FaultRule, SimConfig},
    store::{Candidate, JobDetail, Lookups, Reader, Store},
};

use crate::support::{House, account, many, quick, refusal, wanted};

/// A house with a new database, in whose account two tasks are that this database does not know.
async fn house() -> House {
    let mut house = House::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    house.put("other.yaml", many("other", 2)).await;
    house.run().await;
    house.assert_all_succeeded(2).await;
    house.store = Store::open(&house.dir.path().join("new.db")).unwrap();
    house.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    house
}

/// One job is paid for and known, the next gets lost.
async fn lose(house: &House, fault: Fault) {
    house.put("k.yaml", vec![wanted("k/known")]).await;
    assert_eq!(house.run().await, End::Idle);
    house.fault(FaultRule::once(Call::Create, fault));
    house.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.state("m/a").await, State::Unresolved);
}

fn detail(house: &House) -> JobDetail {
    Reader::open(house.store.path()).unwrap().detail("m/a").unwrap().unwrap()
}

fn candidates(house: &House) -> Vec<Candidate> {
    detail(house).state.candidates
}

fn task_ids(house: &House) -> Vec<String> {
    candidates(house).into_iter().map(|candidate| candidate.task_id).collect()
}

/// The account's task of the video of the job of that key.
fn task_of(house: &House, key: &str) -> String {
    let tasks = house.ledger().tasks;
    let video = format!("/{key}.mp4");
    tasks.into_iter().find(|task| task.video.contains(&video)).unwrap().task_id
}

#[tokio::test]
async fn the_tasks_of_its_video_are_kept_until_a_person_has_decided() {
    let house = house().await;
    lose(&house, Fault::LoseAnswer).await;
    let own = task_of(&house, "m/a");
    assert_eq!(task_ids(&house), std::slice::from_ref(&own));
    let [candidate] = &candidates(&house)[..] else { panic!("one candidate") };
    assert!(candidate.video.as_ref().unwrap().contains("cdn.example/m/a.mp4"));
    assert!(candidate.created_at_ms.is_some());
    house.apply("m/a", Outcome::ResolvedAs { task_id: own }).await.unwrap();
    assert_eq!(task_ids(&house), [""; 0]);
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(house.state("m/a").await, State::Succeeded);
}

#[tokio::test]
async fn tasks_of_other_videos_are_not_shown_while_videos_can_be_compared() {
    let house = house().await;
    lose(&house, Fault::DropRequest).await;
    assert_eq!(task_ids(&house), [""; 0], "Kling shows the video of the known job as it was sent");
    assert!(detail(&house).state.listed_at_ms.is_some());
}

#[tokio::test]
async fn where_videos_cannot_be_compared_all_tasks_that_are_unowned_are_shown() {
    let house = house().await;
    house.sim.control(|sim| sim.config_mut().shows_sent_videos = false);
    lose(&house, Fault::DropRequest).await;
    let mut others = ["other/000", "other/001"].map(|name| task_of(&house, name));
    others.sort();
    let mut shown = task_ids(&house);
    shown.sort();
    assert_eq!(shown, others, "not the task of the job that is known");
}

#[tokio::test]
async fn a_list_that_could_not_be_read_is_read_at_the_next_start() {
    let mut house = house().await;
    house.settings.policy.give_up_after_ms = 300;
    house.fault(FaultRule::always(Call::List, refusal(5000)));
    lose(&house, Fault::LoseAnswer).await;
    assert_eq!(task_ids(&house), [""; 0]);
    assert_eq!(detail(&house).state.listed_at_ms, None, "nobody knows that there is none");
    house.clear_faults();
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(task_ids(&house), [task_of(&house, "m/a")]);
    assert!(detail(&house).state.listed_at_ms.is_some());
    let history = detail(&house).history.len();
    assert_eq!(house.run().await, End::Idle);
    assert_eq!(detail(&house).history.len(), history, "what it says again is not written again");
}

#[tokio::test]
async fn that_no_task_could_be_it_is_written_down() {
    let mut house = House::new(SimConfig { answers_external_lookups: false, ..quick() }).await;
    house.store = Store::open(&house.dir.path().join("new.db")).unwrap();
    house.store.learn_lookups(&account(), Lookups::Unanswered).await.unwrap();
    lose(&house, Fault::DropRequest).await;
    assert_eq!(task_ids(&house), [""; 0]);
    let detail = detail(&house);
    let last = detail.history.last().unwrap();
    assert_eq!(last.what, "the account's tasks were listed: none could be it");
    assert!(detail.state.listed_at_ms.is_some());
    house.apply("m/a", Outcome::ResolvedAsUnsent { is_sure: false }).await.unwrap();
    assert_eq!(self::detail(&house).state.listed_at_ms, None, "that was before");
}
