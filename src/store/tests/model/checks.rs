//! What must be true of the database after every step, by SQL alone.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

/// Each query finds what breaks its rule.
const RULES: &[(&str, &str)] = &[
    (
        "a job shows the state of its task",
        "SELECT j.key || ' ' || j.state || ' ' || t.state FROM job j JOIN task t ON t.id = j.task_row
         WHERE j.state <> t.state
           AND NOT (t.state = 'succeeded' AND (j.state = 'downloading' OR j.state = 'failed' AND j.error_code IS NOT NULL))",
    ),
    (
        "a job is succeeded only with the file of its task",
        "SELECT j.key FROM job j JOIN task t ON t.id = j.task_row
         WHERE j.state = 'succeeded' AND j.delivered_sha256 IS NOT t.result_sha256",
    ),
    (
        "a job without a task waits, or failed or was cancelled by itself",
        "SELECT key || ' ' || state FROM job WHERE task_row IS NULL
           AND NOT (state = 'waiting' AND media_wait_reason IS NOT NULL)
           AND NOT (state IN ('failed', 'cancelled') AND error_code IS NOT NULL)",
    ),
    (
        "a task that was not created is what its jobs ask for",
        "SELECT j.key FROM job j JOIN task t ON t.id = j.task_row
         WHERE t.state IN ('waiting', 'queued', 'identified') AND t.first_sent_at_ms IS NULL
           AND j.request_hash IS NOT t.request_hash AND j.own_task_id IS NULL",
    ),
    (
        "a job has the take that a retry, or else its manifest asks for, or a person took that back",
        "SELECT j.key FROM job j JOIN task t ON t.id = j.task_row
         WHERE t.request_hash = j.request_hash AND coalesce(j.retry_take, j.take) <> t.take
           AND NOT EXISTS (SELECT 1 FROM job_history WHERE key = j.key AND what LIKE 'cancelled%')",
    ),
    (
        "a job that left is not waited for",
        "SELECT key FROM job WHERE orphaned_at_ms IS NOT NULL AND state = 'waiting' AND task_row IS NULL",
    ),
    (
        "a task that nothing was sent for has a job",
        "SELECT id || ' ' || state FROM task t WHERE first_sent_at_ms IS NULL AND task_id IS NULL
           AND state IN ('waiting', 'queued', 'identified')
           AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = t.id)",
    ),
    (
        "the lead of a task is one of its jobs, if it has any and moves",
        "SELECT id FROM task t WHERE state NOT IN ('succeeded', 'failed', 'cancelled')
           AND EXISTS (SELECT 1 FROM job WHERE task_row = t.id)
           AND NOT EXISTS (SELECT 1 FROM job WHERE task_row = t.id AND id = t.lead_job)",
    ),
    (
        "an absent job is not created",
        "SELECT j.key FROM job j JOIN task t ON t.id = j.task_row
         WHERE j.absent_since_ms IS NOT NULL AND t.first_sent_at_ms IS NULL AND t.task_id IS NULL
           AND t.state IN ('waiting', 'queued', 'identified')",
    ),
    (
        "a task that was not created has the highest priority and the earliest not_before of its jobs",
        "SELECT t.id FROM task t JOIN job j ON j.task_row = t.id
         WHERE t.state IN ('waiting', 'queued', 'identified') GROUP BY t.id
         HAVING t.priority <> max(j.priority)
           OR coalesce(t.not_before_at_ms, 0) <> min(coalesce(j.not_before_at_ms, 0))",
    ),
    (
        "no two tasks are one task at Kling",
        "SELECT task_id FROM task WHERE task_id IS NOT NULL GROUP BY task_id HAVING count(*) > 1",
    ),
    (
        "whatever is not finished says what it waits for, and nothing else does",
        "SELECT key FROM job_overview WHERE (coalesce(waiting_for, '') = '') <> (finished_at IS NOT NULL)",
    ),
    (
        "a job has the task of its request, or is flagged, or a person accepted its result",
        "SELECT j.key FROM job j JOIN task t ON t.id = j.task_row
         WHERE j.absent_since_ms IS NULL AND j.changed_after_sent = 0 AND j.request_hash <> t.request_hash
           AND NOT EXISTS (SELECT 1 FROM job_history WHERE key = j.key AND what = 'dismissed')",
    ),
    (
        "a history is a chain from nothing to the state of its job",
        "SELECT key || ': ' || coalesce(earlier, 'nothing') || ' then ' || coalesce(from_state, 'nothing') FROM (
           SELECT key, from_state, lag(to_state) OVER (PARTITION BY key) AS earlier FROM job_history)
         WHERE earlier IS NOT from_state
         UNION ALL
         SELECT j.key || ' is ' || j.state FROM job j WHERE j.state <> (
           SELECT s.name FROM event e JOIN state s ON s.number = e.to_state WHERE e.job_id = j.id ORDER BY e.id DESC)",
    ),
];

/// What was in the table of tasks.
#[derive(Default)]
pub(super) struct Ledger {
    tasks: BTreeMap<i64, (String, u32, Option<String>)>,
}

impl Ledger {
    pub(super) fn check(&mut self, sql: &Connection, asked: &BTreeSet<(String, u32)>) {
        for (rule, query) in RULES {
            let mut statement = sql.prepare(query).unwrap();
            let broken = statement
                .query_map([], |row| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(0)?)));
            let broken: Vec<String> = broken.unwrap().map(Result::unwrap).collect();
            assert!(broken.is_empty(), "{rule}: {broken:?}");
        }
        super::super::counts::assert_true(sql);
        self.check_tasks(sql);
        for (request_hash, take, _) in self.tasks.values() {
            let was_asked = *take == 1 || asked.contains(&(request_hash.clone(), *take));
            assert!(was_asked, "nobody asked for take {take} of {request_hash}");
        }
    }

    /// No task is deleted, or becomes that of another request; what Kling accepted stays accepted.
    fn check_tasks(&mut self, sql: &Connection) {
        let mut now = BTreeMap::new();
        let mut statement =
            sql.prepare("SELECT id, request_hash, take, task_id FROM task").unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let task = (row.get(1).unwrap(), row.get(2).unwrap(), row.get(3).unwrap());
            now.insert(row.get(0).unwrap(), task);
        }
        for (id, (request_hash, take, task_id)) in &self.tasks {
            let (hash_now, take_now, id_now): &(String, u32, Option<String>) = &now[id];
            assert_eq!((hash_now, take_now), (request_hash, take));
            assert!(task_id.is_none() || id_now.is_some(), "task {id} is no longer accepted");
        }
        self.tasks = now;
    }
}
