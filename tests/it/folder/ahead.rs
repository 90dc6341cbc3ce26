//! Jobs that go by another key while something is done for them, or with what they made.

use lipsyncd::sim::{Call, Fault, FaultRule};

use crate::support::daemon::{House, JOB, quick, slow};

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
fn moved_while_ready() -> House {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("first.yaml", JOB);
    house.until("the first to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("z.yaml", batch(&["en", "fr"]));
    house.drop_in("b.yaml", batch(&["de"]));
    house.until_state("z/en", "identified");
    // Seen in one pass, in which its new manifest is read first.
    house.signal("STOP");
    house.drop_in_old("z.yaml", batch(&["fr"]));
    house.drop_in_old("b.yaml", batch(&["de", "en"]));
    house.signal("CONT");
    house.until("it to have moved", |house| house.job("b/en").is_some());
    house
}

#[test]
fn what_moves_before_it_is_sent_is_sent_and_delivered_under_its_new_name() {
    let house = moved_while_ready();
    house.until("all to succeed", |house| {
        house.finish_tasks();
        ["first", "z/fr", "b/de", "b/en"].iter().all(|key| house.state(key) == "succeeded")
    });
    let sent = house.ledger().tasks;
    for key in ["first", "z/fr", "b/de", "b/en"] {
        let job = house.job(key).unwrap();
        let named = |name: &Option<String>| name.as_ref() == Some(&job.external_task_id);
        assert!(sent.iter().any(|task| named(&task.external_task_id)), "{key}: {job:?}");
        house.assert_whole(&job.output);
    }
}

#[test]
fn what_moves_before_it_is_sent_is_not_sent_twice_when_the_answer_is_lost_and_the_power_fails() {
    let mut house = moved_while_ready();
    // It is accepted, and nobody hears of it, nor of a lookup by its name.
    let lost = FaultRule::once(Call::Create, Fault::LoseAnswer);
    let deaf = FaultRule::always(Call::Query, Fault::Status { status: 503 });
    let of_it = Some("/en.mp3".to_owned());
    house.sim.control(|sim| {
        sim.add_fault(FaultRule { accept: Some(true), matching: of_it, ..lost });
        sim.add_fault(FaultRule { matching: Some("/lipsyncd-".to_owned()), ..deaf });
    });
    house.until("it to be sent", |house| {
        house.finish_tasks();
        house.state("b/en") == "creating" && house.ledger().tasks.len() > 1
    });
    house.kill();
    house.sim.control(lipsyncd::sim::Sim::clear_faults);
    house.start();
    let sent = ["first", "z/fr", "b/de", "b/en"];
    house.until("all to succeed", |house| {
        house.finish_tasks();
        sent.iter().all(|key| house.state(key) == "succeeded")
    });
    assert_eq!(house.ledger().tasks.len(), sent.len(), "{}", house.log());
}

#[test]
fn result_that_is_being_written_while_its_job_moves_goes_to_the_new_place() {
    let mut house = House::new(quick());
    let hold = house.path("hold");
    std::fs::write(&hold, "").unwrap();
    let held = format!("part.finish.before:{}", hold.display());
    house.drop_in("x.yaml", JOB);
    house.spawn_with(&["run"], &[("LIPSYNCD_HOLD", &held)]);
    house.until("the result to come", |house| house.path("output/.x.mp4.part").exists());
    house.move_in("x.yaml", "sub/y.yaml");
    house.until("the job to move", |house| house.job("sub/y").is_some());
    std::fs::remove_file(&hold).unwrap();
    let job = house.until_state("sub/y", "succeeded");
    assert_eq!(job.output, "sub/y.mp4");
    house.assert_whole("sub/y.mp4");
    assert_eq!(house.ledger().tasks.len(), 1);
}

#[test]
fn a_retry_under_another_key_replaces_the_result_of_before() {
    let mut house = House::new(quick());
    house.drop_in("x.yaml", format!("{JOB}output: out.mp4\nwatermark: true\n"));
    house.start();
    house.until_state("x", "succeeded");
    house.move_in("x.yaml", "y.yaml");
    house.until_state("y", "succeeded");
    assert_eq!(house.run(&["retry", "--yes", "y"]).code, Some(0));
    house.until("the retry to end", |house| {
        house.job("y").is_some_and(|job| job.attempt == 2 && job.state == "succeeded")
    });
    house.assert_whole("out.mp4");
    assert_eq!(house.ledger().tasks.len(), 2);
}
