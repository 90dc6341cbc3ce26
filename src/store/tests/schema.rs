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
    let rules = [
        ("an unknown state", format!("UPDATE job SET state = 'lost' {queued}")),
        ("a create without its record", format!("UPDATE job SET state = 'creating' {queued}")),
        ("a task without its id", format!("UPDATE job SET state = 'processing' {queued}")),
        ("an end without its time", format!("UPDATE job SET state = 'failed' {queued}")),
        ("a time of an end before it", format!("UPDATE job SET finished_at_ms = 1 {queued}")),
        (
            "a success without its file",
            "UPDATE job SET result_sha256 = NULL WHERE state = 'succeeded'".to_owned(),
        ),
        ("one output twice", "UPDATE job SET output = 'x.mp4'".to_owned()),
        ("one name at the API twice", "UPDATE job SET external_base = 'x'".to_owned()),
        ("one key twice", "UPDATE job SET key = 'x'".to_owned()),
        ("a face without its number", format!("UPDATE job SET face_kind = 'index' {queued}")),
        ("text where a number belongs", format!("UPDATE job SET turn = 'x' {queued}")),
        ("a fault of a manifest in force", "UPDATE manifest SET error = 'x'".to_owned()),
        ("a refusal without its fault", "UPDATE manifest SET state = 'refused'".to_owned()),
        ("a pause without its reason", "UPDATE line SET pause = 'person'".to_owned()),
        ("a second line", "INSERT INTO line (id) VALUES (2)".to_owned()),
        ("an answer to no known call", "UPDATE event SET call = 'guess'".to_owned()),
    ];
    let sql = bench.sql();
    for (what, change) in rules {
        let error = sql.execute(&change, []).expect_err(what);
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ConstraintViolation), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_cancelled_job_gives_its_output_and_its_name_free() {
    let bench = three_jobs().await;
    bench.drive("a/queued", vec![Outcome::Cancelled]).await;
    let change = "UPDATE job SET output = 'a/queued.mp4', external_base = 'base-a/queued'
                  WHERE key = 'a/submitted'";
    assert_eq!(bench.sql().execute(change, []).unwrap(), 1);
}

fn columns(bench: &Bench, view: &str) -> Vec<String> {
    let sql = bench.sql();
    let statement = sql.prepare(&format!("SELECT * FROM {view}")).unwrap();
    statement.column_names().map(str::to_owned).collect()
}

#[test]
fn the_views_have_the_columns_that_were_promised() {
    let bench = Bench::new();
    let promised = [
        (
            "job_overview",
            "key manifest state waiting_for attempts task_id external_task_id units output error_code \
             error priority created_at updated_at finished_at",
        ),
        ("job_history", "key at from_state to_state what request_id"),
        ("manifest_overview", "path state error jobs succeeded failed"),
        ("spend_by_day", "day identify_units task_units units tasks"),
    ];
    for (view, names) in promised {
        let columns = columns(&bench, view);
        assert!(columns.join(" ").starts_with(names), "{view}: {columns:?}");
    }
}

#[tokio::test]
async fn the_views_tell_what_happened() {
    let bench = three_jobs().await;
    let line: String = bench.value(
        "SELECT state || attempts || task_id || external_task_id || units || output || finished_at
         FROM job_overview WHERE key = 'a/succeeded'",
    );
    assert_eq!(line, "succeeded1task 2base-a/succeeded1.05a/succeeded.mp42026-03-01T12:00:07.050Z");
    let states: String = bench
        .value("SELECT group_concat(to_state, ' ') FROM job_history WHERE key = 'a/succeeded'");
    assert_eq!(states, "queued identified creating submitted processing downloading succeeded");
    let manifest: String =
        bench.value("SELECT path || state || jobs || succeeded || failed FROM manifest_overview");
    assert_eq!(manifest, "a.yamlaccepted310");
    let spent: String = bench
        .value("SELECT day || ' ' || identify_units || ' ' || task_units || ' ' || tasks FROM spend_by_day");
    assert_eq!(spent, "2026-03-01 0.1 1.0 2");
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
    assert_eq!(why("a/queued"), "its turn (1 of 5 slots in use)");
    assert_eq!(why("a/submitted"), "Kling to begin task task 1");
    let pause = crate::store::Pause {
        kind: crate::store::PauseKind::Person,
        reason: "paused by hand".to_owned(),
        code: None,
        since_ms: NOW_MS,
        next_probe_at_ms: None,
    };
    bench.store.set_pause(Some(pause.clone())).await.unwrap();
    assert_eq!(why("a/queued"), "the line, which is paused: paused by hand");
    let by_the_api =
        crate::store::Pause { kind: crate::store::PauseKind::Account, ..pause.clone() };
    bench.store.set_pause(Some(by_the_api)).await.unwrap();
    assert_eq!(bench.store.pause().await.unwrap(), Some(pause));
}
