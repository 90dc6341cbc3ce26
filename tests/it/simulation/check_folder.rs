//! The checker of the folder: each job that a manifest asks for has what it asks.

use std::collections::{BTreeMap, BTreeSet};

use lipsyncd::{sim::LedgerEntry, store::OnChange};
use rusqlite::Connection;

use super::{
    asked::{self, Made},
    check::texts,
    folder::Wish,
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

/// Each job of the folder has what its manifest asks now, or says why not.
pub fn check_wishes(
    world: &World,
    database: &Connection,
    made: &BTreeMap<&str, Made>,
    results: &Results,
) {
    let rows = rows(database);
    let refused = texts(
        database,
        "SELECT path || ': ' || error FROM manifest WHERE state = 'refused' AND removed_at_ms IS NULL",
    );
    refused.iter().for_each(|error| world.accuse(format!("a manifest is refused: {error}")));
    let wishes = world.folder().wishes();
    for wish in &wishes {
        match rows.get(&wish.key) {
            Some(row) => check_wish(world, wish, row, made, results),
            None => world.accuse(format!("{} is not known", wish.key)),
        }
    }
    let by_people = "cancelled";
    let cancelled =
        rows.values().filter(|row| row.state == "cancelled" && row.error_code == by_people);
    if cancelled.count() > *world.cancels.lock().unwrap() {
        world.accuse("jobs are cancelled that nobody cancelled");
    }
    let open = ["succeeded", "failed", "cancelled"];
    for Row { key, state, error, .. } in rows.values() {
        if !open.contains(&state.as_str()) {
            world.accuse(format!("{key} ends as {state}: {error}"));
        }
    }
}

fn check_wish(
    world: &World,
    wish: &Wish,
    row: &Row,
    made: &BTreeMap<&str, Made>,
    results: &Results,
) {
    let Row { key, state, error_code, error, .. } = row;
    match state.as_str() {
        "succeeded" => check_file(world, wish, row, made, results),
        "failed" if error_code == "task_failed" && wish.ask.fails() => {}
        "failed" if world.faults.own_faults.lock().unwrap().contains(error_code) => {}
        "cancelled" if error_code == "cancelled" => {}
        _ => world.accuse(format!("{key} ends as {state} ({error_code}: {error})")),
    }
}

/// The file is there, complete, and what the manifest asks.
fn check_file(
    world: &World,
    wish: &Wish,
    row: &Row,
    made: &BTreeMap<&str, Made>,
    results: &Results,
) {
    let made_by = |task: &LedgerEntry| made.get(task.task_id.as_str());
    let fits = |task: &&LedgerEntry| made_by(task) == wish.made.as_ref();
    let mut at = results.tasks_at(&row.output);
    let Some(task) = results.tasks_at(&row.output).find(fits).or_else(|| at.next()) else {
        return world.accuse(format!("{} succeeded without its file {}", row.key, row.output));
    };
    let has = made_by(task);
    let flagged = row.changed_after_sent
        && (world.on_change == OnChange::Flag || *world.cancels.lock().unwrap() > 0);
    if has != wish.made.as_ref() {
        let accepted =
            wish.made.as_ref().is_some_and(|made| world.accepted.lock().unwrap().contains(made));
        if !flagged && !accepted {
            world.accuse(format!("{} asks for {:?} and has {has:?}", row.key, wish.made));
        }
        return;
    }
    let name = task.external_task_id.as_deref().unwrap_or_default();
    let take = asked::take_of(name);
    let retried: BTreeSet<String> = world.retried.lock().unwrap().clone();
    let was_retried = retried.iter().any(|other| asked::base_of(other) == asked::base_of(name));
    let was_taken_back = was_retried || *world.cancels.lock().unwrap() > 0;
    if wish.ask.take.is_some_and(|wanted| wanted != take) && !was_taken_back {
        world.accuse(format!("{} asks for take {:?} and has take {take}", row.key, wish.ask.take));
    }
    if wish.ask.watermark && !results.has_watermark(&row.output) {
        world.accuse(format!("{} has no watermarked result", row.key));
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
