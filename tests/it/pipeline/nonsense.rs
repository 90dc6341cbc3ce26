//! An API that answers nonsense: what it said is reported, nothing is paid twice, and nothing that was
//! paid for is failed.

use std::time::Duration;

use lipsyncd::{
    job::State,
    pipeline::End,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
    store::Lookups,
};
use serde_json::{Value, json};

use crate::support::{TestEnv, account, many, patch, quick, wanted};

fn body(text: impl Into<String>) -> Fault {
    Fault::Body { status: 200, content_type: "application/json".to_owned(), text: text.into() }
}

/// Answers of which nothing can be made, whatever was asked.
fn of_no_use() -> Vec<Fault> {
    vec![
        body(r#"{"code": 0}"#),
        body(r#"{"code": 0, "data": null}"#),
        body(r#"{"code": 0, "data": "soon"}"#),
        body(r#"{"code": 0, "data": 5}"#),
        body(r#"{"code": 0, "data": {"task_id": {}, "session_id": []}}"#),
        body(r#"{"code": {}, "data": {}}"#),
        body(r#"{"code": 0, "data": {"task_id": "a\nb", "session_id": "a\u0000b"}}"#),
        body(format!(
            r#"{{"code": 0, "data": {{"task_id": "{0}", "session_id": "{0}"}}}}"#,
            "x".repeat(900_000)
        )),
        body("\u{feff}{}"),
        body("[".repeat(100_000)),
        Fault::HugeBody { bytes: 100 << 20 },
        Fault::Redirect { to: "http://127.0.0.1:9/elsewhere".to_owned() },
    ]
}

#[tokio::test]
async fn unusable_answers_are_asked_for_again() {
    for call in [Endpoint::Identify, Endpoint::Create, Endpoint::Query, Endpoint::List] {
        for fault in of_no_use() {
            let test_env = TestEnv::new(quick()).await;
            test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
            let name = format!("{call:?} {:.80}", format!("{fault:?}"));
            test_env.fault(FaultRule { times: Some(2), ..FaultRule::once(call, fault) });
            let jobs = if call == Endpoint::List { 4 } else { 1 };
            test_env.put("m.yaml", many("m", jobs)).await;
            assert_eq!(test_env.run().await, End::Idle, "{name}");
            let succeeded = test_env.store.count(&[State::Succeeded]).await.unwrap();
            assert_eq!(succeeded, jobs as i64, "{name}");
            test_env.assert_all_succeeded(jobs).await;
        }
    }
}

#[tokio::test]
async fn a_malformed_face_list_is_reported_and_asked_for_again() {
    for face_data in
        [json!({"0": {}}), json!("none"), json!(3), json!([{"face_id": "0"}]), json!([5])]
    {
        let test_env = TestEnv::new(quick()).await;
        let fault = patch(json!({"data": {"face_data": face_data}}));
        test_env.fault(FaultRule { times: Some(2), ..FaultRule::once(Endpoint::Identify, fault) });
        test_env.put("m.yaml", vec![wanted("m/a")]).await;
        assert_eq!(test_env.run().await, End::Idle);
        test_env.assert_all_succeeded(1).await;
        assert_eq!(
            test_env.count_history("m/a", "the API answered success, but"),
            2,
            "{face_data}"
        );
    }
    let test_env = TestEnv::new(quick()).await;
    test_env.fault(FaultRule::once(Endpoint::Identify, patch(json!({"data": {"face_data": []}}))));
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    assert_eq!(test_env.state("m/a").await, State::Failed, "an empty list means no face");
}

#[tokio::test]
async fn face_times_out_of_range_break_nothing() {
    for times in [
        json!({"start_time": i64::MIN, "end_time": i64::MAX}),
        json!({"start_time": -5, "end_time": "9223372036854775807"}),
    ] {
        let test_env = TestEnv::new(quick()).await;
        let mut face = times.clone();
        face["face_id"] = json!("0");
        test_env.fault(FaultRule::always(
            Endpoint::Identify,
            patch(json!({"data": {"face_data": [face]}})),
        ));
        test_env.put("m.yaml", vec![wanted("m/a")]).await;
        assert_eq!(test_env.run().await, End::Idle, "{times}");
        assert!(test_env.state("m/a").await.is_finished());
        assert!(test_env.ledger().tasks.len() <= 1);
    }
}

#[tokio::test]
async fn an_unknown_status_is_reported_and_polled_again() {
    for call in [Endpoint::Query, Endpoint::List] {
        let test_env = TestEnv::new(SimConfig { task_ms: (300, 300), ..quick() }).await;
        let jobs = if call == Endpoint::List { 4 } else { 1 };
        let resting = match call {
            Endpoint::Query => patch(json!({"data": {"task_status": "resting"}})),
            _ => {
                let task = |n: u64| json!({"task_id": format!("86000000000000000{n}"), "task_status": "resting"});
                body(json!({"code": 0, "data": [task(1), task(2), task(3), task(4)]}).to_string())
            }
        };
        test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
        test_env.fault(FaultRule::always(call, resting));
        test_env.put("m.yaml", many("m", jobs)).await;
        let running = test_env.start().await;
        test_env
            .until("the job to say so", async || {
                test_env.waits_for("m/000").is_some_and(|waits| waits.contains("“resting”"))
            })
            .await;
        let reported = test_env.count_history("m/000", "resting");
        let asked = test_env.ledger().accepted(call);
        test_env.until("more looks", async || test_env.ledger().accepted(call) > asked + 3).await;
        assert_eq!(
            test_env.count_history("m/000", "resting"),
            reported,
            "reported once, not at each look"
        );
        test_env.clear_faults();
        test_env.until_count(State::Succeeded, jobs as i64).await;
        running.stop().await;
        test_env.assert_all_succeeded(jobs).await;
    }
}

#[tokio::test]
async fn nonsense_about_one_task_hides_no_other() {
    for nonsense in [body(r#"{"code": 0, "data": 7}"#), crate::support::refusal(1301)] {
        let test_env = TestEnv::new(quick()).await;
        test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
        // The lesser id is asked about first.
        let matching = Some("860000000000000001".to_owned());
        test_env.fault(FaultRule { matching, ..FaultRule::always(Endpoint::Query, nonsense) });
        test_env.put("m.yaml", many("m", 2)).await;
        let running = test_env.start().await;
        test_env.until_count(State::Succeeded, 1).await;
        let odd =
            test_env.tasks().await.into_iter().find(|job| job.state != State::Succeeded).unwrap();
        test_env
            .until("the job to say so", async || {
                test_env.waits_for(&odd.spec.key).is_some_and(|waits| waits.contains("is unclear"))
            })
            .await;
        test_env.clear_faults();
        test_env.until_count(State::Succeeded, 2).await;
        running.stop().await;
        test_env.assert_all_succeeded(2).await;
    }
}

#[tokio::test]
async fn an_unusable_list_is_replaced_by_single_queries() {
    for fault in [
        body(r#"{"code": 0, "data": {}}"#),
        Fault::HugeBody { bytes: 100 << 20 },
        crate::support::refusal(1201),
    ] {
        let test_env = TestEnv::new(quick()).await;
        test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
        test_env.fault(FaultRule::always(Endpoint::List, fault));
        test_env.put("m.yaml", many("m", 5)).await;
        assert_eq!(test_env.run().await, End::Idle);
        test_env.assert_all_succeeded(5).await;
    }
}

#[tokio::test]
async fn a_result_that_cannot_be_fetched_is_asked_for_until_it_can() {
    for (videos, words) in [
        (json!([]), "has no result"),
        (json!("here"), "has no result"),
        (json!([{"id": "v"}]), "has no URL for the result"),
        (json!([{"id": "v", "url": ""}]), "has no URL for the result"),
        (json!([{"id": "v", "url": 5.5}]), "has no URL for the result"),
        (json!([{"id": "v", "url": "not an address"}]), "has an invalid URL for the result"),
        (json!([{"id": "v", "url": "ftp://127.0.0.1/v.mp4"}]), "not https"),
        (json!([{"id": "v", "url": "file:///etc/passwd"}]), "without a host"),
    ] {
        let test_env = TestEnv::new(quick()).await;
        test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
        let fault = patch(json!({"data": {"task_result": {"videos": videos}}}));
        test_env.fault(FaultRule::always(Endpoint::Query, fault));
        test_env.put("m.yaml", vec![wanted("m/a")]).await;
        let running = test_env.start().await;
        test_env
            .until("the job to say so", async || {
                test_env.waits_for("m/a").is_some_and(|waits| waits.contains(words))
            })
            .await;
        assert_eq!(test_env.state("m/a").await, State::Downloading, "{videos}");
        test_env.clear_faults();
        test_env.until_state("m/a", State::Succeeded).await;
        running.stop().await;
        test_env.assert_all_succeeded(1).await;
    }
}

#[tokio::test]
async fn an_absurd_deduction_is_reported_and_not_added() {
    for deduction in [json!("-5"), json!("9223372036854"), json!("a lot"), json!([1]), Value::Null]
    {
        let mut test_env = TestEnv::new(quick()).await;
        test_env.settings.caps.units_micro = Some(90_000_000);
        let fault = patch(json!({"data": {"final_unit_deduction": deduction}}));
        for call in [Endpoint::Identify, Endpoint::Query] {
            test_env.fault(FaultRule::always(call, fault.clone()));
        }
        test_env.put("m.yaml", many("m", 2)).await;
        assert_eq!(test_env.run().await, End::Idle, "{deduction}");
        test_env.assert_all_succeeded(2).await;
        assert_eq!(
            test_env.store.budget_numbers(test_env.now_ms()).await.unwrap().spent.units_micro,
            0
        );
        assert_eq!(test_env.count_history("m/000", "did not report its cost"), 1, "{deduction}");
    }
}

#[tokio::test]
async fn numbers_as_strings_and_strings_as_numbers_are_read() {
    let test_env = TestEnv::new(quick()).await;
    for call in [Endpoint::Identify, Endpoint::Query, Endpoint::List] {
        test_env.fault(FaultRule::always(call, patch(json!({"code": "0", "request_id": 5}))));
    }
    let created = json!({"code": "0", "data": {"created_at": "1722769557708", "task_status": 3}});
    test_env.fault(FaultRule::always(Endpoint::Create, patch(created)));
    test_env.put("m.yaml", many("m", 4)).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(4).await;
}

#[tokio::test]
async fn an_answer_that_trickles_for_ever_ends_in_a_timeout() {
    let mut test_env = TestEnv::new(quick()).await;
    test_env.request_timeout = Duration::from_millis(300);
    test_env.store.learn_lookups(&account(), Lookups::Path).await.unwrap();
    for call in [Endpoint::Identify, Endpoint::Create, Endpoint::Query] {
        test_env.fault(FaultRule::once(call, Fault::Hang { ms: 60_000 }));
    }
    test_env.put("m.yaml", vec![wanted("m/a")]).await;
    assert_eq!(test_env.run().await, End::Idle);
    test_env.assert_all_succeeded(1).await;
}
