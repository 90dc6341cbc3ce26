//! What queries find and answer, with different settings, over real HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::{good_create, wire::Pair};
use crate::sim::{Lags, LookupStyles, SimConfig, UnknownTask};

const VIDEO: &str = "https://cdn.example/v.mp4?duration_ms=10000&faces=1";

/// A simulator with one task named `a`, and the id of the task.
async fn pair_with_task(config: SimConfig) -> (Pair, String) {
    let pair = Pair::start(config).await;
    let session_id = pair.session(VIDEO).await;
    let (_, answer) = pair.created(&good_create(&session_id, "a")).await;
    let id = answer["data"]["task_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (pair, id)
}

#[tokio::test]
async fn list_may_lag_behind() {
    let config = SimConfig { list_status_lag_ms: 3_600_000, ..SimConfig::default() };
    let (pair, id) = pair_with_task(config).await;
    let status = async |path: &str, pointer: &str| {
        let (_, answer) = pair.found(path).await;
        answer.pointer(pointer).unwrap_or_else(|| panic!("{answer}")).clone()
    };
    pair.server.advance(Duration::from_secs(60));
    assert_eq!(status(&format!("/{id}"), "/data/task_status").await, "succeed");
    assert_eq!(status("", "/data/0/task_status").await, "submitted");
    pair.server.advance(Duration::from_secs(3_600));
    assert_eq!(status("", "/data/0/task_status").await, "succeed");
}

#[tokio::test]
async fn each_kind_of_query_has_its_own_lag() {
    let hour_ms = 3_600_000;
    let lags = Lags { by_id_ms: Some(3 * hour_ms), list_ms: Some(hour_ms), by_name_ms: None };
    let config = SimConfig { lags, visibility_lag_ms: 2 * hour_ms, ..SimConfig::default() };
    let (pair, id) = pair_with_task(config).await;
    let visible = async || {
        let by_id = pair.found(&format!("/{id}")).await.0 == 200;
        let by_name = pair.found("/a").await.0 == 200;
        let (_, list) = pair.found("").await;
        (by_id, by_name, list["data"].as_array().map_or(0, Vec::len) == 1)
    };
    for want in
        [(false, false, false), (false, false, true), (false, true, true), (true, true, true)]
    {
        assert_eq!(visible().await, want);
        pair.server.advance(Duration::from_secs(3600));
    }
    // Of two tasks of one name, the newest that is visible is found.
    pair.set(|config| config.unique_external_ids = false);
    let session_id = pair.session(VIDEO).await;
    let (_, second) = pair.created(&good_create(&session_id, "a")).await;
    assert_eq!(pair.found("/a").await.1["data"]["task_id"], Value::from(id));
    pair.set(|config| config.lags.by_name_ms = Some(0));
    assert_eq!(pair.found("/a").await.1["data"]["task_id"], second["data"]["task_id"]);
    assert_eq!(pair.found("").await.1["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn names_are_found_in_the_configured_styles() {
    let (pair, id) = pair_with_task(SimConfig::default()).await;
    let session_id = pair.session(VIDEO).await;
    pair.created(&good_create(&session_id, "b")).await;
    // Which of the three lookup styles find the task, and only the task.
    let answered = async || {
        let is_task = |data: &Value| data["task_id"] == *id;
        let (_, in_path) = pair.found("/a").await;
        let (_, on_list_path) = pair.found("?external_task_id=a").await;
        let (_, with_flag) = pair.found("/a?external_task_id=true").await;
        let list = on_list_path["data"].as_array().unwrap();
        LookupStyles {
            in_path: is_task(&in_path["data"]),
            on_list_path: list.len() == 1 && is_task(&list[0]),
            path_with_flag: is_task(&with_flag["data"]),
        }
    };
    let all = LookupStyles { in_path: true, on_list_path: true, path_with_flag: true };
    for lookup_styles in
        [LookupStyles::ON_LIST_PATH, LookupStyles::PATH_WITH_FLAG, LookupStyles::NONE, all]
    {
        pair.set(|config| config.lookup_styles = lookup_styles);
        assert_eq!(answered().await, lookup_styles);
        assert_eq!(pair.found(&format!("/{id}")).await.0, 200, "ids are found in any case");
    }
    assert_eq!(pair.found("?external_task_id=c").await.1["data"], Value::Array(vec![]));
    // A flag means that the path is a name.
    assert_eq!(pair.found(&format!("/{id}?external_task_id=true")).await.0, 404);
    // An unknown parameter is ignored: the flag changes nothing, and the list is the complete list.
    pair.set(|config| config.lookup_styles = LookupStyles::IN_PATH);
    assert_eq!(answered().await, LookupStyles { path_with_flag: true, ..LookupStyles::IN_PATH });
    let (_, list) = pair.found("?external_task_id=a").await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
    // Lookups by name stop working, and work again.
    for (answers, status) in [(false, 404), (true, 200)] {
        pair.set(|config| config.answers_external_lookups = answers);
        assert_eq!(pair.found("/a").await.0, status);
    }
}

#[tokio::test]
async fn unknown_task_gets_the_configured_answer() {
    let config = SimConfig {
        lookup_styles: LookupStyles { on_list_path: true, ..LookupStyles::IN_PATH },
        ..SimConfig::default()
    };
    let (pair, id) = pair_with_task(config).await;
    for unknown in UnknownTask::ALL {
        pair.set(|config| config.unknown_task = unknown);
        let data = match unknown {
            UnknownTask::NotFound | UnknownTask::ServerError => None,
            UnknownTask::Null => Some(Value::Null),
            UnknownTask::EmptyList => Some(json!([])),
            UnknownTask::EmptyObject => Some(json!({})),
            UnknownTask::NullTask => Some(json!({"task_id": null, "task_status": null})),
        };
        let (status, code) = match unknown {
            UnknownTask::NotFound => (404, 1203),
            UnknownTask::ServerError => (500, 5000),
            _ => (200, 0),
        };
        for path in ["/b", "/123456"] {
            let (found_status, body) = pair.found(path).await;
            assert_eq!((found_status, &body["code"]), (status, &json!(code)), "{unknown:?}");
            assert_eq!(body.get("data"), data.as_ref(), "{unknown:?}");
        }
        let (_, on_list_path) = pair.found("?external_task_id=b").await;
        let empty_list = (unknown == UnknownTask::NotFound).then(|| json!([]));
        assert_eq!(on_list_path.get("data"), data.or(empty_list).as_ref(), "{unknown:?}");
        // An existing task is found with each setting, and the list stays a list.
        for path in ["/a".to_owned(), format!("/{id}")] {
            assert_eq!(pair.found(&path).await.1["data"]["task_id"], *id);
        }
        assert_eq!(pair.found("").await.1["data"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn answers_show_names_as_configured() {
    let (pair, id) = pair_with_task(SimConfig::default()).await;
    for (query, list) in [(false, false), (true, false), (false, true), (true, true)] {
        pair.set(|config| {
            config.query_shows_external_ids = query;
            config.list_shows_external_ids = list;
        });
        let name = |shows: bool| shows.then(|| json!("a"));
        let (_, queried) = pair.found(&format!("/{id}")).await;
        assert_eq!(queried["data"]["task_info"].get("external_task_id").cloned(), name(query));
        let (_, listed) = pair.found("").await;
        assert_eq!(listed["data"][0]["task_info"].get("external_task_id").cloned(), name(list));
    }
}

#[tokio::test]
async fn lookups_fail_while_configured() {
    let lookup_styles = LookupStyles { in_path: true, on_list_path: true, path_with_flag: true };
    let config = SimConfig { lookup_styles, ..SimConfig::default() };
    let (pair, id) = pair_with_task(config).await;
    // By id; by name in three lookup styles, and by an unknown name; by list.
    let paths = [
        format!("/{id}"),
        "/a".to_owned(),
        "/a?external_task_id=true".to_owned(),
        "?external_task_id=a".to_owned(),
        "/b".to_owned(),
        "?pageNum=1&pageSize=30".to_owned(),
    ];
    for (names, lists, want) in [
        (true, false, [200, 503, 503, 503, 503, 200]),
        (false, true, [200, 200, 200, 503, 404, 503]),
        (true, true, [200, 503, 503, 503, 503, 503]),
        (false, false, [200, 200, 200, 200, 404, 200]),
    ] {
        pair.set(|config| {
            config.name_queries_fail = names;
            config.lists_fail = lists;
        });
        for (path, want) in paths.iter().zip(want) {
            let (status, body) = pair.found(path).await;
            assert_eq!(status, want, "{path}: {body}");
            assert_eq!(body["code"] == 5002, want == 503, "{path}: {body}");
        }
    }
}
