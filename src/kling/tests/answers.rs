//! The documented answers, and answers with harmless differences.

use serde_json::json;

use super::*;
use crate::kling::{Face, ParentVideo, RemoteTask, ResultVideo, TaskStatus};

const IDENTIFIED: &str = r#"{ "code": 0, "message": "string", "request_id": "string", "data": {
    "session_id": "id", "final_unit_deduction": "string", "face_data": [
      { "face_id": "string", "face_image": "url", "start_time": 0, "end_time": 5200 } ] } }"#;

const CREATED: &str = r#"{ "code": 0, "message": "string", "request_id": "string", "data": {
    "task_id": "string", "task_info": { "external_task_id": "string" }, "task_status": "submitted",
    "created_at": 1722769557708, "updated_at": 1722769557709 } }"#;

const TASK: &str = r#"{ "task_id": "string", "task_status": "succeed", "task_status_msg": "string",
    "task_info": { "parent_video": { "id": "string", "url": "string", "duration": "5.041" } },
    "task_result": { "videos": [ { "id": "string", "url": "string", "watermark_url": "string", "duration": "5.1" } ] },
    "watermark_info": { "enabled": true }, "final_unit_deduction": "0.5",
    "created_at": 1722769557708, "updated_at": 1722769557709 }"#;

pub(super) fn success(data: &str) -> String {
    format!(r#"{{ "code": 0, "message": "string", "request_id": "string", "data": {data} }}"#)
}

fn the_pages_task() -> RemoteTask {
    RemoteTask {
        task_id: "string".into(),
        external_task_id: None,
        status: TaskStatus::Succeed,
        status_message: Some("string".into()),
        parent_video: Some(ParentVideo {
            id: Some("string".into()),
            url: Some("string".into()),
            duration_ms: Some(5041),
        }),
        videos: vec![ResultVideo {
            id: Some("string".into()),
            url: Some("string".into()),
            watermark_url: Some("string".into()),
            duration_ms: Some(5100),
        }],
        watermark_enabled: Some(true),
        units_micro: Some(500_000),
        money_micro: None,
        created_at_ms: Some(1_722_769_557_708),
        updated_at_ms: Some(1_722_769_557_709),
    }
}

#[tokio::test]
async fn identify_matches_the_documented_example() {
    let server = Server::saying(200, IDENTIFIED).await;
    let reply = client(&server.url).identify(&video()).await;
    let found = reply.result.unwrap();
    assert_eq!(found.session_id, "id");
    assert_eq!(found.units_micro, None);
    let face =
        Face { face_id: "string".into(), image_url: Some("url".into()), start_ms: 0, end_ms: 5200 };
    assert_eq!(found.faces, [face]);
    assert_eq!((reply.answer.http_status, reply.answer.code), (Some(200), Some(0)));
    assert_eq!(reply.answer.request_id.as_deref(), Some("string"));
    assert!(reply.answer.server_at_ms.is_some());
    let [seen] = &server.seen()[..] else { panic!("one request") };
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v1/videos/identify-face"));
    assert_eq!(seen.body, r#"{"video_url":"https://cdn.example.com/a.mp4"}"#);
    assert_eq!(seen.headers["content-type"], "application/json");
    assert!(seen.headers["authorization"].to_str().unwrap().starts_with("Bearer ey"));
}

#[tokio::test]
async fn create_matches_the_documented_example_and_is_sent_once() {
    let server = Server::saying(200, CREATED).await;
    let created = client(&server.url).create(&create_request()).await.result.unwrap();
    assert_eq!(
        (created.task_id.as_str(), created.external_task_id.as_deref()),
        ("string", Some("string"))
    );
    assert_eq!(created.status, TaskStatus::Submitted);
    assert_eq!(created.created_at_ms, Some(1_722_769_557_708));
    let [seen] = &server.seen()[..] else { panic!("one request") };
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/v1/videos/advanced-lip-sync")
    );
    assert_eq!(seen.body, create_request().body().unwrap());
}

#[tokio::test]
async fn single_and_listed_tasks_are_read_alike() {
    let one = Server::saying(200, success(TASK)).await;
    let task = client(&one.url).task("a/b ?#é").await.result.unwrap();
    assert_eq!(task, the_pages_task());
    assert_eq!(one.seen()[0].target, "/v1/videos/advanced-lip-sync/a%2Fb%20%3F%23%C3%A9");

    let odd = success(&format!(r#"[{TASK}, {{"task_id": ""}}, 5, {TASK}]"#));
    let many = Server::saying(200, odd).await;
    let tasks = client(&many.url).tasks(2, 500).await.result.unwrap();
    assert_eq!(tasks, [the_pages_task(), the_pages_task()]);
    assert_eq!(many.seen()[0].target, "/v1/videos/advanced-lip-sync?pageNum=2&pageSize=500");
}

#[tokio::test]
async fn unusual_types_and_missing_fields_are_accepted() {
    let data = json!({
        "task_id": 850508686686064678_u64, "task_status": "queued_somewhere", "brand_new": {"x": [1]},
        "task_info": null, "task_result": {"videos": [{"id": "v", "url": "", "duration": 5.1}, {}]},
        "watermark_info": "none", "final_unit_deduction": 1.5,
        "created_at": "1722769557708", "updated_at": 1722769557709.0 });
    let server = Server::saying(200, success(&data.to_string())).await;
    let task = client(&server.url).task("x").await.result.unwrap();
    assert_eq!(task.task_id, "850508686686064678");
    assert_eq!(task.status, TaskStatus::Other("queued_somewhere".into()));
    assert_eq!((task.videos.len(), &task.videos[0].url), (2, &None));
    assert_eq!(task.videos[0].duration_ms, Some(5100));
    assert_eq!(task.units_micro, Some(1_500_000));
    assert_eq!(
        (task.created_at_ms, task.updated_at_ms),
        (Some(1_722_769_557_708), Some(1_722_769_557_709))
    );
}

#[tokio::test]
async fn success_without_required_data_is_an_error() {
    for body in [
        r#"{"code": 0}"#,
        r#"{"code": 0, "data": null}"#,
        r#"{"code": 0, "data": []}"#,
        r#"{"code": 0, "data": {}}"#,
        r#"{"code": 0, "data": {"task_id": 1.5}}"#,
        r#"{"message": "fine", "data": {"task_id": "1"}}"#,
        r#"{"code": "fine", "data": {"task_id": "1"}}"#,
        r#"[0]"#,
    ] {
        let server = Server::saying(200, body).await;
        let client = client(&server.url);
        let error = client.create(&create_request()).await.result.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transport, "{body}");
        assert!(error.outcome_is_unknown(), "{body}");
        assert_eq!(
            client.identify(&video()).await.result.unwrap_err().class,
            ErrorClass::Transport,
            "{body}"
        );
    }
    let long = "7".repeat(513);
    for id in ["a\\nb", "a\\u0000", "\\u009b31m", long.as_str()] {
        let data = format!(r#"{{"task_id": "{id}", "session_id": "{id}"}}"#);
        let server = Server::saying(200, success(&data)).await;
        let client = client(&server.url);
        let words = client.create(&create_request()).await.result.unwrap_err().message;
        assert_eq!(words, "the API answered success, but it has no task_id", "{id}");
        let words = client.identify(&video()).await.result.unwrap_err().message;
        assert_eq!(words, "the API answered success, but it has no session_id", "{id}");
        let listed = Server::saying(200, success(&format!("[{data}, {TASK}]"))).await;
        let tasks = self::client(&listed.url).tasks(1, 30).await.result.unwrap();
        assert_eq!(tasks, [the_pages_task()]);
    }
    let empty = Server::saying(200, r#"{"code": 0, "data": null}"#).await;
    assert_eq!(client(&empty.url).tasks(1, 30).await.result.unwrap(), []);
}

#[tokio::test]
async fn unreadable_faces_are_an_error_and_not_no_face() {
    for (faces, lack) in [
        (r#"{"0": {}}"#, "its face_data is not a list"),
        (r#""none""#, "its face_data is not a list"),
        ("3", "its face_data is not a list"),
        ("[7]", "face 0 cannot be read"),
        (r#"[{"end_time": 9}]"#, "face 0 has no face_id"),
        (r#"[{"face_id": "0", "end_time": 9}, {"face_id": "1"}]"#, "face 1 has no end_time"),
    ] {
        let data = format!(r#"{{"session_id": "s", "face_data": {faces}}}"#);
        let server = Server::saying(200, success(&data)).await;
        let error = client(&server.url).identify(&video()).await.result.unwrap_err();
        assert_eq!(error.message, format!("the API answered success, but {lack}"));
        assert_eq!(error.class, ErrorClass::Transport);
    }
}

#[tokio::test]
async fn invalid_deduction_is_ignored() {
    for (reported, micro) in [
        ("\"0.5\"", Some(500_000)),
        ("1000000", Some(1_000_000_000_000)),
        ("1000001", None),
        ("9223372036854", None),
        ("-3", None),
        ("1e300", None),
        ("\"a lot\"", None),
        ("[1]", None),
    ] {
        let data = format!(r#"{{"task_id": "t", "final_unit_deduction": {reported}}}"#);
        let server = Server::saying(200, success(&data)).await;
        let task = client(&server.url).task("t").await.result.unwrap();
        assert_eq!(task.units_micro, micro, "{reported}");
    }
}

#[tokio::test]
async fn resource_packs_are_listed() {
    let data = json!({ "code": 0, "resource_pack_subscribe_infos": [{
        "resource_pack_name": "Video", "resource_pack_id": "p", "resource_pack_type": "decreasing_total",
        "total_quantity": 200.0, "remaining_quantity": "118.5", "purchase_time": 1, "effective_time": 2,
        "invalid_time": 3, "status": "online" }] });
    let server = Server::saying(200, success(&data.to_string())).await;
    let packs = client(&server.url).costs(10, 20).await.result.unwrap();
    assert_eq!(server.seen()[0].target, "/account/costs?start_time=10&end_time=20");
    assert_eq!(
        (packs[0].total_micro, packs[0].remaining_micro),
        (Some(200_000_000), Some(118_500_000))
    );
    assert_eq!((packs[0].invalid_at_ms, packs[0].status.as_deref()), (Some(3), Some("online")));
}

#[tokio::test]
async fn path_of_the_base_url_and_fixed_token_are_used() {
    let server = Server::saying(200, success(TASK)).await;
    let base = server.url.join("/kling/").unwrap();
    let client =
        Client::new(config(&base), Credential::Token("fixed-token".to_owned().into())).unwrap();
    client.task("t").await.result.unwrap();
    assert_eq!(server.seen()[0].target, "/kling/v1/videos/advanced-lip-sync/t");
    assert_eq!(server.seen()[0].headers["authorization"], "Bearer fixed-token");
}

#[tokio::test]
async fn id_that_would_change_the_path_is_not_sent() {
    let server = Server::saying(200, success(TASK)).await;
    for id in ["", ".", ".."] {
        let error = client(&server.url).task(id).await.result.unwrap_err();
        assert_eq!((error.class, error.never_left), (ErrorClass::BadRequest, true), "{id:?}");
    }
    assert!(server.seen().is_empty());
}
