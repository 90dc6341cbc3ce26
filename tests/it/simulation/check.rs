//! The checker: what must hold after each life, and when all is done. It reads the account's ledger,
//! the database and the output folder, and knows nothing of how the daemon works.

use std::collections::BTreeMap;

use lipsyncd::sim::{Ledger, TaskStatus};
use rusqlite::Connection;

use super::world::World;

/// A job as the database tells it.
struct Row {
    key: String,
    state: String,
    task_id: Option<String>,
    external_task_id: String,
    output: String,
    error_code: String,
    error: String,
}

/// Every unfinished job says what it waits for; no name was paid for twice; no more tasks run than
/// there are slots.
pub fn check_at_any_time(world: &World) {
    let database = world.database();
    let silent: Vec<String> = texts(
        &database,
        "SELECT key || ' ' || state FROM job_overview
         WHERE state NOT IN ('succeeded', 'failed', 'cancelled') AND coalesce(waiting_for, '') = ''",
    );
    silent.iter().for_each(|job| world.accuse(format!("{job} does not say what it waits for")));
    let ledger = world.sim().ledger(world.time.true_ms());
    for twice in &ledger.paid_twice.external_task_ids {
        world.accuse(format!("{} was paid for twice: {:?}", twice.what, twice.task_ids));
    }
    let unresolved =
        texts(&database, "SELECT DISTINCT key FROM job_history WHERE to_state = 'unresolved'");
    let slots = world.settings.slots + unresolved.len();
    if ledger.at_once_max > slots {
        world.accuse(format!("{} tasks at once with {slots} slots", ledger.at_once_max));
    }
}

/// All is done: each job paid once for each attempt, each accepted task delivered or its failure told.
pub fn check_at_the_end(world: &World) {
    let database = world.database();
    let health = texts(&database, "PRAGMA integrity_check");
    if health != ["ok"] {
        world.accuse(format!("the database is damaged: {health:?}"));
    }
    let ledger = world.sim().ledger(world.time.true_ms());
    let rows = rows(&database);
    check_tasks(world, &database, &ledger, &rows);
    for row in &rows {
        check_row(world, &ledger, row);
    }
    check_history(world, &database);
    check_money(world, &database, &ledger);
}

/// Every task that was paid for is some attempt's of some job, and known to it.
fn check_tasks(world: &World, database: &Connection, ledger: &Ledger, rows: &[Row]) {
    let mut paid: BTreeMap<&str, usize> = BTreeMap::new();
    for task in &ledger.tasks {
        let name = task.external_task_id.as_deref().unwrap_or_default();
        let owner = rows.iter().find(|row| is_name_of(name, &row.external_task_id));
        let Some(owner) = owner else {
            world.accuse(format!("task {} of {name:?} is no job's", task.task_id));
            continue;
        };
        *paid.entry(&owner.key).or_default() += 1;
        let known =
            "SELECT count(*) FROM job_history WHERE key = ?1 AND what LIKE '%task ' || ?2 || '%'";
        let known: i64 =
            database.query_row(known, (&owner.key, &task.task_id), |row| row.get(0)).unwrap();
        if known == 0 {
            world.accuse(format!("{} does not know its task {}", owner.key, task.task_id));
        }
        if owner.task_id.as_ref() == Some(&task.task_id) {
            check_told(world, owner, task.status);
        }
    }
    let retries = world.retries.lock().unwrap();
    for (key, tasks) in paid {
        let attempts = 1 + retries.get(key).copied().unwrap_or(0);
        if tasks > attempts {
            world.accuse(format!("{key}: {tasks} tasks for {attempts} attempts"));
        }
    }
}

/// Whether `name` is that of the same or an earlier attempt as `newest`.
fn is_name_of(name: &str, newest: &str) -> bool {
    let base = |name: &str| match name.rsplit_once('-') {
        Some((base, attempt)) if attempt.len() == 1 => base.to_owned(),
        _ => name.to_owned(),
    };
    name == newest || base(name) == base(newest) || base(newest) == name
}

fn check_told(world: &World, row: &Row, status: TaskStatus) {
    let told = match status {
        TaskStatus::Succeed => row.state == "succeeded",
        TaskStatus::Failed => row.state == "failed" && row.error_code == "task_failed",
        TaskStatus::Submitted | TaskStatus::Processing => false,
    };
    if !told {
        let Row { key, state, error, .. } = row;
        world.accuse(format!("{key} is {state} ({error}), its task {status:?}"));
    }
}

fn check_row(world: &World, ledger: &Ledger, row: &Row) {
    let Row { key, state, error_code, error, .. } = row;
    match state.as_str() {
        "succeeded" => check_file(world, ledger, row),
        "failed" if error_code == "task_failed" => {}
        "failed" if world.weather.own_faults.lock().unwrap().contains(error_code) => {}
        "cancelled" => {}
        _ => world.accuse(format!("{key} ends as {state} ({error_code}: {error})")),
    }
}

/// The result is there, whole, and that of this very task.
fn check_file(world: &World, ledger: &Ledger, row: &Row) {
    let path = world.settings.output_dir.join(&row.output);
    let Ok(bytes) = std::fs::read(&path) else {
        return world.accuse(format!("{} succeeded without its file", row.key));
    };
    let task = ledger.tasks.iter().find(|task| Some(&task.task_id) == row.task_id.as_ref());
    let name = task.map(|task| format!("{}.mp4", task.result_id)).unwrap_or_default();
    let whole = world.sim().download(world.time.true_ms(), &name).map(|file| file.built());
    if whole.is_some_and(|whole| whole != bytes) {
        world.accuse(format!("{}: its file is not what its task made", row.key));
    }
    if !path.with_extension("json").exists() {
        world.accuse(format!("{} succeeded without its metadata", row.key));
    }
}

/// Each change begins where the one before it ended.
fn check_history(world: &World, database: &Connection) {
    let broken = texts(
        database,
        "SELECT j.key || ': event ' || e.id || ' from state ' || coalesce(e.from_state, 0) || ' after '
           || coalesce(e.before, 0) FROM
           (SELECT *, lag(to_state) OVER (PARTITION BY job_id ORDER BY id) AS before FROM event) e
         JOIN job j ON j.id = e.job_id WHERE e.from_state IS NOT e.before",
    );
    broken.iter().for_each(|line| world.accuse(format!("history breaks at {line}")));
}

/// The days' accounts hold what the API deducted.
fn check_money(world: &World, database: &Connection, ledger: &Ledger) {
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

fn rows(database: &Connection) -> Vec<Row> {
    let text = |row: &rusqlite::Row<'_>, name: &str| {
        row.get::<_, Option<String>>(name).map(Option::unwrap_or_default)
    };
    let mut all = database.prepare("SELECT * FROM job_overview ORDER BY key").unwrap();
    let rows = all.query_map([], |row| {
        Ok(Row {
            key: row.get("key")?,
            state: row.get("state")?,
            task_id: row.get("task_id")?,
            external_task_id: row.get("external_task_id")?,
            output: row.get("output")?,
            error_code: text(row, "error_code")?,
            error: text(row, "error")?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

pub fn texts(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
