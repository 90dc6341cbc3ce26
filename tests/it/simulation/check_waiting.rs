//! The checker of waiting jobs: each has a true reason, no slot is held by a task that Kling does not show, and a person
//! is asked only where the account's answers cannot decide.

use std::time::Duration;

use lipsyncd::{
    job::{RESEND_READY, SLOT_KEPT_MS},
    sim::{LedgerEntry, SimTaskStatus},
};
use rusqlite::Connection;
use tokio::time::Instant;

use super::{check::texts, world::World};

/// A lookup is repeated within `retry.max`, and its result is recorded then.
const LOOKED_AGAIN_MS: i64 = 10 * 60_000;
/// A task that was not shown for long is asked for each hour.
const SEEN_BY_MS: i64 = 2 * 3_600_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// The waiting reason of an unfinished job.
struct Waiting {
    key: String,
    state: String,
    name: String,
    waiting_for: String,
}

/// Every unfinished job has a waiting reason, and it is true.
pub fn check_reasons(world: &World, database: &Connection) {
    let waiting = waiting(database);
    if waiting.is_empty() {
        return;
    }
    let ledger = world.ledger();
    for Waiting { key, state, name, waiting_for } in waiting {
        if waiting_for.is_empty() {
            world.report_violation(format!("{key} ({state}) has no waiting reason"));
        }
        let exists = ledger.iter().any(|task| task.external_task_id.as_ref() == Some(&name));
        if waiting_for == RESEND_READY && exists {
            world.report_violation(format!("{key} waits for what is not true: {waiting_for}"));
        }
        let is_paused = world.paused.lock().unwrap().is_some();
        if waiting_for.contains("paused: a person") && !is_paused {
            world.report_violation(format!(
                "{key} waits for an end of a pause that is over: {waiting_for}"
            ));
        }
    }
}

/// There have been no faults since `began`: jobs whose time has come have begun, tasks that Kling shows are known, and
/// tasks that Kling does not show hold no slot.
pub fn check_in_time(world: &World, began: Instant) {
    let late_ms = world.time.wall_ms() - 60_000;
    let sql = format!(
        "SELECT external_task_id FROM task WHERE state = 'waiting' AND due_at_ms < {late_ms}"
    );
    let late = world.read(|database| texts(database, &sql));
    late.iter().for_each(|task| world.report_violation(format!("{task} still waits for its time")));
    if began.elapsed() > HOUR && !world.sets_clock {
        check_slots(world);
    }
    if began.elapsed() > HOUR * 2 {
        check_seen(world);
    }
}

const SLOTS: &str =
    "SELECT slots_used, (SELECT count(*) FROM task WHERE state = 'creating' AND may_resend)
    FROM queue_status";

/// No more slots are held than tasks run or may still be accepted, or are sent again when the queue resumes: until then,
/// nothing else needs their slots.
fn check_slots(world: &World) {
    let kept_ms = SLOT_KEPT_MS + LOOKED_AGAIN_MS;
    let now_ms = world.time.true_ms();
    let host = world.account_ref().host;
    let tasks = world.sim(host).ledger(now_ms).tasks;
    let may_hold = |task: &&LedgerEntry| {
        task.ended_at_ms.is_none_or(|ended_at_ms| now_ms - ended_at_ms < kept_ms)
    };
    let sent_lately = world.sent.lock().unwrap();
    let kept = Duration::from_millis(kept_ms.unsigned_abs());
    let sent = sent_lately.values().filter(|sent| sent.at.elapsed() < kept).count();
    let most = tasks.iter().filter(may_hold).count() + sent;
    let (used, to_resend): (i64, i64) = world.read(|database| {
        let mut slots = database.prepare_cached(SLOTS).unwrap();
        slots.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    });
    if used > i64::try_from(most).unwrap() + to_resend {
        world.report_violation(format!(
            "{used} slots are held, and {most} tasks run or were sent lately"
        ));
    }
}

/// No task that has run for long at this host, and that Kling shows by its id, is reported as not shown.
fn check_seen(world: &World) {
    let (host, now_ms) = (world.account_ref().host, world.time.true_ms());
    let mut tasks = world.sim(host).ledger(now_ms).tasks;
    tasks.retain(|task| now_ms - task.accepted_at_ms > SEEN_BY_MS);
    for Waiting { key, waiting_for, .. } in world.read(waiting) {
        let unseen = waiting_for.contains("Kling does not show task");
        let id = waiting_for
            .strip_prefix("Kling does not show task ")
            .and_then(|rest| rest.split([' ', ':']).next());
        let is_shown = id.is_some_and(|id| tasks.iter().any(|task| task.task_id == id));
        if unseen && is_shown {
            world.report_violation(format!("{key} waits for what is not true: {waiting_for}"));
        }
    }
}

/// A person is about to decide, because the daemon did not find out. Kling must not have shown the task under its name,
/// either by a lookup or in the list.
pub fn check_left_to_users(world: &World, key: &str) {
    let sql = "SELECT t.external_task_id FROM task t JOIN job j ON j.id = t.lead_job
        WHERE t.state = 'unresolved' AND j.key = ?1";
    let names = world.read(|database| {
        let mut names = database.prepare_cached(sql).unwrap();
        let names = names.query_map([key], |row| row.get::<_, String>(0)).unwrap();
        names.map(Result::unwrap).collect::<Vec<_>>()
    });
    let sim = world.sim(world.account_ref().host);
    let (config, tasks) = (sim.config(), sim.ledger(world.time.true_ms()).tasks);
    let shows_names = config.answers_external_lookups || config.list_shows_external_ids;
    for name in names {
        // For a name that a person chose, only the video shows whose task it is.
        let shows_videos = config.shows_sent_videos && !config.odd_answers.no_parent_video;
        let is_comparable = shows_videos || !name.starts_with("own-");
        let mut exists = tasks.iter().filter(|task| task.status != SimTaskStatus::Submitted);
        if shows_names
            && is_comparable
            && exists.any(|task| task.external_task_id.as_ref() == Some(&name))
        {
            world.report_violation(format!("{key} is left to a person, and Kling shows {name}"));
        }
    }
}

fn waiting(database: &Connection) -> Vec<Waiting> {
    let sql = "SELECT key, state, coalesce(external_task_id, ''), coalesce(waiting_for, '') FROM job_overview
        WHERE state NOT IN ('succeeded', 'failed', 'cancelled')";
    let mut statement = database.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let (key, state) = (row.get(0)?, row.get(1)?);
        Ok(Waiting { key, state, name: row.get(2)?, waiting_for: row.get(3)? })
    });
    rows.unwrap().map(Result::unwrap).collect()
}
