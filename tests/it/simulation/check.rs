//! The checker: what must hold after each run of the daemon, and when all is done. It reads the account's ledger,
//! the database and the output folder, and knows nothing of how the daemon works.

use std::collections::BTreeMap;

use lipsyncd::{
    job::Caps,
    sim::{LedgerEntry, Payment, SimTaskStatus, SimUnits},
};
use rusqlite::Connection;

use super::{
    check_folder::check_jobs,
    check_waiting::check_reasons,
    requests::{self, RequestKey},
    results::Results,
    world::World,
};

/// Every unfinished job has a waiting reason, no name was paid for twice, and the counts are true.
pub fn check_at_any_time(world: &World) {
    if !world.state_db().exists() {
        return;
    }
    world.read(|database| check_database(world, database));
}

fn check_database(world: &World, database: &Connection) {
    check_reasons(world, database);
    check_counts(world, database);
    check_names(world);
}

/// No name was accepted twice, unless a user decided to pay again.
fn check_names(world: &World) {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for LedgerEntry { external_task_id, task_id, .. } in world.ledger() {
        by_name.entry(external_task_id.unwrap_or_default()).or_default().push(task_id);
    }
    let paid_again = world.paid_again.lock().unwrap();
    for (name, task_ids) in by_name {
        if task_ids.len() > 1 + paid_again.get(&name).copied().unwrap_or(0) {
            world.report_violation(format!("{name} was paid for twice: {task_ids:?}"));
        }
    }
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
    wrong.iter().for_each(|what| world.report_violation(format!("wrong count: {what}")));
}

/// All is done: each request is paid once per take, each accepted task is delivered or its failure shown, and each
/// job of the folder has what its manifest asks.
pub fn check_at_the_end(world: &World) {
    world.read(|database| check_all(world, database));
}

fn check_all(world: &World, database: &Connection) {
    let health = texts(database, "PRAGMA integrity_check");
    if health != ["ok"] {
        world.report_violation(format!("the database is damaged: {health:?}"));
    }
    let ledger = world.ledger();
    let request_keys = request_keys(world, &ledger);
    let results = Results::read(world, &ledger);
    check_paid_once(world, &ledger, &request_keys);
    check_tasks(world, database, &ledger, &results);
    check_jobs(world, database, &request_keys, &results);
    check_history(world, database);
    check_money(world, database, &ledger);
}

/// The request key of each task of the ledger, by its id.
fn request_keys<'l>(world: &World, ledger: &'l [LedgerEntry]) -> BTreeMap<&'l str, RequestKey> {
    let sent = world.requests.lock().unwrap();
    let mut all = BTreeMap::new();
    for task in ledger {
        let request = &sent[&task.body_digest];
        match requests::request_key_of(request, &task.video) {
            Some(request_key) => _ = all.insert(task.task_id.as_str(), request_key),
            None => world.report_violation(format!(
                "task {} has an audio file that nobody wrote",
                task.task_id
            )),
        }
    }
    all
}

/// There is at most one task per request and take, and only for takes that users asked for.
fn check_paid_once(
    world: &World,
    ledger: &[LedgerEntry],
    request_keys: &BTreeMap<&str, RequestKey>,
) {
    let (requested, retried) = (world.requested.lock().unwrap(), world.retried.lock().unwrap());
    let mut bases: BTreeMap<&RequestKey, &str> = BTreeMap::new();
    for task in ledger {
        let Some(request_key) = request_keys.get(task.task_id.as_str()) else { continue };
        let name = task.external_task_id.as_deref().unwrap_or_default();
        let base = *bases.entry(request_key).or_insert(requests::base_of(name));
        if base != requests::base_of(name) {
            world.report_violation(format!("{request_key} is paid for as {base} and as {name}"));
        }
        let take = requests::take_of(name);
        let is_requested = requested.get(request_key).is_some_and(|takes| takes.contains(&take));
        if !is_requested && !retried.contains(name) {
            world.report_violation(format!(
                "nobody asked for {request_key}, take {take}, of task {name}"
            ));
        }
    }
}

/// Every paid task is known, and its result is on disk.
fn check_tasks(world: &World, database: &Connection, ledger: &[LedgerEntry], results: &Results) {
    let lost_database = *world.lost_database.lock().unwrap();
    let paid_again = world.paid_again.lock().unwrap();
    for task in ledger {
        // Of several tasks that a user asked for, one is known.
        if task.external_task_id.as_ref().is_some_and(|name| paid_again.contains_key(name)) {
            continue;
        }
        let id = &task.task_id;
        if task.status == SimTaskStatus::Succeed && !results.has(task) && !lost_database {
            world.report_violation(format!("the result of task {id} is not on disk"));
        }
        let sql = "SELECT state || ' ' || coalesce(error_code, '') FROM task WHERE task_id = ?1";
        let shown = database.query_row(sql, [id], |row| row.get::<_, String>(0));
        let shown = shown.unwrap_or_default();
        let is_shown = match task.status {
            SimTaskStatus::Succeed => shown == "succeeded ",
            SimTaskStatus::Failed => shown == "failed task_failed",
            SimTaskStatus::Submitted | SimTaskStatus::Processing => false,
        };
        if !(is_shown || lost_database && shown.is_empty()) {
            world.report_violation(format!(
                "task {id} is {:?}, and the database shows {shown:?}",
                task.status
            ));
        }
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
    broken.iter().for_each(|line| world.report_violation(format!("history breaks at {line}")));
}

/// The days' accounts hold what the API deducted.
fn check_money(world: &World, database: &Connection, ledger: &[LedgerEntry]) {
    if *world.lost_database.lock().unwrap() || !world.paid_again.lock().unwrap().is_empty() {
        return;
    }
    let sum = "SELECT coalesce(sum(tasks), 0), coalesce(sum(task_micro), 0), coalesce(sum(task_money_micro), 0) FROM spend";
    let (tasks, units, money): (i64, i64, i64) =
        database.query_row(sum, [], |row| row.try_into()).unwrap();
    if usize::try_from(tasks) != Ok(ledger.len()) {
        world
            .report_violation(format!("{tasks} tasks on the account, {} at the API", ledger.len()));
    }
    let (by_units, by_balance): (Vec<&LedgerEntry>, Vec<_>) =
        ledger.iter().partition(|task| task.payment == Payment::Units);
    let micro = |tasks: &[&LedgerEntry]| {
        1_000 * tasks.iter().map(|task| task.units).sum::<SimUnits>().thousandths()
    };
    let deducted = (micro(&by_units), micro(&by_balance));
    if (units, money) != deducted {
        world.report_violation(format!(
            "{units} units and {money} money (millionths) on the account, {deducted:?} at the API"
        ));
    }
    check_caps(world, database);
}

/// A day is above its cap by one task of unknown price at most. A task costs 2 here, an Identify Face 0.05.
fn check_caps(world: &World, database: &Connection) {
    let Caps { units_micro, money_micro } = world.settings.caps;
    for (cap_micro, columns) in [
        (units_micro, "identify_micro + task_micro"),
        (money_micro, "identify_money_micro + task_money_micro"),
    ] {
        let Some(cap_micro) = cap_micro.filter(|_| !world.sets_clock) else { continue };
        let most = cap_micro + 2_050_000;
        let over = format!("SELECT day || ': ' || ({columns}) FROM spend WHERE {columns} > {most}");
        texts(database, &over)
            .iter()
            .for_each(|day| world.report_violation(format!("over budget on {day}")));
    }
}

pub fn texts(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
