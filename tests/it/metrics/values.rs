//! The values follow what happens.

use std::fs;

use lipsyncd::sim::{Endpoint, Fault, FaultRule};
use rusqlite::Connection;

use super::{ANY_PORT, Scrape, until};
use crate::support::{
    daemon::{JOB, TestEnv, quick, slow},
    refusal,
};

fn test_env() -> TestEnv {
    TestEnv::with(quick(), 5, ANY_PORT)
}

#[test]
fn job_is_counted_from_the_folder_to_its_result() {
    let mut test_env = test_env();
    test_env.start();
    let before = Scrape::of(&test_env);
    for nothing in [
        "lipsyncd_jobs{state=\"succeeded\"}",
        "lipsyncd_api_calls_total{call=\"create\",code=\"0\"}",
        "lipsyncd_downloads_started_total",
        "lipsyncd_downloads_finished_total{result=\"succeeded\"}",
        "lipsyncd_jobs_finished_total{state=\"succeeded\"}",
        "lipsyncd_units_deducted_total",
        "lipsyncd_oldest_job_age_seconds{state=\"queued\"}",
    ] {
        assert_eq!(before.value(nothing), 0.0, "{nothing}");
    }
    test_env.drop_in_old("x.yaml", JOB);
    test_env.until_state("x", "succeeded");
    until(&test_env, "the download to be counted", |scrape| {
        scrape.value("lipsyncd_downloads_finished_total{result=\"succeeded\"}") == 1.0
            && scrape.value("lipsyncd_inbox_pending_manifests") == 0.0
    });
    let after = Scrape::of(&test_env);
    let status: serde_json::Value =
        serde_json::from_str(&test_env.run(&["status", "--json"]).out).unwrap();
    let bytes = fs::metadata(test_env.path("output/x.mp4")).unwrap().len() as f64;
    for (name, value) in [
        ("lipsyncd_jobs{state=\"succeeded\"}", 1.0),
        ("lipsyncd_jobs_finished_total{state=\"succeeded\"}", 1.0),
        ("lipsyncd_jobs_finished_total{state=\"failed\"}", 0.0),
        ("lipsyncd_manifests{state=\"accepted\"}", 1.0),
        ("lipsyncd_manifests{state=\"refused\"}", 0.0),
        ("lipsyncd_api_calls_total{call=\"identify\",code=\"0\"}", 1.0),
        ("lipsyncd_api_calls_total{call=\"create\",code=\"0\"}", 1.0),
        ("lipsyncd_api_calls_total{call=\"fetch\",code=\"http_200\"}", 1.0),
        ("lipsyncd_api_call_duration_seconds_count{call=\"create\"}", 1.0),
        ("lipsyncd_downloads_started_total", 1.0),
        ("lipsyncd_download_bytes_total", bytes),
        ("lipsyncd_download_duration_seconds_count", 1.0),
        ("lipsyncd_units_deducted_total", status["units"]["total"].as_f64().unwrap()),
        ("lipsyncd_units_today", status["units"]["today"].as_f64().unwrap()),
        ("lipsyncd_money_charged_total", status["money"]["total"].as_f64().unwrap()),
        ("lipsyncd_money_today", status["money"]["today"].as_f64().unwrap()),
        ("lipsyncd_superseded_unresolved", 0.0),
        ("lipsyncd_slots_used", 0.0),
        ("lipsyncd_slots_limit", 5.0),
        ("lipsyncd_slots_configured", 5.0),
        ("lipsyncd_database_problem", 0.0),
        ("lipsyncd_api_problem", 0.0),
        ("lipsyncd_uploads_running", 0.0),
        ("lipsyncd_upload_problem", 0.0),
        ("lipsyncd_messages_unsent{state=\"failing\"}", 0.0),
        ("lipsyncd_messages_unsent{state=\"dead\"}", 0.0),
        ("lipsyncd_upload_bytes_total", 0.0),
        ("lipsyncd_inbox_unreadable_folders", 0.0),
        ("lipsyncd_inbox_pending_age_seconds", 0.0),
    ] {
        assert_eq!(after.value(name), value, "{name}");
    }
    assert!(after.value("lipsyncd_units_deducted_total") > 0.0);
    // The queries that followed the task.
    let asked = |scrape: &Scrape| {
        scrape.sum("lipsyncd_api_calls_total{call=\"task\"")
            + scrape.sum("lipsyncd_api_calls_total{call=\"tasks\"")
    };
    assert!(asked(&after) > asked(&before));
    for rises in ["lipsyncd_scheduler_turns_total", "lipsyncd_inbox_scans_total"] {
        assert!(after.value(rises) > before.value(rises), "{rises}");
    }
    assert!(after.value("process_start_time_seconds") > 1.7e9);
    assert!(!after.families.contains_key("lipsyncd_units_per_day_cap"), "there is no cap");
}

