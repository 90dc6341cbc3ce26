//! The rules that the schema itself holds, whatever the program does, and the views for readers.

use super::*;

/// A queued, a submitted and a succeeded job.
async fn three_jobs() -> Bench {
    let bench = Bench::new();
    let jobs = ["a/queued", "a/submitted", "a/succeeded"].map(wanted);
    bench.accept(manifest("a.yaml", jobs.into())).await.unwrap();
    let session = session(&bench.store).await;
    bench.drive("a/submitted", until_submitted(&session, "task 1")).await;
    bench.drive("a/succeeded", until_submitted(&session, "task 2")).await;
    bench.drive("a/succeeded", until_succeeded()).await;
    bench
}

#[tokio::test]
async fn no_row_can_say_what_cannot_be() {
    let bench = three_jobs().await;
    let queued = "WHERE key = 'a/queued'";
    let of_queued = "WHERE id = (SELECT task_row FROM job WHERE key = 'a/queued')";
    let rules = [
        ("an unknown state", format!("UPDATE job SET state = 'lost' {queued}")),
        ("an unknown state of a task", format!("UPDATE task SET state = 'lost' {of_queued}")),
        ("a create without its record", format!("UPDATE task SET state = 'creating' {of_queued}")),
        ("a task without its id", format!("UPDATE task SET state = 'processing' {of_queued}")),
        ("an end without its time", format!("UPDATE job SET state = 'failed' {queued}")),
        (
            "an end of a task without its time",
            format!("UPDATE task SET state = 'failed' {of_queued}"),
        ),
        ("a time of an end before it", format!("UPDATE job SET finished_at_ms = 1 {queued}")),
        (
            "a result without its file",
            "UPDATE task SET result_sha256 = NULL WHERE state = 'succeeded'".to_owned(),
        ),
        (
            "a success without its file",
            "UPDATE job SET delivered_sha256 = NULL WHERE state = 'succeeded'".to_owned(),
        ),
        ("a job that moves without a task", format!("UPDATE job SET task_row = NULL {queued}")),
        ("a request and take twice", "UPDATE task SET request_hash = 'x'".to_owned()),
        ("a task at Kling twice", "UPDATE task SET task_id = 'x'".to_owned()),
        ("a take out of range", format!("UPDATE task SET take = 100 {of_queued}")),
        ("one key twice", "UPDATE job SET key = 'x'".to_owned()),
        ("a face without its number", format!("UPDATE task SET face_kind = 'index' {of_queued}")),
        ("text where a number belongs", format!("UPDATE task SET turn = 'x' {of_queued}")),
        ("a fault of a manifest in force", "UPDATE manifest SET error = 'x'".to_owned()),
        ("a refusal without its fault", "UPDATE manifest SET state = 'refused'".to_owned()),
        ("a pause without its reason", "UPDATE daemon_state SET pause = 'person'".to_owned()),
        ("a second daemon", "INSERT INTO daemon_state (id) VALUES (2)".to_owned()),
        ("an answer to no known call", "UPDATE event SET call = 'guess'".to_owned()),
    ];
    let sql = bench.sql();
    for (what, change) in rules {
        let error = sql.execute(&change, []).expect_err(what);
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ConstraintViolation), "{what}: {error}");
    }
}

fn columns(bench: &Bench, view: &str) -> Vec<String> {
    let sql = bench.sql();
    let statement = sql.prepare(&format!("SELECT * FROM {view}")).unwrap();
    statement.column_names().map(str::to_owned).collect()
}

/// The columns of CONTRACT.md.
const PROMISED: [(&str, &str); 7] = [
    (
        "job_overview",
        "key manifest state state_since waiting_for video audio labels attempt task_id external_task_id \
         shares_task_with units money output watermark_missing verdict verdict_note error_code error request_id changed_after_sent dismissed priority \
         created_at updated_at finished_at",
    ),
    ("job_history", "key at from_state to_state what call http_status code request_id units money"),
    (
        "task_overview",
        "task_id external_task_id take state jobs video audio audio_ms video_ms units money created_at ended_at \
         seconds result_sha256",
    ),
    (
        "manifest_overview",
        "path state error jobs unfinished succeeded failed cancelled unresolved units money",
    ),
    ("failure_overview", "error_code reason jobs first_at last_at example_key example_request_id"),
    (
        "queue_status",
        "running paused_since paused_by reason code next_probe_at slots_used slots_limit units_today cap \
         median_task_seconds",
    ),
    ("spend_by_day", "day identify_units task_units units money tasks"),
];

#[test]
fn views_have_the_promised_columns() {
    let bench = Bench::new();
    for (view, names) in PROMISED {
        let columns = columns(&bench, view);
        for name in names.split_whitespace() {
            assert!(
                columns.iter().any(|column| column == name),
                "{view} has no {name}: {columns:?}"
            );
        }
    }
}

