//! The checker of the folder: each job has what its manifest asks for.

use std::collections::{BTreeMap, BTreeSet};

use lipsyncd::{sim::LedgerEntry, store::OnChange};
use rusqlite::Connection;

use super::{
    check::texts,
    folder::FolderJob,
    requests::{self, RequestKey},
    results::Results,
    world::World,
};

/// A job as the database shows it.
struct Row {
    key: String,
    state: String,
    output: String,
    error_code: String,
    error: String,
    changed_after_sent: bool,
}

/// Each job of the folder has what its manifest asks for now, or shows why not.
pub fn check_jobs(
    world: &World,
    database: &Connection,
    request_keys: &BTreeMap<&str, RequestKey>,
    results: &Results,
) {
    let rows = rows(database);
    let refused = texts(
        database,
        "SELECT path || ': ' || error FROM manifest WHERE state = 'refused' AND removed_at_ms IS NULL",
    );
    refused
        .iter()
        .for_each(|error| world.report_violation(format!("a manifest is refused: {error}")));
    let jobs = world.folder().jobs();
    for job in &jobs {
        match rows.get(&job.key) {
            Some(row) => check_job(world, job, row, request_keys, results),
            None => world.report_violation(format!("{} is not known", job.key)),
        }
    }
    let by_users = "cancelled";
    let cancelled =
        rows.values().filter(|row| row.state == "cancelled" && row.error_code == by_users);
    if cancelled.count() > *world.cancels.lock().unwrap() {
        world.report_violation("jobs are cancelled that nobody cancelled");
    }
    let open = ["succeeded", "failed", "cancelled"];
    for Row { key, state, error, .. } in rows.values() {
        if !open.contains(&state.as_str()) {
            world.report_violation(format!("{key} ends as {state}: {error}"));
        }
    }
}

fn check_job(
    world: &World,
    job: &FolderJob,
    row: &Row,
    request_keys: &BTreeMap<&str, RequestKey>,
    results: &Results,
) {
    let Row { key, state, error_code, error, .. } = row;
    match state.as_str() {
        "succeeded" => check_file(world, job, row, request_keys, results),
        "failed" if error_code == "task_failed" && job.request.fails() => {}
        "failed" if world.faults.job_failures.lock().unwrap().contains(error_code) => {}
        "cancelled" if error_code == "cancelled" => {}
        _ => world.report_violation(format!("{key} ends as {state} ({error_code}: {error})")),
    }
}

/// The file is there, complete, and what the manifest asks for.
fn check_file(
    world: &World,
    job: &FolderJob,
    row: &Row,
    request_keys: &BTreeMap<&str, RequestKey>,
    results: &Results,
) {
    let made_by = |task: &LedgerEntry| request_keys.get(task.task_id.as_str());
    let fits = |task: &&LedgerEntry| made_by(task) == job.request_key.as_ref();
    let mut at = results.tasks_at(&row.output);
    let Some(task) = results.tasks_at(&row.output).find(fits).or_else(|| at.next()) else {
        return world
            .report_violation(format!("{} succeeded without its file {}", row.key, row.output));
    };
    let has = made_by(task);
    let flagged = row.changed_after_sent
        && (world.on_change == OnChange::Flag || *world.cancels.lock().unwrap() > 0);
    if has != job.request_key.as_ref() {
        let accepted = job
            .request_key
            .as_ref()
            .is_some_and(|request_key| world.accepted.lock().unwrap().contains(request_key));
        if !flagged && !accepted {
            world.report_violation(format!(
                "{} asks for {:?} and has {has:?}",
                row.key, job.request_key
            ));
        }
        return;
    }
    let name = task.external_task_id.as_deref().unwrap_or_default();
    let take = requests::take_of(name);
    let retried: BTreeSet<String> = world.retried.lock().unwrap().clone();
    let was_retried =
        retried.iter().any(|other| requests::base_of(other) == requests::base_of(name));
    let was_taken_back = was_retried || *world.cancels.lock().unwrap() > 0;
    if job.request.take.is_some_and(|wanted| wanted != take) && !was_taken_back {
        world.report_violation(format!(
            "{} asks for take {:?} and has take {take}",
            row.key, job.request.take
        ));
    }
    if job.request.watermark && !results.has_watermark(&row.output) {
        world.report_violation(format!("{} has no watermarked result", row.key));
    }
}

fn rows(database: &Connection) -> BTreeMap<String, Row> {
    let text = |row: &rusqlite::Row<'_>, name: &str| {
        row.get::<_, Option<String>>(name).map(Option::unwrap_or_default)
    };
    let mut all = database.prepare("SELECT * FROM job_overview ORDER BY key").unwrap();
    let rows = all.query_map([], |row| {
        Ok(Row {
            key: row.get("key")?,
            state: row.get("state")?,
            output: row.get("output")?,
            error_code: text(row, "error_code")?,
            error: text(row, "error")?,
            changed_after_sent: row.get("changed_after_sent")?,
        })
    });
    rows.unwrap().map(Result::unwrap).map(|row| (row.key.clone(), row)).collect()
}