#[test]
fn calls_are_counted_by_result() {
    let mut test_env = test_env();
    test_env.sim.control(|sim| {
        for (nth, fault) in
            [(1, refusal(1302)), (2, Fault::DropRequest), (3, Fault::Html { status: 502 })]
        {
            sim.add_fault(FaultRule { nth, ..FaultRule::once(Endpoint::Identify, fault) });
        }
        sim.add_fault(FaultRule::once(
            Endpoint::Download,
            Fault::CutBody { after_bytes: Some(100) },
        ));
    });
    test_env.start();
    test_env.drop_in_old("x.yaml", JOB);
    test_env.until_state("x", "succeeded");
    until(&test_env, "the second download to be counted", |scrape| {
        scrape.value("lipsyncd_downloads_finished_total{result=\"succeeded\"}") == 1.0
    });
    let scrape = Scrape::of(&test_env);
    for code in ["0", "1302", "transport", "http_502"] {
        let name = format!("lipsyncd_api_calls_total{{call=\"identify\",code=\"{code}\"}}");
        assert_eq!(scrape.value(&name), 1.0, "{name}");
    }
    let count = "lipsyncd_api_call_duration_seconds_count{call=\"identify\"}";
    assert_eq!(scrape.value(count), 4.0);
    assert_eq!(scrape.value("lipsyncd_downloads_started_total"), 2.0);
    assert_eq!(scrape.value("lipsyncd_downloads_finished_total{result=\"failed\"}"), 1.0);
}

#[test]
fn paused_queue_and_its_waiting_jobs_are_shown() {
    let mut test_env = test_env();
    test_env.start();
    assert_eq!(test_env.run(&["pause"]).code, Some(0));
    test_env.drop_in_old("x.yaml", JOB);
    test_env.until_state("x", "queued");
    until(&test_env, "the job to have been waiting", |scrape| {
        scrape.value("lipsyncd_oldest_job_age_seconds{state=\"queued\"}") > 0.0
    });
    let paused = Scrape::of(&test_env);
    assert_eq!(paused.value("lipsyncd_paused{kind=\"person\"}"), 1.0);
    assert_eq!(paused.sum("lipsyncd_paused"), 1.0);
    assert_eq!(paused.value("lipsyncd_jobs{state=\"queued\"}"), 1.0);
    assert_eq!(test_env.run(&["resume"]).code, Some(0));
    test_env.until_state("x", "succeeded");
    let over = Scrape::of(&test_env);
    assert_eq!(over.sum("lipsyncd_paused"), 0.0);
    assert_eq!(over.sum("lipsyncd_oldest_job_age_seconds"), 0.0);
}

#[test]
fn pending_manifest_is_shown_and_refused_one_is_not_pending() {
    let mut test_env = test_env();
    let settings = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    fs::write(test_env.path("lipsyncd.yaml"), settings.replace("settle: 150ms", "settle: 1h"))
        .unwrap();
    test_env.drop_in_old("bad.yaml", "video: 5\n");
    test_env.start();
    test_env.drop_in("x.yaml", JOB);
    until(&test_env, "the new manifest to have been seen", |scrape| {
        scrape.value("lipsyncd_inbox_pending_manifests") == 1.0
            && scrape.value("lipsyncd_inbox_pending_age_seconds") > 0.0
    });
    assert_eq!(Scrape::of(&test_env).value("lipsyncd_manifests{state=\"refused\"}"), 1.0);
    fs::write(test_env.path("lipsyncd.yaml"), &settings).unwrap();
    test_env.signal("HUP");
    until(&test_env, "it to be taken in", |scrape| {
        scrape.value("lipsyncd_inbox_pending_manifests") == 0.0
            && scrape.value("lipsyncd_inbox_pending_age_seconds") == 0.0
            && scrape.value("lipsyncd_manifests{state=\"accepted\"}") == 1.0
    });
    fs::rename(test_env.path("jobs"), test_env.path("away")).unwrap();
    until(&test_env, "the folder to be missed", |scrape| {
        scrape.value("lipsyncd_inbox_unreadable_folders") == 1.0
    });
    let looks = Scrape::of(&test_env).value("lipsyncd_inbox_scans_total");
    fs::rename(test_env.path("away"), test_env.path("jobs")).unwrap();
    until(&test_env, "the folder to be read again", |scrape| {
        scrape.value("lipsyncd_inbox_unreadable_folders") == 0.0
            && scrape.value("lipsyncd_inbox_scans_total") > looks
    });
}

#[test]
fn database_problem_is_shown_with_all_other_metrics() {
    let mut test_env = TestEnv::with(slow(), 5, ANY_PORT);
    test_env.start();
    let other = Connection::open(test_env.path("lipsyncd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    test_env.drop_in_old("x.yaml", JOB);
    until(&test_env, "the problem to show", |scrape| {
        scrape.value("lipsyncd_database_problem") == 1.0
    });
    // It can be read all the same.
    assert_eq!(Scrape::of(&test_env).value("lipsyncd_jobs{state=\"queued\"}"), 0.0);
    drop(other);
    until(&test_env, "the problem to be over", |scrape| {
        scrape.value("lipsyncd_database_problem") == 0.0
    });
    test_env.kill();

    let other = test_env.lock_database();
    test_env.spawn();
    test_env
        .until("the daemon to wait", |test_env| test_env.log().contains("until it can be opened"));
    let unread = Scrape::of(&test_env);
    assert_eq!(unread.value("lipsyncd_database_problem"), 1.0);
    assert!(
        !unread.families.contains_key("lipsyncd_jobs"),
        "values that were not read are missing"
    );
    assert!(unread.families.contains_key("lipsyncd_scheduler_turns_total"));
    drop(other);
    until(&test_env, "the database to be read", |scrape| {
        scrape.value("lipsyncd_database_problem") == 0.0
            && scrape.families.contains_key("lipsyncd_jobs")
    });
}
