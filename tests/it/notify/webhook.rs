//! Webhooks: signed, sent at least once, and never waited for.

use std::net::TcpListener;

use standardwebhooks::Webhook;

use super::*;
use crate::support::daemon::{JOB, job_of};

#[test]
fn the_end_of_a_manifest_arrives_signed_before_a_single_run_ends() {
    let receiver = Receiver::start(Mode::Status(204));
    let mut env = reporting_to(&receiver, "manifest.finished, job.succeeded, jobs.failed");
    env.drop_in_old("promo.yaml", JOB);
    env.drop_in_old("bad.yaml", JOB.replace("sound_end_time: 4s", "sound_end_time: 1m"));
    env.spawn_with(&["run", "--once"], &[("NOTIFY_SECRET", SECRET)]);
    let status = env.wait_until_ended();
    assert_eq!(status.code(), Some(1), "one job failed:\n{}", env.log());
    let mut events = receiver.events();
    events.sort_unstable();
    let expected = ["job.succeeded", "jobs.failed", "manifest.finished", "manifest.finished"];
    assert_eq!(events, expected, "{}", env.log());
    let verifier = Webhook::new(SECRET).unwrap();
    for received in receiver.received() {
        let headers = received.headers.iter().map(|(name, value)| {
            (
                hyper::http::HeaderName::try_from(name).unwrap(),
                hyper::http::HeaderValue::try_from(value).unwrap(),
            )
        });
        let headers: hyper::http::HeaderMap = headers.collect();
        verifier.verify(received.body.as_bytes(), &headers).unwrap();
        assert!(verifier.verify(b"{}", &headers).is_err());
    }
    let of = |event: &str| {
        let all = receiver.received();
        all.iter().find(|received| received.event() == event).unwrap().json()["data"].clone()
    };
    assert_eq!(of("job.succeeded")["job"], "promo");
    assert_eq!(of("job.succeeded")["output"], "promo.mp4");
    assert_eq!(of("jobs.failed")["failures"][0]["example"], "bad");
    // The URL of a webhook may be secret.
    assert!(!env.log().contains("secret-token"), "{}", env.log());
}

