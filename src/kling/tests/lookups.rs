//! Queries by name in each style, and successes without a task.

use super::*;
use crate::kling::{
    LookupStyle::{self, Flag, Path, Query},
    RemoteTask, Reply,
    offline::RawAnswer,
};

/// The answer with this `data`; without `data` for "".
fn success(data: &str) -> RawAnswer {
    let body = match data {
        "" => r#"{"code": 0}"#.to_owned(),
        data => format!(r#"{{"code": 0, "data": {data}}}"#),
    };
    RawAnswer { http_status: 200, body: body.into_bytes(), ..RawAnswer::default() }
}

/// The task id, or the error's class and message.
fn outcome(reply: Reply<RemoteTask>) -> Result<String, (ErrorClass, String)> {
    reply.result.map(|task| task.task_id).map_err(|error| {
        assert!(error.outcome_is_unknown(), "{error}");
        (error.class, error.message)
    })
}

fn empty(words: &str) -> Result<String, (ErrorClass, String)> {
    Err((ErrorClass::Empty, format!("the API answered success, but {words}")))
}

fn unusable(words: &str) -> Result<String, (ErrorClass, String)> {
    Err((ErrorClass::Transport, format!("the API answered success, but {words}")))
}

#[tokio::test]
async fn each_lookup_style_has_its_url() {
    for (style, target) in [
        (Path, "/v1/videos/advanced-lip-sync/a%2Fb%26c"),
        (Query, "/v1/videos/advanced-lip-sync?external_task_id=a%2Fb%26c"),
        (Flag, "/v1/videos/advanced-lip-sync/a%2Fb%26c?external_task_id=true"),
    ] {
        let server = Server::saying(200, r#"{"code": 0, "data": {"task_id": "81"}}"#).await;
        let found = client(&server.url).task_by_name("a/b&c", style).await;
        assert_eq!(found.result.unwrap().task_id, "81");
        let [seen] = &server.seen()[..] else { panic!("one request") };
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", target));
        assert!(seen.headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn name_that_a_url_cannot_contain_is_not_sent() {
    let server = Server::saying(200, r#"{"code": 0, "data": {"task_id": "81"}}"#).await;
    for (name, style) in [("", Path), ("", Query), ("..", Path), (".", Flag)] {
        let error = client(&server.url).task_by_name(name, style).await.result.unwrap_err();
        assert_eq!((error.class, error.never_left), (ErrorClass::BadRequest, true), "{name:?}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn success_without_a_task_is_empty() {
    for data in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"task_id": null, "task_status": null}"#,
        r#"{"task_id": ""}"#,
        r#"{"task_status": "processing"}"#,
    ] {
        let answer = success(data);
        assert_eq!(outcome(answer.task()), empty("with no task"), "{data}");
        for style in LookupStyle::ALL {
            let found = outcome(answer.task_by_name("n", style));
            assert_eq!(found, empty("with no task"), "{data} {style:?}");
        }
        // The same answer to a create request leaves its outcome unknown.
        let error = answer.created().result.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transport, "{data}");
        assert!(error.outcome_is_unknown(), "{data}");
    }
    for page in ["null", "[]"] {
        assert_eq!(success(page).tasks().result.unwrap(), [], "{page}");
    }
}

#[test]
fn invalid_answer_does_not_prove_that_there_is_no_task() {
    for (data, words) in [
        (r#"{"task_id": 1.5}"#, "it has no task_id"),
        (r#"{"task_id": "a\u0007"}"#, "it has no task_id"),
        (r#""yes""#, "its data is not an object"),
        ("7", "its data is not an object"),
    ] {
        let answer = success(data);
        assert_eq!(outcome(answer.task()), unusable(words), "{data}");
        for style in LookupStyle::ALL {
            let found = outcome(answer.task_by_name("n", style));
            assert_eq!(found, unusable(words), "{data} {style:?}");
        }
    }
}

#[test]
fn single_task_counts_unless_it_shows_another_name() {
    let shown = |info: &str| success(&format!(r#"{{"task_id": "81", "task_info": {info}}}"#));
    for info in ["null", "{}", r#"{"external_task_id": null}"#, r#"{"external_task_id": "n"}"#] {
        for style in LookupStyle::ALL {
            let found = outcome(shown(info).task_by_name("n", style));
            assert_eq!(found, Ok("81".to_owned()), "{info} {style:?}");
        }
    }
    for style in LookupStyle::ALL {
        let other = shown(r#"{"external_task_id": "n-2"}"#);
        let found = outcome(other.task_by_name("n", style));
        assert_eq!(found, empty("with a task of another name"), "{style:?}");
        // A query by task id returns the task with any name.
        assert_eq!(outcome(other.task()), Ok("81".to_owned()));
    }
}

#[test]
fn only_a_list_of_the_name_alone_counts() {
    let named = |id: &str, name: &str| {
        format!(r#"{{"task_id": "{id}", "task_info": {{"external_task_id": "{name}"}}}}"#)
    };
    let list = |entries: &[String]| success(&format!("[{}]", entries.join(",")));
    let unnamed = r#"{"task_id": "79"}"#.to_owned();
    let ours = list(&["5".to_owned(), named("82", "n"), named("81", "n")]);
    for style in LookupStyle::ALL {
        assert_eq!(outcome(ours.task_by_name("n", style)), Ok("82".to_owned()), "{style:?}");
    }
    // A plain list: the API ignored the parameter. Even a list with one entry says nothing about the name.
    let with_others = list(&[named("80", "m"), named("81", "n")]);
    for plain in
        [list(std::slice::from_ref(&unnamed)), list(&[named("80", "m"), unnamed]), with_others]
    {
        let alone = empty("with no task of this name alone");
        assert_eq!(outcome(plain.task_by_name("n", Query)), alone);
        for style in [Path, Flag] {
            let found = outcome(plain.task_by_name("n", style));
            assert_eq!(found, unusable("its data is not an object"), "{style:?}");
        }
        assert_eq!(outcome(plain.task()), unusable("its data is not an object"));
    }
}

#[tokio::test]
async fn refused_query_by_name_is_a_refusal() {
    let server = Server::saying(404, r#"{"code": 1203, "message": "task not found"}"#).await;
    for style in LookupStyle::ALL {
        let error = client(&server.url).task_by_name("n", style).await.result.unwrap_err();
        assert_eq!((error.class, error.code), (ErrorClass::NotFound, Some(1203)));
    }
}
