//! Answers in other forms than the API's page describes: they are understood, or the reason says what is missing.

use lipsyncd::sim::{Endpoint, FaultRule, LookupStyles, OddAnswers, Sim, SimConfig, UnknownTask};
use serde_json::json;

use super::env::{
    ask_for, assert_names, done, lenient, lose_creates, lose_database, lose_results, test_env,
    until_all, until_delivered, until_printed,
};
use crate::support::{
    daemon::{BRISK, quick},
    patch,
    switches::Switches as _,
};

#[test]
fn other_types_and_words_change_nothing() {
    for lookup_styles in
        [LookupStyles::IN_PATH, LookupStyles::ON_LIST_PATH, LookupStyles::PATH_WITH_FLAG]
    {
        let odd_answers = OddAnswers { no_parent_video: true, ..OddAnswers::ALL };
        let config = SimConfig {
            odd_answers,
            lookup_styles,
            unknown_task: UnknownTask::EmptyList,
            list_shows_external_ids: true,
            ..lenient()
        };
        let mut test_env = test_env(config, 5, &BRISK);
        test_env.start();
        ask_for(&test_env, &["first"]);
        until_delivered(&test_env, &["first"]);
        lose_creates(&test_env, 2, true);
        ask_for(&test_env, &["a", "b"]);
        until_delivered(&test_env, &["a", "b"]);
        lose_database(&mut test_env);
        lose_results(&test_env);
        test_env.start();
        until_delivered(&test_env, &["first", "a", "b"]);
        test_env.sim.assert_requests(3);
        assert_names(&test_env, 3);
    }
}

#[test]
fn succeeded_in_upper_case_and_a_first_video_without_url_are_a_result() {
    let odd_answers =
        OddAnswers { status_words: true, video_without_url: true, ..OddAnswers::default() };
    let mut test_env = test_env(SimConfig { odd_answers, ..quick() }, 5, &BRISK);
    test_env.start();
    ask_for(&test_env, &["a", "b", "c", "d"]);
    until_delivered(&test_env, &["a", "b", "c", "d"]);
    test_env.sim.assert_requests(4);
}

#[test]
fn result_url_is_a_result_whatever_the_status_is_called() {
    for word in ["done", "", "processing"] {
        let mut test_env = test_env(quick(), 1, &BRISK);
        let url = format!("{}/results/870000000000000001.mp4", test_env.sim.base_url());
        let odd = json!({"data": {"task_status": word, "task_result": {"videos": [{"url": url}]}}});
        test_env.sim.fault(FaultRule::always(Endpoint::Query, patch(odd)));
        test_env.start();
        ask_for(&test_env, &["a"]);
        until_delivered(&test_env, &["a"]);
    }
}

#[test]
fn identify_answer_without_face_data_is_not_called_a_video_without_faces() {
    let mut test_env = test_env(quick(), 1, &BRISK);
    let faces = json!([{"id": "0", "start": 0, "end": 5000}]);
    let other_form = patch(json!({"data": {"face_data": null, "faces": faces}}));
    test_env.sim.fault(FaultRule::always(Endpoint::Identify, other_form));
    ask_for(&test_env, &["x"]);
    test_env.start();
    until_printed(&test_env, "x", &["face_data is missing"]);
    // Each answer may have been charged, so that the call is not repeated for ever.
    until_all(&test_env, &["x"], "failed");
    until_printed(&test_env, "x", &["face_data is missing"]);
    let shown = done(&test_env, &["show", "x"]).out;
    assert!(!shown.to_lowercase().contains("no face"), "{shown}");
    assert_eq!(test_env.ledger().accepted(Endpoint::Identify), 5);
    test_env.sim.control(Sim::clear_faults);
    done(&test_env, &["retry", "x", "--yes"]);
    until_delivered(&test_env, &["x"]);

    let empty = patch(json!({"data": {"face_data": []}}));
    test_env.sim.fault(FaultRule::once(Endpoint::Identify, empty));
    ask_for(&test_env, &["y"]);
    until_printed(&test_env, "y", &["failed", "o face"]);
}

#[test]
fn deductions_from_a_balance_count_no_units() {
    let mut test_env = test_env(quick(), 5, &BRISK);
    for (calls, quota, list_price) in [
        (&[Endpoint::Identify][..], "0.35", "0.42"),
        (&[Endpoint::Query, Endpoint::List], "3.50", "4.20"),
    ] {
        let balance = json!({"quota": quota, "list_price": list_price});
        for call in calls {
            let data = json!({"final_unit_deduction": "0", "final_balance_deduction": balance});
            test_env.sim.fault(FaultRule::always(*call, patch(json!({ "data": data }))));
        }
    }
    test_env.start();
    ask_for(&test_env, &["a"]);
    until_delivered(&test_env, &["a"]);
    test_env.sim.assert_requests(1);
    let status = done(&test_env, &["status", "--json"]).out;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["units"]["total"], 0.0, "{status}");
}