#[test]
fn manifests_that_share_a_task_are_each_reported_once() {
    let receiver = Receiver::start(Mode::Status(200));
    let mut env = reporting_to(&receiver, "manifest.finished");
    // Two of them ask for the same, and the third one has a job that is cancelled.
    env.drop_in_old("a.yaml", JOB);
    env.drop_in_old("b.yaml", JOB);
    let other = "video: https://cdn.example.com/w.mp4, audio: https://cdn.example.com/a.mp3";
    let later = format!("{{ id: later, {other}, not_before: 2099-01-01T00:00:00Z }}");
    let now = JOB.replace('\n', "\n    ");
    env.drop_in_old("c.yaml", format!("jobs:\n  - {later}\n  - id: now\n    {now}\n"));
    env.start();
    env.until("all but one job to succeed", |env| {
        env.states().iter().filter(|(_, state)| state == "succeeded").count() == 3
    });
    let finished = || {
        let of =
            |message: serde_json::Value| message["data"]["manifest"].as_str().unwrap().to_owned();
        let mut names: Vec<String> =
            receiver.received().iter().map(|received| of(received.json())).collect();
        names.sort_unstable();
        names
    };
    env.until("two messages", |_| finished() == ["a.yaml", "b.yaml"]);
    assert_eq!(env.run(&["cancel", "c/later"]).code, Some(0));
    env.until("the third message", |_| finished() == ["a.yaml", "b.yaml", "c.yaml"]);
    let data = receiver.received().last().unwrap().json()["data"].clone();
    assert_eq!(
        (&data["jobs"], &data["succeeded"], &data["cancelled"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!(env.ledger().tasks.len(), 1);
}

#[test]
fn a_message_of_a_killed_daemon_is_sent_after_the_restart_under_its_id() {
    // Nothing listens at this address at first.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let notify =
        format!("notify: [{{ webhook: 'http://{address}/', events: [manifest.finished] }}]\n");
    let mut env = TestEnv::with(quick(), 5, &notify);
    env.drop_in_old("promo.yaml", JOB);
    env.start();
    env.until("the message to fail", |env| {
        env.stored::<i64>("SELECT tries FROM notification WHERE problem IS NOT NULL").is_some()
    });
    let id: String = env.stored("SELECT message_id FROM notification").unwrap();
    env.kill();
    let status = env.run(&["status"]);
    assert!(
        status.out.contains("1 message not sent yet: no connection to 127.0.0.1"),
        "{status:?}"
    );
    let receiver = Receiver::start_at(address, Mode::Hang);
    env.start();
    env.until("the message to be sent", |_| !receiver.received().is_empty());
    // The request has arrived, and no answer is on its way.
    env.kill();
    receiver.set(Mode::Status(200));
    env.start();
    env.until("the message to be sent again", |env| {
        env.stored::<String>("SELECT state FROM notification").as_deref() == Some("sent")
    });
    let received = receiver.received();
    assert!(received.len() >= 2 && received.iter().all(|one| one.id() == id), "{received:?}");
    assert_eq!(env.run(&["notify"]).out, "No message failed.\n");
}

#[test]
fn a_receiver_that_hangs_delays_neither_jobs_nor_the_stop() {
    let receiver = Receiver::start(Mode::Hang);
    let mut env = reporting_to(&receiver, "job.succeeded");
    for number in 0..10 {
        env.drop_in_old(&format!("{number}.yaml"), job_of(&format!("video{number}")));
    }
    env.start();
    env.until("all jobs to succeed", |env| {
        env.states().iter().filter(|(_, state)| state == "succeeded").count() == 10
    });
    assert!(receiver.received().len() <= 1, "one message at a time");
    assert_eq!(
        env.stored::<i64>("SELECT count(*) FROM notification WHERE state = 'sent'"),
        Some(0)
    );
    env.signal("TERM");
    assert!(env.wait_until_ended().success());
}

#[test]
fn errors_and_redirects_are_tried_again_and_followed_by_nobody() {
    let other = Receiver::start(Mode::Status(200));
    let receiver = Receiver::start(Mode::Redirect(other.address.port()));
    let mut env = reporting_to(&receiver, "manifest.error");
    env.drop_in_old("a.yaml", "video: 5\n");
    env.start_with(&[("NOTIFY_SECRET", SECRET)]);
    env.until("the redirect to be refused", |env| {
        env.log().contains("answered HTTP 307: redirects are not followed; set the final URL")
    });
    receiver.set(Mode::Status(500));
    env.until("another try", |_| receiver.received().len() >= 2);
    env.until("its answer", |env| {
        let problem = env.stored::<String>("SELECT problem FROM notification");
        problem.is_some_and(|problem| problem.ends_with("answered HTTP 500: what"))
    });
    receiver.set(Mode::Status(200));
    env.until("the message to arrive", |env| {
        env.stored::<String>("SELECT state FROM notification").as_deref() == Some("sent")
    });
    let ids: Vec<String> = receiver.received().iter().map(|one| one.id().to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(other.received().is_empty(), "the other host gets no message and no signature");
}

/// The path and the query of a webhook are its password.
#[test]
fn an_answer_that_repeats_the_url_reveals_nothing() {
    let receiver = Receiver::start(Mode::Repeat(404));
    let url = format!("http://{}/services/T0SECRET/B0SECRET?key=secret-token", receiver.address);
    let notify = format!("notify: [{{ webhook: '{url}', events: [manifest.error] }}]\n");
    let mut env = TestEnv::with(quick(), 5, &notify);
    env.drop_in_old("a.yaml", "video: 5\n");
    env.start();
    let problem = || env.stored::<String>("SELECT problem FROM notification");
    env.until("the refusal", |_| problem().is_some());
    let problem = problem().unwrap();
    assert!(problem.contains("answered HTTP 404: Cannot POST"), "{problem}");
    let shown = [env.run(&["status"]), env.run(&["notify"]), env.run(&["notify", "--test"])];
    for text in [problem, env.log(), format!("{shown:?}")] {
        assert!(!text.contains("SECRET") && !text.contains("secret-token"), "{text}");
    }
}

#[test]
fn a_pause_by_a_command_is_reported_by_the_daemon() {
    let receiver = Receiver::start(Mode::Status(200));
    let mut env = reporting_to(&receiver, "queue.paused, queue.resumed");
    env.start();
    assert_eq!(env.run(&["pause"]).code, Some(0));
    env.until("the pause to be reported", |_| receiver.events() == ["queue.paused"]);
    assert_eq!(env.run(&["resume"]).code, Some(0));
    env.until("the end of it", |_| receiver.events() == ["queue.paused", "queue.resumed"]);
}

#[test]
fn a_reached_budget_is_reported_once_a_day() {
    let receiver = Receiver::start(Mode::Status(200));
    let notify =
        format!("notify: [{{ webhook: '{}', events: [budget.reached] }}]\n", receiver.url());
    let mut env = TestEnv::with(quick(), 1, &notify);
    env.change_config("concurrency: 1", "concurrency: 1, units_per_day: 0.05");
    env.drop_in_old("a.yaml", job_of("a"));
    env.drop_in_old("b.yaml", job_of("b"));
    env.start();
    env.until("the budget to be reported", |_| receiver.events() == ["budget.reached"]);
    let data = receiver.received()[0].json()["data"].clone();
    assert_eq!(data["units_per_day"], 0.05);
    env.kill();
    env.start();
    let held = |env: &TestEnv| env.log().matches("queue held: daily budget reached").count();
    // The start clears the hold, and the hold is written after its log entry, together with messages.
    let is_stored =
        |env: &TestEnv| env.stored::<Option<String>>("SELECT hold FROM daemon_state").flatten();
    env.until("the budget to be found again", |env| held(env) >= 2 && is_stored(env).is_some());
    assert_eq!(env.stored::<i64>("SELECT count(*) FROM notification"), Some(1));
}
