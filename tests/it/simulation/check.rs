//! The checker: what must hold after each life, and when all is done. It reads the account's ledger,
//! the database and the output folder, and knows nothing of how the daemon works.

use std::collections::{BTreeMap, BTreeSet};

use lipsyncd::{
    sim::{Ledger, TaskStatus},
    store::OnChange,
};
use rusqlite::Connection;

use super::{
    asked::{self, Made},
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

/// Every unfinished job says what it waits for; no name was paid for twice; no more tasks run than
/// there are slots; the counts are true.
pub fn check_at_any_time(world: &World) {
    if !world.state_db().exists() {
        return;
    }
    world.read(|database| check_database(world, database));
}

fn check_database(world: &World, database: &Connection) {
    let silent: Vec<String> = texts(
        database,
        "SELECT key || ' ' || state FROM job_overview
         WHERE state NOT IN ('succeeded', 'failed', 'cancelled') AND coalesce(waiting_for, '') = ''",
    );
    silent.iter().for_each(|job| world.accuse(format!("{job} does not say what it waits for")));
    check_counts(world, database);
    let ledger = world.sim().ledger(world.time.true_ms());
    for twice in &ledger.paid_twice.external_task_ids {
        world.accuse(format!("{} was paid for twice: {:?}", twice.what, twice.task_ids));
    }
    let unresolved =
        texts(database, "SELECT DISTINCT key FROM job_history WHERE to_state = 'unresolved'");
    let slots = world.settings.slots + unresolved.len();
    if ledger.at_once_max > slots && !*world.lost_database.lock().unwrap() {
        world.accuse(format!("{} tasks at once with {slots} slots", ledger.at_once_max));
    }
}

/// Nothing goes wrong any more: what waited for its time has begun.
pub fn check_in_time(world: &World) {
    let late_ms = world.time.wall_ms() - 60_000;
    let sql = format!(
        "SELECT external_task_id FROM task WHERE state = 'waiting' AND due_at_ms < {late_ms}"
    );
    let late = world.read(|database| texts(database, &sql));
    late.iter().for_each(|task| world.accuse(format!("{task} still waits for its time")));
}

fn check_counts(world: &World, database: &Connection) {
    let wrong = texts(
        database,
        "SELECT name || ' is counted ' || jobs FROM state
           WHERE jobs <> (SELECT count(*) FROM job WHERE job.state = state.name)
         UNION ALL
         SELECT path || ' counts ' || jobs || ' jobs' FROM manifest m
           WHERE (jobs, succeeded, failed, cancelled, unresolved) <> (SELECT count(*),
             coalesce(sum(state = 'succeeded'), 0), coalesce(sum(state = 'failed'), 0),
             coalesce(sum(state = 'cancelled'), 0), coalesce(sum(state = 'unresolved'), 0)
             FROM job WHERE manifest_id = m.id)
         UNION ALL
         SELECT 'manifests are counted ' || manifests_accepted || ' and ' || manifests_refused FROM daemon_state
           WHERE (manifests_accepted, manifests_refused) <> (SELECT coalesce(sum(state = 'accepted'), 0),
             coalesce(sum(state = 'refused'), 0) FROM manifest WHERE removed_at_ms IS NULL)",
    );
    wrong.iter().for_each(|what| world.accuse(format!("wrong count: {what}")));
}

/// All is done: each request is paid once per take, each accepted task is delivered or its failure shown, and each
/// job of the folder has what its manifest asks.
pub fn check_at_the_end(world: &World) {
    world.read(|database| check_all(world, database));
}

fn check_all(world: &World, database: &Connection) {
    let health = texts(database, "PRAGMA integrity_check");
    if health != ["ok"] {
        world.accuse(format!("the database is damaged: {health:?}"));
    }
    let ledger = world.sim().ledger(world.time.true_ms());
    let made = made(world, &ledger);
    let results = Results::read(world, &ledger);
    check_paid_once(world, &ledger, &made);
    check_tasks(world, database, &ledger, &results);
    check_wishes(world, database, &made, &results);
    check_history(world, database);
    check_money(world, database, &ledger);
}

/// What each task of the ledger makes, by its id.
fn made<'l>(world: &World, ledger: &'l Ledger) -> BTreeMap<&'l str, Made> {
    let sent = world.sent.lock().unwrap();
    let mut all = BTreeMap::new();
    for task in &ledger.tasks {
        let request = &sent[&task.body_digest];
        match asked::made_of(request, &task.video) {
            Some(made) => _ = all.insert(task.task_id.as_str(), made),
            None => world.accuse(format!("task {} has a sound that nobody wrote", task.task_id)),
        }
    }
    all
}