/// No JSON, no blobs.
#[tokio::test]
async fn views_are_plain_text_and_numbers() {
    let bench = three_jobs().await;
    bench
        .drive(
            "a/queued",
            vec![Outcome::Refused(permanent_error("face 7 of task 123 is too small"))],
        )
        .await;
    let sql = bench.sql();
    for (view, _) in PROMISED {
        let mut statement = sql.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            count += 1;
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    rusqlite::types::ValueRef::Blob(_) => panic!("{view} has a blob"),
                    rusqlite::types::ValueRef::Text(text) => {
                        assert!(!text.starts_with(b"{") && !text.starts_with(b"["), "{view}");
                    }
                    _ => {}
                }
            }
        }
        assert!(count > 0, "{view} is empty");
    }
}

#[tokio::test]
async fn views_report_what_happened() {
    let bench = three_jobs().await;
    let line: String = bench.value(
        "SELECT state || attempt || task_id || units || output || finished_at
         FROM job_overview WHERE key = 'a/succeeded'",
    );
    assert_eq!(line, "succeeded1task 21.05a/succeeded.mp42026-03-01T12:00:07.050Z");
    let name: String =
        bench.value("SELECT external_task_id FROM job_overview WHERE key = 'a/queued'");
    let request_hash = wanted("a/queued").request_hash.unwrap();
    assert_eq!(name, format!("lipsyncd-{request_hash}"));
    let states: String = bench
        .value("SELECT group_concat(to_state, ' ') FROM job_history WHERE key = 'a/succeeded'");
    assert_eq!(states, "queued identified creating submitted processing downloading succeeded");
    let manifest: String = bench.value(
        "SELECT path || state || jobs || unfinished || succeeded || failed || units FROM manifest_overview",
    );
    assert_eq!(manifest, "a.yamlaccepted32101.1");
    let task: String = bench.value(
        "SELECT task_id || take || state || jobs || audio_ms || video_ms || units || created_at || ended_at
           || seconds || result_sha256 FROM task_overview WHERE task_id = 'task 2'",
    );
    let at = "2026-03-01T12:00:07.050Z";
    let sha256 = result().sha256;
    assert_eq!(task, format!("task 21succeeded15000100001.05{at}{at}0.0{sha256}"));
    let spent: String = bench
        .value("SELECT day || ' ' || identify_units || ' ' || task_units || ' ' || tasks FROM spend_by_day");
    assert_eq!(spent, "2026-03-01 0.1 1.0 2");
}

/// Ids and numbers of a reason do not keep failures apart, and dismissed ones do not count.
#[tokio::test]
async fn failures_are_grouped_by_code_and_reason() {
    let bench = Bench::new();
    let keys = ["a/1", "a/2", "a/3"];
    bench.accept(manifest("a.yaml", keys.map(wanted).into())).await.unwrap();
    for (number, key) in keys.into_iter().enumerate() {
        let fault =
            permanent_error(&format!("a/{number}.mp3 is too short (request 4f0e8127364-{number})"));
        bench.drive(key, vec![Outcome::Refused(fault)]).await;
    }
    bench.command("a/3", Command::Dismiss(true)).await.unwrap();
    let grouped: String =
        bench.value("SELECT error_code || jobs || example_key FROM failure_overview");
    assert_eq!(grouped, "12012a/1");
}

#[tokio::test]
async fn every_job_that_is_not_finished_says_what_it_waits_for() {
    let bench = three_jobs().await;
    let silent: i64 = bench.value(
        "SELECT count(*) FROM job_overview WHERE (waiting_for IS NULL) <> (finished_at IS NOT NULL)",
    );
    assert_eq!(silent, 0);
    let why = |key: &str| -> String {
        bench.value(&format!("SELECT waiting_for FROM job_overview WHERE key = '{key}'"))
    };
    assert_eq!(why("a/queued"), "queued (1 of 5 slots in use)");
    assert_eq!(why("a/submitted"), "Kling has not started task task 1");
    let pause = crate::store::Pause {
        kind: crate::store::PauseKind::Person,
        reason: "paused by hand".to_owned(),
        code: None,
        since_ms: NOW_MS,
        next_probe_at_ms: None,
    };
    bench.store.set_pause(Some(pause.clone())).await.unwrap();
    assert_eq!(why("a/queued"), "the queue is paused: paused by hand");
    let by_the_api =
        crate::store::Pause { kind: crate::store::PauseKind::Account, ..pause.clone() };
    bench.store.set_pause(Some(by_the_api)).await.unwrap();
    assert_eq!(bench.store.pause().await.unwrap(), Some(pause));
}

#[tokio::test]
async fn queue_waits_for_the_first_complete_scan() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    bench.store.begin(1, NOW_MS, 5, Caps::default()).await.unwrap();
    let scan = "the first complete scan of jobs_dir is not done";
    let queue = || -> (bool, Option<String>) {
        bench
            .sql()
            .query_row("SELECT running, reason FROM queue_status", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap()
    };
    let of_job = || bench.value::<String>("SELECT waiting_for FROM job_overview");
    assert_eq!((queue(), of_job()), ((false, Some(scan.to_owned())), scan.to_owned()));
    bench.store.set_folder_problem(Some("another disk".to_owned())).await.unwrap();
    let why = format!("{scan}: another disk");
    assert_eq!((queue(), of_job()), ((false, Some(why.clone())), why));
    bench.store.set_folder_problem(None).await.unwrap();
    bench.store.set_scanned().await.unwrap();
    assert_eq!(queue(), (true, None));
}
