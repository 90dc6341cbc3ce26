//! Databases of every older version come to the shape of a new one, with all they hold.

use std::path::Path;

use tempfile::tempdir;

use super::*;
use crate::store::{JobFilter, Reader, VERSION};

const SCHEMAS: [&str; 2] = [include_str!("schema-1.sql"), include_str!("schema-2.sql")];

/// What both of the older versions know, of a job that succeeded, one that was cancelled and one that
/// waits; their checksums are of 64 digits.
const HELD: &str = "
    INSERT INTO manifest (id, path, state, error, print, file_id, seen_at_ms, removed_at_ms) VALUES
      (1, 'a.yaml', 'accepted', NULL, 'print', 'file', 1, NULL),
      (2, 'b.yaml', 'refused', 'a fault', 'print', 'file 2', 1, NULL),
      (3, 'gone.yaml', 'accepted', NULL, 'print', 'file 3', 1, 2);
    INSERT INTO session VALUES (1, 'account', 'video', 's', 1, 2);
    INSERT INTO job (key, manifest_id, state, turn, meaning, video_kind, video, audio_kind, audio, face_kind,
      sound_start_ms, sound_volume, original_audio_volume, watermark, output, priority, external_base,
      session_row, task_id, result_bytes, result_sha256, created_at_ms, updated_at_ms, finished_at_ms)
    SELECT key, 1, state, 0, printf('%064d', turn), 'url', 'v', 'url', 'a', 'longest', 0, 1.0, 1.0, 0,
      output, 0, base, session, task, 9, task, 1, 2, finished
    FROM (SELECT 'a/1' AS key, 'succeeded' AS state, 1 AS turn, 'x.mp4' AS output, 'base' AS base,
            1 AS session, 'task' AS task, 2 AS finished
          UNION ALL SELECT 'a/2', 'cancelled', 2, 'y.mp4', 'base 2', NULL, NULL, 2
          UNION ALL SELECT 'a/3', 'queued', 3, 'y.mp4', 'base 2', NULL, NULL, NULL);
    INSERT INTO label VALUES (1, 'language', 'fr');
    INSERT INTO event (id, job_id, at_ms, from_state, to_state, what, call, http_status, code, request_id,
      units_micro) VALUES
      (4, 1, 1, NULL, 'queued', 'found in its manifest', NULL, NULL, NULL, NULL, NULL),
      (5, 2, 1, NULL, 'queued', 'found in its manifest', NULL, NULL, NULL, NULL, NULL),
      (6, 3, 1, NULL, 'queued', 'found in its manifest', NULL, NULL, NULL, NULL, NULL),
      (7, 1, 2, 'creating', 'submitted', 'accepted as task 1', 'create', 200, 0, 'request', 1000000),
      (8, 1, 2, 'processing', 'downloading', 'the task succeeded', 'list', NULL, NULL, NULL, NULL);
    INSERT INTO spend (day, tasks) VALUES ('2026-03-01', 7);";

/// A database of `version` that holds [`HELD`].
fn old(path: &Path, version: usize) -> rusqlite::Connection {
    let old = rusqlite::Connection::open(path).unwrap();
    old.execute_batch(SCHEMAS[version - 1]).unwrap();
    old.pragma_update(None, "application_id", 0x4C53_7964).unwrap();
    old.pragma_update(None, "user_version", version as i64).unwrap();
    old.execute_batch(HELD).unwrap();
    old
}

fn texts(sql: &rusqlite::Connection, query: &str) -> Vec<String> {
    let mut statement = sql.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Every column of every table and view; every index, trigger and view by its words.
fn shape(sql: &rusqlite::Connection) -> Vec<String> {
    let columns =
        "SELECT s.type || ' ' || s.name || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\"
                     || ' ' || coalesce(c.dflt_value, '') || ' ' || c.pk
                   FROM sqlite_schema s JOIN pragma_table_info(s.name) c ORDER BY 1";
    let words = "SELECT sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL ORDER BY type, name";
    let words = texts(sql, words).into_iter();
    let words = words.map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" "));
    texts(sql, columns).into_iter().chain(words).collect()
}

fn rows(sql: &rusqlite::Connection, view: &str) -> Vec<String> {
    let mut statement = sql.prepare(&format!("SELECT * FROM {view}")).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let values: rusqlite::Result<Vec<rusqlite::types::Value>> =
            (0..columns).map(|column| row.get(column)).collect();
        Ok(format!("{:?}", values?))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn older_databases_come_to_the_shape_of_a_new_one_with_all_they_hold() {
    for version in 1..VERSION as usize {
        let folder = tempdir().unwrap();
        let path = folder.path().join("lipsyncd.db");
        let sql = old(&path, version);
        let views = ["job_history", "manifest_overview", "spend_by_day"];
        let told = views.map(|view| rows(&sql, view));
        drop(sql);
        let refused = Reader::open(&path).err().unwrap().to_string();
        assert!(refused.contains("lipsyncd run"), "{refused}");

        let store = Store::open(&path).unwrap();
        let sql = rusqlite::Connection::open(&path).unwrap();
        assert_eq!(shape(&sql), shape(&Bench::new().sql()), "from version {version}");
        assert_eq!(views.map(|view| rows(&sql, view)), told, "from version {version}");
        assert_eq!(texts(&sql, "PRAGMA integrity_check"), ["ok"]);
        assert_eq!(rows(&sql, "pragma_foreign_key_check"), [""; 0]);
        counts::assert_true(&sql);
        let job = store.job_by_key("a/1").await.unwrap().unwrap();
        assert_eq!((job.task_id.as_deref(), job.spec.labels.len()), (Some("task"), 1));
        let meanings = texts(&sql, "SELECT meaning FROM job WHERE length(meaning) = 32");
        assert_eq!(meanings.len(), 3);
        let (lines, _) = Reader::open(&path).unwrap().page(&JobFilter::default(), 0, 9).unwrap();
        assert_eq!(lines.len(), 3);
        // Who was cancelled holds neither its output nor its name, and who holds them does.
        sql.execute("UPDATE job SET output = 'y.mp4' WHERE key = 'a/1'", []).unwrap_err();
        sql.execute("UPDATE job SET state = 'failed', finished_at_ms = 3 WHERE key = 'a/2'", [])
            .unwrap_err();
    }
}
