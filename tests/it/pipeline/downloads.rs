//! Results on their way to disk: whatever goes wrong, they arrive whole, and overwrite nothing.

use std::{fs, os::unix::fs::symlink, time::Duration};

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::{Command, Store},
};

use crate::support::{TestEnv, many, quick, wanted};

async fn arrives(fault: Fault, times: u64) -> TestEnv {
    let test_env = TestEnv::new(SimConfig { min_result_bytes: 300_000, ..quick() }).await;
    test_env.fault(FaultRule { times: Some(times), ..FaultRule::once(Endpoint::Download, fault) });
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    let left: Vec<_> =
        fs::read_dir(test_env.output("m")).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(left.len(), 2, "only the result and its metadata: {left:?}");
    test_env
}

#[tokio::test]
async fn a_broken_download_continues_where_it_was() {
    let test_env = TestEnv::new(SimConfig { min_result_bytes: 300_000, ..quick() }).await;
    // No answer ever brings more than a third: begun anew each time, it would never be whole.
    let cut = Fault::CutBody { after_bytes: Some(110_000) };
    test_env.fault(FaultRule::always(Endpoint::Download, cut));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert!((3..=4).contains(&test_env.ledger().faults["cut_body"]));
}

#[tokio::test]
async fn an_incomplete_video_is_downloaded_again() {
    arrives(Fault::WrongLength { bytes: Some(400) }, 2).await;
    arrives(Fault::NotAVideo, 2).await;
    arrives(Fault::Status { status: 404 }, 2).await;
    arrives(Fault::Status { status: 503 }, 2).await;
    arrives(Fault::LoseAnswer, 2).await;
    arrives(Fault::Html { status: 200 }, 1).await;
}

#[tokio::test]
async fn a_redirect_is_followed() {
    let test_env = TestEnv::new(SimConfig { task_ms: (300, 300), ..quick() }).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("a task", async || test_env.ledger().tasks.len() == 1).await;
    let result_id = test_env.ledger().tasks[0].result_id.clone();
    let to = format!("{}/results/{result_id}.mp4", test_env.sim.base_url());
    test_env.fault(FaultRule::once(Endpoint::Download, Fault::Redirect { to }));
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.ledger().faults["redirect"], 1);
}

#[tokio::test]
async fn a_folder_that_just_became_a_link_takes_no_result() {
    let test_env = TestEnv::new(quick()).await;
    let running = test_env.start().await;
    for key in ["m/a", "m/b"] {
        test_env.put(&key.replace('/', "-"), vec![wanted(key)]).await;
        running.nudge();
        let has_ended = async || test_env.state(key).await.is_finished();
        test_env.until("its end", has_ended).await;
        if key == "m/a" {
            let (folder, aside) = (test_env.output("m"), test_env.dir.path().join("aside"));
            fs::rename(&folder, &aside).unwrap();
            symlink(&aside, &folder).unwrap();
        }
    }
    running.stop().await;
    let failure = test_env.task("m/b").await.failure.unwrap();
    assert!(failure.message.contains("leads out of the output folder"), "{failure:?}");
    assert_eq!(test_env.ledger().tasks.len(), 1, "nothing was paid for what cannot be stored");
    assert!(!test_env.dir.path().join("aside/b.mp4").exists());
}

#[tokio::test]
async fn a_foreign_file_at_the_output_fails_the_job_before_it_pays() {
    let test_env = TestEnv::new(quick()).await;
    fs::create_dir(test_env.output("m")).unwrap();
    fs::write(test_env.output("m/a.mp4"), "somebody's own").unwrap();
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    let failure = test_env.task("m/a").await.failure.unwrap();
    assert_eq!(failure.code, "output_taken");
    assert!(failure.message.contains("lipsyncd retry m/a"), "{}", failure.message);
    assert_eq!(test_env.ledger().tasks.len(), 0);
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 0);
    assert_eq!(fs::read(test_env.output("m/a.mp4")).unwrap(), b"somebody's own");
}

const IN_THE_WAY: &str = "a.mp4 already exists and is not a known result of lipsyncd; it is not overwritten: move it away, and lipsyncd writes its own file there";

#[tokio::test]
async fn a_foreign_file_that_appears_later_is_waited_for() {
    let test_env = TestEnv::new(SimConfig { task_ms: (300, 300), ..quick() }).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("a task", async || test_env.ledger().tasks.len() == 1).await;
    fs::write(test_env.output("m/a.mp4"), "somebody's own").unwrap();
    test_env
        .until("the reason", async || {
            test_env.waits_for("m/a").is_some_and(|words| words.contains(IN_THE_WAY))
        })
        .await;
    let status = test_env.store.queue_status(test_env.now_ms() + 5 * 60_000).await.unwrap();
    let undelivered = status.undelivered.unwrap();
    assert_eq!(undelivered.jobs, 1);
    assert!(undelivered.reason.contains(IN_THE_WAY), "{undelivered:?}");
    assert_eq!(fs::read(test_env.output("m/a.mp4")).unwrap(), b"somebody's own");
    fs::remove_file(test_env.output("m/a.mp4")).unwrap();
    test_env.until_state("m/a", State::Succeeded).await;
    running.stop().await;
    test_env.assert_all_succeeded(1).await;
}

#[tokio::test]
async fn more_results_than_fit_into_memory_are_all_downloaded_after_a_start() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.settings.slots = 20;
    test_env.sim.control(|sim| sim.config_mut().concurrency = 20);
    test_env.fault(FaultRule::always(Endpoint::Download, Fault::Status { status: 503 }));
    test_env.put("m.yaml", many("m", 60)).await;
    let running = test_env.start().await;
    test_env.until_count(State::Downloading, 60).await;
    running.stop().await;
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    // They are taken up as they are due, and without a nudge.
    let running = test_env.start().await;
    test_env.until_count(State::Succeeded, 60).await;
    running.stop().await;
    test_env.assert_all_succeeded(60).await;
}

#[tokio::test]
async fn a_result_that_a_restored_database_does_not_know_is_found_and_not_paid_for_again() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    // As if the database were put back to before the job was sent.
    test_env.store = Store::open(&test_env.dir.path().join("backup.db")).unwrap();
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 1);
}

#[tokio::test]
async fn an_expired_result_fails_the_job_with_a_clear_message() {
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(FaultRule::always(Endpoint::Download, Fault::Status { status: 404 }));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    let running = test_env.start().await;
    test_env.until("a try to fail", async || test_env.task("m/a").await.tries > 1).await;
    assert_eq!(test_env.state("m/a").await, State::Downloading, "it may only be late");
    running.stop().await;
    test_env.clear_faults();
    let days = |days: u64| days * 24 * 60 * 60 * 1_000;
    test_env.sim.advance(Duration::from_millis(days(31)));
    test_env.set_ahead(days(31) as i64);
    test_env.run().await;
    let job = test_env.task("m/a").await;
    let failure = job.failure.unwrap();
    assert_eq!((job.state, failure.code.as_str()), (State::Failed, "result_expired"));
    assert!(failure.message.contains("30 days"), "{}", failure.message);
    assert!(failure.message.contains("lipsyncd retry m/a"), "{}", failure.message);
    // Kling still shows the task, and no longer has its result: a retry pays for another.
    test_env.command("m/a", Command::Retry).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!((test_env.state("m/a").await, test_env.ledger().tasks.len()), (State::Succeeded, 2));
}
