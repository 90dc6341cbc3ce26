//! Answers in other types, words and forms than the page has.

use serde_json::json;

use super::{answers::success, *};
use crate::kling::TaskStatus;

#[tokio::test]
async fn status_words_and_result_urls_are_read_in_any_form() {
    let url = json!([{"id": "1", "url": null}, {"id": "2", "url": "https://a/2.mp4"}]);
    for (word, videos, status) in [
        ("SUCCEED", json!([]), TaskStatus::Succeed),
        ("Succeeded", json!([]), TaskStatus::Succeed),
        (" failed", json!([]), TaskStatus::Failed),
        ("PROCESSING", json!(null), TaskStatus::Processing),
        ("Submitted", json!([{"id": "1", "url": ""}]), TaskStatus::Submitted),
        ("Done", json!([]), TaskStatus::Other("Done".into())),
        ("Done", url.clone(), TaskStatus::Succeed),
        ("", url.clone(), TaskStatus::Succeed),
        ("processing", url, TaskStatus::Succeed),
    ] {
        let data = json!({"task_id": "t", "task_status": word, "task_result": {"videos": videos}});
        let server = Server::saying(200, success(&data.to_string())).await;
        let task = client(&server.url).task("t").await.result.unwrap();
        assert_eq!(task.status, status, "{word} {videos}");
        if status == TaskStatus::Succeed && !task.videos.is_empty() {
            assert_eq!(task.videos[0].id.as_deref(), Some("2"), "the first with a URL");
        }
    }
}

#[tokio::test]
async fn codes_and_parts_of_any_type_are_read() {
    for code in ["0", "0.0", r#""0""#, r#""0.0""#, r#"" 0 ""#] {
        for (info, result) in
            [("{}", "{}"), ("[]", "[]"), ("null", "null"), (r#"{"parent_video": []}"#, "[]")]
        {
            let body = format!(
                r#"{{"code": {code}, "data": {{"task_id": 81, "task_info": {info}, "task_result": {result}}}}}"#
            );
            let server = Server::saying(200, body).await;
            let task = client(&server.url).task("81").await.result.unwrap();
            let video = task.parent_video.unwrap_or_default();
            assert_eq!((task.task_id.as_str(), video.url, video.id), ("81", None, None));
            assert!(task.videos.is_empty());
        }
    }
    for (code, class) in [
        ("1201.0", ErrorClass::BadRequest),
        (r#""1203""#, ErrorClass::NotFound),
        (r#""1102.0""#, ErrorClass::OutOfCredit),
    ] {
        let server = Server::saying(400, format!(r#"{{"code": {code}}}"#)).await;
        assert_eq!(client(&server.url).task("t").await.result.unwrap_err().class, class, "{code}");
    }
    for id in ["0", r#""0""#, r#""""#, "null"] {
        let server = Server::saying(200, success(&format!(r#"{{"task_id": {id}}}"#))).await;
        let error = client(&server.url).task("t").await.result.unwrap_err();
        assert_eq!(error.class, ErrorClass::Empty, "{id}");
        let error = client(&server.url).create(&create_request()).await.result.unwrap_err();
        assert!(error.outcome_is_unknown(), "{id}");
    }
}

#[tokio::test]
async fn balance_deductions_are_read() {
    let balance = json!({"quota": "3.50", "list_price": "4.20"});
    for (deduction, money) in [
        (balance, Some(3_500_000)),
        (json!({"quota": 3.5}), Some(3_500_000)),
        (json!({"list_price": "1"}), None),
        (json!([]), None),
        (json!("3.50"), None),
        (json!({"quota": "-1"}), None),
        (json!(null), None),
    ] {
        let data = json!({"task_id": "t", "session_id": "s", "face_data": [],
            "final_unit_deduction": "0", "final_balance_deduction": deduction});
        let server = Server::saying(200, success(&data.to_string())).await;
        let task = client(&server.url).task("t").await.result.unwrap();
        assert_eq!((task.units_micro, task.money_micro), (Some(0), money), "{data}");
        let identified = client(&server.url).identify(&video()).await.result.unwrap();
        assert_eq!((identified.units_micro, identified.money_micro), (Some(0), money), "{data}");
    }
}

#[tokio::test]
async fn only_an_empty_list_means_no_face() {
    let answer = |faces: &str| success(&format!(r#"{{"session_id": "s"{faces}}}"#));
    let server = Server::saying(200, answer(r#", "face_data": []"#)).await;
    assert!(client(&server.url).identify(&video()).await.result.unwrap().faces.is_empty());
    for faces in ["", r#", "face_data": null"#, r#", "faces": [{"id": "0"}]"#] {
        let server = Server::saying(200, answer(faces)).await;
        let error = client(&server.url).identify(&video()).await.result.unwrap_err();
        let words = "the API answered success, but its face_data is missing";
        assert_eq!(error.message, words, "{faces}");
    }
}