/// Per request and take at most one task, and only takes that people asked for.
fn check_paid_once(world: &World, ledger: &Ledger, made: &BTreeMap<&str, Made>) {
    let (asked, retried) = (world.asked.lock().unwrap(), world.retried.lock().unwrap());
    let mut bases: BTreeMap<&Made, &str> = BTreeMap::new();
    for task in &ledger.tasks {
        let Some(made) = made.get(task.task_id.as_str()) else { continue };
        let name = task.external_task_id.as_deref().unwrap_or_default();
        let base = *bases.entry(made).or_insert(asked::base_of(name));
        if base != asked::base_of(name) {
            world.accuse(format!("{made} is paid for as {base} and as {name}"));
        }
        let take = asked::take_of(name);
        let is_asked = asked.get(made).is_some_and(|takes| takes.contains(&take));
        if !is_asked && !retried.contains(name) {
            world.accuse(format!("nobody asked for {made}, take {take}, of task {name}"));
        }
    }
}

/// Every task that was paid for is known, and what it made is on disk.
fn check_tasks(world: &World, database: &Connection, ledger: &Ledger, results: &Results) {
    let lost_database = *world.lost_database.lock().unwrap();
    for task in &ledger.tasks {
        let id = &task.task_id;
        if task.status == TaskStatus::Succeed && !results.has(task) && !lost_database {
            world.accuse(format!("the result of task {id} is not on disk"));
        }
        let told = "SELECT state || ' ' || coalesce(error_code, '') FROM task WHERE task_id = ?1";
        let told = database.query_row(told, [id], |row| row.get::<_, String>(0));
        let told = told.unwrap_or_default();
        let is_told = match task.status {
            TaskStatus::Succeed => told == "succeeded ",
            TaskStatus::Failed => told == "failed task_failed",
            TaskStatus::Submitted | TaskStatus::Processing => false,
        };
        if !(is_told || lost_database && told.is_empty()) {
            world.accuse(format!("task {id} is {:?}, and the database says {told:?}", task.status));
        }
    }
}

/// Each job of the folder has what its manifest asks now, or says why not.
fn check_wishes(
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
    let Some(task) = results.task_at(&row.output) else {
        return world.accuse(format!("{} succeeded without its file {}", row.key, row.output));
    };
    let has = made.get(task.task_id.as_str());
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

/// Each change begins where the one before it ended.
fn check_history(world: &World, database: &Connection) {
    let broken = texts(
        database,
        "SELECT j.key || ': event ' || e.id || ' from state ' || coalesce(e.from_state, 0) || ' after '
           || coalesce(e.before, 0) FROM
           (SELECT *, lag(to_state) OVER (PARTITION BY job_id ORDER BY id) AS before FROM event) e
         JOIN job j ON j.id = e.job_id WHERE e.from_state IS NOT e.before
         UNION ALL
         SELECT j.key || ': is ' || j.state || ', its history ends with another state' FROM job j
         WHERE (SELECT number FROM state WHERE name = j.state)
           IS NOT (SELECT to_state FROM event WHERE job_id = j.id ORDER BY id DESC LIMIT 1)",
    );
    broken.iter().for_each(|line| world.accuse(format!("history breaks at {line}")));
}

/// The days' accounts hold what the API deducted.
fn check_money(world: &World, database: &Connection, ledger: &Ledger) {
    if *world.lost_database.lock().unwrap() {
        return;
    }
    let sum = "SELECT coalesce(sum(tasks), 0), coalesce(sum(task_units), 0) FROM spend_by_day";
    let (tasks, units): (usize, f64) = database
        .query_row(sum, [], |row| Ok((row.get::<_, i64>(0)? as usize, row.get(1)?)))
        .unwrap();
    if tasks != ledger.tasks.len() {
        world.accuse(format!("{tasks} tasks on the account, {} at the API", ledger.tasks.len()));
    }
    let deducted = ledger.task_units.thousandths() as f64 / 1e3;
    if (units - deducted).abs() > 1e-6 {
        world.accuse(format!("{units} units on the account, {deducted} at the API"));
    }
    let Some(cap_micro) = world.settings.units_per_day_micro.filter(|_| !world.sets_clock) else {
        return;
    };
    // A task costs 2 units here, an Identify Face 0.05.
    let in_flight = 2 * world.settings.slots + 1;
    let most = cap_micro as f64 / 1e6 + in_flight as f64;
    let over = format!("SELECT day || ': ' || units FROM spend_by_day WHERE units > {most}");
    let unresolved = texts(database, "SELECT what FROM job_history WHERE to_state = 'unresolved'");
    if unresolved.is_empty() {
        texts(database, &over).iter().for_each(|day| world.accuse(format!("over budget on {day}")));
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

pub fn texts(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
