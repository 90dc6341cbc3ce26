//! Tasks and sessions over time, the account's limits, and its ledger.

use super::*;
use crate::sim::{Endpoint, Refusal, ShownPacks, SimTaskStatus, SimUnits};

#[test]
fn task_status_follows_the_clock() {
    let mut sim = Sim::new(config(), BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let mut body = good_create(&session_id, "promo-en");
    body["watermark_info"] = json!({"enabled": true});
    let answer = create(&mut sim, NOW_MS, &body);
    let id = task_id(&answer);
    let want = json!({
        "task_id": id,
        "task_info": {"external_task_id": "promo-en"},
        "task_status": "submitted",
        "created_at": NOW_MS,
        "updated_at": NOW_MS,
    });
    assert_eq!(answer.data(), &want);
    let answer = sim.query(NOW_MS + 999, TOKEN, &id);
    let parent = json!({"id": answer.data()["task_info"]["parent_video"]["id"], "url": VIDEO, "duration": "10"});
    let mut want = json!({
        "task_id": id,
        "task_status": "submitted",
        "task_status_msg": "",
        "task_info": {"parent_video": parent},
        "watermark_info": {"enabled": true},
        "created_at": NOW_MS,
        "updated_at": NOW_MS,
    });
    assert_eq!(answer.data(), &want);
    want["task_status"] = json!("processing");
    want["updated_at"] = json!(NOW_MS + 1_000);
    assert_eq!(sim.query(NOW_MS + 9_999, TOKEN, "promo-en").data(), &want);
    let ended = sim.query(NOW_MS + 12_345, TOKEN, &id).data().clone();
    let result = &ended["task_result"]["videos"][0];
    let name = result["id"].as_str().unwrap();
    want["task_status"] = json!("succeed");
    want["updated_at"] = json!(NOW_MS + 10_000);
    want["final_unit_deduction"] = json!("2");
    want["task_result"] = json!({"videos": [{
        "id": name,
        "url": format!("{BASE_URL}/results/{name}.mp4"),
        "watermark_url": format!("{BASE_URL}/results/{name}.watermark.mp4"),
        "duration": "10",
    }]});
    assert_eq!(ended, want);
    assert_eq!(sim.list(NOW_MS + 12_345, TOKEN, "").data(), &json!([want]));
    let again = identify(&mut sim, NOW_MS + 12_345, &json!({"video_id": name}));
    assert_eq!(again.code(), 0, "{}", again.message());
}

#[test]
fn video_can_make_its_tasks_fail() {
    let mut sim = Sim::new(config(), BASE_URL);
    let url = "https://cdn.example/v.mp4?duration_ms=10000&faces=1&fail=content+risk+control";
    let session_id = session_of(&mut sim, NOW_MS, url);
    let id = task_id(&create(&mut sim, NOW_MS, &good_create(&session_id, "a")));
    let answer = sim.query(NOW_MS + 10_000, TOKEN, &id);
    assert_eq!(answer.data()["task_status"], "failed");
    assert_eq!(answer.data()["task_status_msg"], "content risk control");
    assert_eq!(answer.data().get("task_result"), None);
    let name = format!("{}.mp4", sim.ledger(NOW_MS + 10_000).tasks[0].result_id);
    assert_eq!(sim.download(NOW_MS + 10_000, &name), None);
}

#[test]
fn sessions_and_results_expire() {
    let mut sim = Sim::new(config(), BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let ttl_ms = sim.config().session_ttl_ms;
    assert_eq!(create(&mut sim, NOW_MS + ttl_ms - 1, &good_create(&session_id, "a")).code(), 0);
    let answer = create(&mut sim, NOW_MS + ttl_ms, &good_create(&session_id, "b"));
    assert!(answer.message().contains("not found or expired"), "{}", answer.message());
    let ended_at_ms = NOW_MS + ttl_ms - 1 + 10_000;
    let id = sim.ledger(ended_at_ms).tasks[0].result_id.clone();
    let name = format!("{id}.mp4");
    assert_eq!(sim.download(ended_at_ms - 1, &name), None);
    assert!(sim.download(ended_at_ms, &name).is_some());
    assert_eq!(sim.download(ended_at_ms, &format!("{id}.watermark.mp4")), None);
    let deleted_at_ms = ended_at_ms + sim.config().result_ttl_ms;
    assert!(sim.download(deleted_at_ms - 1, &name).is_some());
    assert_eq!(sim.download(deleted_at_ms, &name), None);
    assert_eq!(identify(&mut sim, deleted_at_ms, &json!({"video_id": id})).code(), 1201);
}

#[test]
fn slots_are_held_until_a_task_ends() {
    let mut sim = Sim::new(SimConfig { concurrency: 2, ..config() }, BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let mut at = |after_ms: i64, external: &str| {
        create(&mut sim, NOW_MS + after_ms, &good_create(&session_id, external))
    };
    assert_eq!(at(0, "a").code(), 0);
    assert_eq!(at(5_000, "b").code(), 0);
    let answer = at(9_999, "c");
    assert_eq!((answer.code(), answer.http_status), (1303, 429));
    assert_eq!(at(10_000, "c").code(), 0);
    assert_eq!(at(10_000, "d").code(), 1303);
    // Invalid parameters are reported even while no slot is free.
    assert_eq!(at(10_000, "c").code(), 1201);
    let ledger = sim.ledger(NOW_MS + 10_000);
    assert_eq!((ledger.at_once_max, ledger.refused(Endpoint::Create, 1303)), (2, 2));
    assert_eq!(ledger.tasks[0].status, SimTaskStatus::Succeed);
    assert_eq!(ledger.tasks[0].ended_at_ms, Some(NOW_MS + 10_000));
    assert_eq!(ledger.tasks[1].ended_at_ms, None);
}

#[test]
fn each_kind_of_call_has_its_rate_limit() {
    let limits = SimConfig {
        identify_per_second: Some(1),
        create_per_second: Some(1),
        query_per_second: Some(1),
        ..config()
    };
    let mut sim = Sim::new(limits, BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let answer = identify(&mut sim, NOW_MS + 999, &json!({"video_url": VIDEO}));
    assert_eq!((answer.code(), answer.http_status, answer.retry_after_s), (1302, 429, Some(1)));
    assert_eq!(create(&mut sim, NOW_MS, &good_create(&session_id, "a")).code(), 0);
    assert_eq!(create(&mut sim, NOW_MS, &good_create(&session_id, "b")).code(), 1302);
    assert_eq!(sim.query(NOW_MS, TOKEN, "a").code(), 0);
    assert_eq!(sim.list(NOW_MS, TOKEN, "").code(), 1302);
    assert_eq!(sim.list(NOW_MS + 1_000, TOKEN, "").code(), 0);
}

#[test]
fn every_call_needs_a_token() {
    let mut sim = Sim::new(config(), BASE_URL);
    let answers = [
        sim.identify(NOW_MS, None, b"{}", &FewFiles),
        sim.create(NOW_MS, None, b"{}", &FewFiles),
        sim.query(NOW_MS, None, "1"),
        sim.list(NOW_MS, None, ""),
        sim.costs(NOW_MS, None, ""),
    ];
    for answer in answers {
        assert_eq!((answer.code(), answer.http_status), (1000, 401));
    }
}

#[test]
fn lookups_are_answered_as_configured() {
    let mut sim = Sim::new(SimConfig { visibility_lag_ms: 500, ..config() }, BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let id = task_id(&create(&mut sim, NOW_MS, &good_create(&session_id, "a")));
    let answer = sim.query(NOW_MS + 499, TOKEN, &id);
    assert_eq!((answer.code(), answer.http_status), (1203, 404));
    assert_eq!(sim.query(NOW_MS + 499, TOKEN, "a").code(), 1203);
    assert_eq!(sim.list(NOW_MS + 499, TOKEN, "").data(), &json!([]));
    assert_eq!(create(&mut sim, NOW_MS + 499, &good_create(&session_id, "a")).code(), 1201);
    assert_eq!(sim.query(NOW_MS + 500, TOKEN, &id).code(), 0);
    assert_eq!(sim.query(NOW_MS + 500, TOKEN, "a").data()["task_id"], id.as_str());
    assert_eq!(sim.query(NOW_MS + 500, TOKEN, "b").code(), 1203);
    sim.config_mut().answers_external_lookups = false;
    assert_eq!(sim.query(NOW_MS + 500, TOKEN, "a").code(), 1203);
    assert_eq!(sim.query(NOW_MS + 500, TOKEN, &id).code(), 0);
}

#[test]
fn lists_are_newest_first() {
    let mut sim = Sim::new(config(), BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let mut ids: Vec<_> = (0..5)
        .map(|n| task_id(&create(&mut sim, NOW_MS + n, &good_create(&session_id, ""))))
        .collect();
    ids.reverse();
    let mut listed = Vec::new();
    for page in 1..=4 {
        let answer = sim.list(NOW_MS + 10, TOKEN, &format!("pageNum={page}&pageSize=2"));
        let tasks = answer.data().as_array().unwrap().clone();
        listed.extend(tasks.iter().map(|task| task["task_id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(listed, ids);
}

#[test]
fn ledger_shows_what_was_paid_twice() {
    let mut sim =
        Sim::new(SimConfig { unique_external_ids: false, concurrency: 6, ..config() }, BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let other_session = session(&mut sim, NOW_MS);
    let ids = ["a", "a-2", "a"]
        .map(|external| task_id(&create(&mut sim, NOW_MS, &good_create(&session_id, external))));
    let mut other = good_create(&other_session, "b");
    other["face_choose"][0]["sound_insert_time"] = json!(2_000);
    assert_eq!(create(&mut sim, NOW_MS, &other).code(), 0);
    let mut quiet = good_create(&session_id, "quiet");
    quiet["face_choose"][0]["original_audio_volume"] = json!(0.25);
    let mut marked = good_create(&session_id, "marked");
    marked["watermark_info"] = json!({ "enabled": true });
    assert_eq!([quiet, marked].map(|body| create(&mut sim, NOW_MS, &body).code()), [0, 0]);
    let ledger = sim.ledger(NOW_MS);
    let twice = &ledger.paid_twice;
    assert_eq!(twice.external_task_ids.len(), 1);
    assert_eq!(twice.external_task_ids[0].what, "a");
    assert_eq!(twice.external_task_ids[0].task_ids, [ids[0].clone(), ids[2].clone()]);
    assert_eq!(twice.contents.len(), 1);
    assert_eq!(twice.contents[0].task_ids, ids);
    assert_eq!(ledger.task_units, "12".parse::<SimUnits>().unwrap());
    assert_eq!(ledger.identify_units, "0.1".parse::<SimUnits>().unwrap());
    assert_eq!(ledger.accepted(Endpoint::Create), 6);
    assert_eq!(sim.query(NOW_MS, TOKEN, "a").data()["task_id"], ids[2].as_str());
}

#[test]
fn resource_pack_runs_out() {
    let pack_units = "4.05".parse().unwrap();
    let mut sim = Sim::new(SimConfig { pack_units, ..config() }, BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let left = |sim: &mut Sim| {
        let answer = sim.costs(NOW_MS, TOKEN, &format!("start_time=0&end_time={NOW_MS}"));
        answer.data()["resource_pack_subscribe_infos"][0]["remaining_quantity"].as_f64()
    };
    assert_eq!(left(&mut sim), Some(4.0));
    assert_eq!(create(&mut sim, NOW_MS, &good_create(&session_id, "a")).code(), 0);
    assert_eq!(create(&mut sim, NOW_MS, &good_create(&session_id, "b")).code(), 0);
    assert_eq!(left(&mut sim), Some(0.0));
    let answer = create(&mut sim, NOW_MS, &good_create(&session_id, "c"));
    assert_eq!((answer.code(), answer.http_status), (1102, 429));
    assert_eq!(sim.costs(NOW_MS, TOKEN, "").code(), 1201);
}

#[test]
fn resource_packs_are_listed_by_the_time_of_their_purchase() {
    const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1000;
    let names = |shown_packs, start_ms: i64| {
        let mut sim = Sim::new(SimConfig { shown_packs, ..config() }, BASE_URL);
        let answer = sim.costs(NOW_MS, TOKEN, &format!("start_time={start_ms}&end_time={NOW_MS}"));
        answer.data()["resource_pack_subscribe_infos"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(names(ShownPacks::One, NOW_MS - MONTH_MS), 0);
    assert_eq!(names(ShownPacks::One, NOW_MS - 12 * MONTH_MS), 1);
    assert_eq!(names(ShownPacks::Several, 0), 4);
    assert_eq!(names(ShownPacks::None, 0), 0);
}

#[test]
fn seed_decides_how_long_tasks_take() {
    let course = |seed| {
        let mut sim = Sim::new(SimConfig { task_ms: (1_000, 9_000), seed, ..config() }, BASE_URL);
        let session_id = session(&mut sim, NOW_MS);
        for n in 0..5 {
            create(&mut sim, NOW_MS, &good_create(&session_id, &format!("n{n}")));
        }
        let ended = sim.ledger(NOW_MS + 9_000).tasks.into_iter().map(|entry| entry.ended_at_ms);
        ended.collect::<Vec<_>>()
    };
    assert_eq!(course(1), course(1));
    assert_ne!(course(1), course(2));
    assert!(course(3).iter().all(Option::is_some));
}

#[test]
fn callbacks_are_due_at_each_change() {
    let mut sim = Sim::new(config(), BASE_URL);
    let session_id = session(&mut sim, NOW_MS);
    let mut body = good_create(&session_id, "a");
    create(&mut sim, NOW_MS, &body);
    assert_eq!(sim.next_callback_at_ms(), None);
    body["callback_url"] = json!("http://127.0.0.1:1/done");
    body["external_task_id"] = json!("b");
    create(&mut sim, NOW_MS, &body);
    assert_eq!(sim.next_callback_at_ms(), Some(NOW_MS + 1_000));
    assert_eq!(sim.take_callbacks(NOW_MS + 999), []);
    let due = sim.take_callbacks(NOW_MS + 60_000);
    let reported: Vec<_> = due.iter().map(|callback| &callback.body["task_status"]).collect();
    assert_eq!(reported, ["processing", "succeed"]);
    assert_eq!(due[1].body["task_info"]["external_task_id"], "b");
    assert_eq!(due[1].url, "http://127.0.0.1:1/done");
    assert_eq!(sim.next_callback_at_ms(), None);
}

#[test]
fn every_code_has_its_http_status() {
    let mut sim = Sim::new(config(), BASE_URL);
    for (status, codes) in [
        (401, &[1000, 1001, 1002, 1003, 1004][..]),
        (429, &[1100, 1101, 1102, 1302, 1303, 1304]),
        (403, &[1103]),
        (400, &[1200, 1201, 1300, 1301]),
        (404, &[1202, 1203]),
        (500, &[5000, 4711]),
        (503, &[5001]),
        (504, &[5002]),
    ] {
        for code in codes {
            let answer = sim.refuse(Endpoint::Query, &Refusal::new(*code, "on request"));
            assert_eq!((answer.http_status, answer.code()), (status, u64::from(*code)));
        }
    }
}
