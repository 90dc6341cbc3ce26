//! Jobs that move to another key while they are in progress or after they succeeded.

use lipsyncd::sim::{Endpoint, Fault, FaultRule};

use crate::support::daemon::{JOB, TestEnv, quick, slow};

fn batch(ids: &[&str]) -> String {
    let job = |id: &&str| {
        format!("- {{ id: {id}, audio: \"https://cdn.example.com/{id}.mp3?duration_ms=5000\" }}\n")
    };
    let jobs: String = ids.iter().map(job).collect();
    format!(
        "defaults: {{ video: \"https://cdn.example.com/v.mp4?duration_ms=9000\", sound_end_time: 4s }}\n\
         jobs:\n{jobs}"
    )
}

/// `z/en` is ready to be sent and waits for a slot; then it moves to another manifest.
fn moved_while_ready() -> TestEnv {
    let mut test_env = TestEnv::with(slow(), 1, "");
    test_env.start();
    test_env.drop_in("first.yaml", JOB);
    test_env.until("the first to be sent", |test_env| test_env.ledger().tasks.len() == 1);
    test_env.drop_in("z.yaml", batch(&["en", "fr"]));
    test_env.drop_in("b.yaml", batch(&["de"]));
    test_env.until_state("z/en", "identified");
    // One pass finds both, and reads the new manifest first.
    test_env.signal("STOP");
    test_env.drop_in_old("z.yaml", batch(&["fr"]));
    test_env.drop_in_old("b.yaml", batch(&["de", "en"]));
    test_env.signal("CONT");
    test_env.until("it to have moved", |test_env| test_env.job("b/en").is_some());
    test_env
}

#[test]
fn job_that_moves_before_the_create_request_is_delivered_under_its_new_key() {
    let test_env = moved_while_ready();
    test_env.until("all to succeed", |test_env| {
        test_env.finish_tasks();
        ["first", "z/fr", "b/de", "b/en"].iter().all(|key| test_env.state(key) == "succeeded")
    });
    let sent = test_env.ledger().tasks;
    for key in ["first", "z/fr", "b/de", "b/en"] {
        let job = test_env.job(key).unwrap();
        let named = |name: &Option<String>| name.as_ref() == Some(&job.external_task_id);
        assert!(sent.iter().any(|task| named(&task.external_task_id)), "{key}: {job:?}");
        test_env.assert_complete(&job.output);
    }
}

#[test]
fn job_that_moves_is_not_created_twice_after_a_lost_response_and_a_crash() {
    let mut test_env = moved_while_ready();
    // Kling accepts the task, and the response is lost. Lookups by name are lost, too.
    let lost = FaultRule::once(Endpoint::Create, Fault::LoseAnswer);
    let deaf = FaultRule::always(Endpoint::Query, Fault::Status { status: 503 });
    let of_it = Some("/en.mp3".to_owned());
    test_env.sim.control(|sim| {
        sim.add_fault(FaultRule { accept: Some(true), matching: of_it, ..lost });
        sim.add_fault(FaultRule { matching: Some("/lipsyncd-".to_owned()), ..deaf });
    });
    test_env.until("it to be sent", |test_env| {
        test_env.finish_tasks();
        test_env.state("b/en") == "creating" && test_env.ledger().tasks.len() > 1
    });
    test_env.kill();
    test_env.sim.control(lipsyncd::sim::Sim::clear_faults);
    test_env.start();
    let sent = ["first", "z/fr", "b/de", "b/en"];
    test_env.until("all to succeed", |test_env| {
        test_env.finish_tasks();
        sent.iter().all(|key| test_env.state(key) == "succeeded")
    });
    assert_eq!(test_env.ledger().tasks.len(), sent.len(), "{}", test_env.log());
}

#[test]
fn result_that_is_being_written_while_its_job_moves_gets_the_new_name() {
    let mut test_env = TestEnv::new(quick());
    let hold = test_env.path("hold");
    std::fs::write(&hold, "").unwrap();
    let held = format!("part.sync.before:{}", hold.display());
    test_env.drop_in("x.yaml", JOB);
    test_env.spawn_with(&["run"], &[("LIPSYNCD_HOLD", &held)]);
    test_env.until("the result to come", |test_env| test_env.path("output/.x.mp4.part").exists());
    test_env.move_in("x.yaml", "sub/y.yaml");
    test_env.until("the job to move", |test_env| test_env.job("sub/y").is_some());
    std::fs::remove_file(&hold).unwrap();
    let job = test_env.until_state("sub/y", "succeeded");
    assert_eq!(job.output, "sub/y.mp4");
    test_env.assert_complete("sub/y.mp4");
    assert_eq!(test_env.ledger().tasks.len(), 1);
}

#[test]
fn a_retry_under_another_key_replaces_the_earlier_result() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", format!("{JOB}output: out.mp4\nwatermark: true\n"));
    test_env.start();
    test_env.until_state("x", "succeeded");
    test_env.move_in("x.yaml", "y.yaml");
    test_env.until_state("y", "succeeded");
    assert_eq!(test_env.run(&["retry", "--yes", "y"]).code, Some(0));
    test_env.until("the retry to end", |test_env| {
        test_env.job("y").is_some_and(|job| job.attempt == 2 && job.state == "succeeded")
    });
    test_env.assert_complete("out.mp4");
    assert_eq!(test_env.ledger().tasks.len(), 2);
}
