//! Reads and writes the complete row of a task.

use std::sync::{LazyLock, OnceLock};

use rusqlite::{Connection, Row, named_params};

use super::{
    StoreError,
    reason::without_numbers,
    spec_columns,
    sql::{Bound, Hex, Sql as _, lists},
};
use crate::job::{
    Cost, CreateAnswer, CreateAttempt, Failure, Plan, Resend, ResultFile, Session, State, Task,
};

/// The columns of the progress, in the order in which they are read.
const PROGRESS: &str = "t.state, t.due_at_ms, t.tries, t.failing_since_ms, t.sessions_lost,
  t.sessions_after_ms, t.wait_reason, t.session_row, t.face_id, t.plan_start_ms, t.plan_end_ms,
  t.plan_insert_ms, a.host, t.first_sent_at_ms, t.sent_at_ms, t.sends, t.task_id, t.units_micro,
  t.error_code, t.error, t.result_bytes, t.result_sha256, t.result_ms, a.key, t.create_answer,
  t.create_error_code, t.create_error, t.slot_released, t.resend, t.may_resend, t.output_blocked,
  t.money_micro, ";
/// The number of columns before the progress, and before the later groups.
const HEAD: usize = 11;
const SPEC: usize = HEAD + 32;
const TAIL: usize = SPEC + spec_columns::COUNT;

/// Selects complete tasks. `WHERE …` follows, and an INDEXED BY clause may replace `{index}`.
static SELECT: LazyLock<String> = LazyLock::new(|| {
    let spec = spec_columns::of_table("t");
    format!(
        "SELECT t.id, t.revision, t.request_hash, t.take, t.external_task_id, t.lead_job, t.turn,
           t.media_dir, l.task_row IS NOT t.id, l.key, l.earlier_task_row IS NOT NULL, {PROGRESS}{spec},
           l.name, l.asked_output, l.delivered_sha256, l.delivered_bytes, s.session_id, s.identified_at_ms, s.expires_at_ms,
           t.created_at_ms
         FROM task t{{index}} JOIN job l ON l.id = t.lead_job LEFT JOIN session s ON s.id = t.session_row
         LEFT JOIN account a ON a.id = t.account_row "
    )
});

/// Returns the statement that selects the tasks which match `condition`, with the index if one is named. Without a
/// name, SQLite would choose the index on the state, which may have a million tasks.
pub(super) fn select(index: Option<&str>, condition: &str) -> String {
    let index = index.map(|index| format!(" INDEXED BY {index}")).unwrap_or_default();
    SELECT.replace("{index}", &index) + condition
}

pub(super) fn one(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Option<Task>, StoreError> {
    let sql = select(None, condition);
    connection.first(&sql, parameters, read)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    let (mut spec, media) = spec_columns::read(row, SPEC)?;
    let is_superseded: bool = row.get(8)?;
    spec.key = row.get(9)?;
    spec.take = Some(row.get(3)?);
    spec.id = row.get(TAIL)?;
    spec.output = row.get(TAIL + 1)?;
    let at = |column: usize| HEAD + column;
    let failure: Option<String> = row.get(at(18))?;
    let lead_file: Option<Hex<String>> = row.get(TAIL + 2)?;
    Ok(Task {
        id: row.get(0)?,
        revision: row.get(1)?,
        state: row.get(at(0))?,
        request_hash: row.get(2)?,
        take: row.get(3)?,
        name: row.get(4)?,
        lead: row.get(5)?,
        lead_file: match lead_file {
            Some(Hex(sha256)) => Some((sha256, row.get::<_, i64>(TAIL + 3)?.unsigned_abs())),
            None => None,
        },
        has_earlier_task: row.get(10)?,
        is_superseded,
        turn: row.get(6)?,
        media_dir: row.get(7)?,
        spec,
        media,
        due_at_ms: row.get(at(1))?,
        tries: row.get(at(2))?,
        failing_since_ms: row.get(at(3))?,
        sessions_lost: row.get(at(4))?,
        sessions_after_ms: row.get(at(5))?,
        wait_reason: row.get(at(6))?,
        may_resend: row.get(at(29))?,
        output_blocked: row.get(at(30))?,
        session: session(row)?,
        plan: plan(row)?,
        create: create(row)?,
        slot_released: row.get(at(27))?,
        resend: match row.get::<_, Option<String>>(at(28))?.as_deref() {
            Some("sure") => Some(Resend::Sure),
            Some(_) => Some(Resend::Checked),
            None => None,
        },
        task_id: row.get(at(16))?,
        cost: Cost { units_micro: row.get(at(17))?, money_micro: row.get(at(31))? },
        failure: match failure {
            Some(code) => Some(Failure { code, message: row.get(at(19))? }),
            None => None,
        },
        result: result(row)?,
        created_at_ms: row.get(TAIL + 7)?,
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<Option<Session>> {
    let Some(session_id) = row.get(TAIL + 4)? else { return Ok(None) };
    Ok(Some(Session {
        row: row.get(HEAD + 7)?,
        session_id,
        identified_at_ms: row.get(TAIL + 5)?,
        expires_at_ms: row.get(TAIL + 6)?,
    }))
}

fn plan(row: &Row<'_>) -> rusqlite::Result<Option<Plan>> {
    let Some(face_id) = row.get(HEAD + 8)? else { return Ok(None) };
    Ok(Some(Plan {
        face_id,
        sound_start_ms: row.get(HEAD + 9)?,
        sound_end_ms: row.get(HEAD + 10)?,
        sound_insert_ms: row.get(HEAD + 11)?,
    }))
}

fn create(row: &Row<'_>) -> rusqlite::Result<Option<CreateAttempt>> {
    let Some(first_sent_at_ms) = row.get(HEAD + 13)? else { return Ok(None) };
    let answer: Option<String> = row.get(HEAD + 24)?;
    let failure: Option<String> = row.get(HEAD + 26)?;
    Ok(Some(CreateAttempt {
        host: row.get::<_, Option<String>>(HEAD + 12)?.unwrap_or_default(),
        account: row.get::<_, Option<String>>(HEAD + 23)?.unwrap_or_default(),
        first_sent_at_ms,
        sent_at_ms: row.get(HEAD + 14)?,
        sends: row.get(HEAD + 15)?,
        answer: CreateAnswer::ALL
            .into_iter()
            .find(|known| Some(known.name()) == answer.as_deref())
            .unwrap_or_default(),
        failure: match failure {
            Some(message) => Some(Failure { code: row.get(HEAD + 25)?, message }),
            None => None,
        },
    }))
}

fn result(row: &Row<'_>) -> rusqlite::Result<Option<ResultFile>> {
    let Some(Hex(sha256)) = row.get(HEAD + 21)? else { return Ok(None) };
    let bytes: i64 = row.get(HEAD + 20)?;
    Ok(Some(ResultFile { bytes: bytes.unsigned_abs(), sha256, duration_ms: row.get(HEAD + 22)? }))
}

pub(super) fn insert(connection: &Connection, task: &Task, now_ms: i64) -> Result<i64, StoreError> {
    static SQL: OnceLock<String> = OnceLock::new();
    let own_take_id = task.spec.external_task_id.as_ref().map(|_| &task.name);
    let own = named_params! {
        ":request_hash": task.request_hash, ":take": task.take, ":state": task.state,
        ":lead_job": task.lead, ":turn": task.turn, ":media_dir": task.media_dir,
        ":own_take_id": own_take_id, ":due_at_ms": task.due_at_ms,
        ":sessions_after_ms": task.sessions_after_ms, ":created_at_ms": now_ms,
        ":updated_at_ms": now_ms,
    };
    spec_columns::with_bound(&task.spec, &task.media, own, |columns| {
        let sql = SQL.get_or_init(|| {
            let [names, values, _] = lists(columns);
            format!("INSERT INTO task ({names}) VALUES ({values})")
        });
        connection.changed_in_order(sql, columns)
    })?;
    Ok(connection.last_insert_rowid())
}

pub(super) fn update_request(connection: &Connection, task: &Task) -> Result<(), StoreError> {
    static SQL: OnceLock<String> = OnceLock::new();
    let own = named_params! { ":lead_job": task.lead, ":media_dir": task.media_dir };
    spec_columns::with_bound(&task.spec, &task.media, own, |columns| {
        let sql = SQL.get_or_init(|| {
            let [_, _, assignments] = lists(columns);
            format!("UPDATE task SET {assignments}, revision = revision + 1 WHERE id = :id")
        });
        connection.changed_in_order(sql, &[columns, named_params! { ":id": task.id }].concat())
    })?;
    Ok(())
}

/// Writes the progress of a task. Returns false, and writes nothing, if the row changed since it was read.
pub(super) fn update_progress(
    connection: &Connection,
    task: &Task,
    from: State,
    now_ms: i64,
) -> Result<bool, StoreError> {
    static SQL: OnceLock<[String; 2]> = OnceLock::new();
    let (plan, create) = (task.plan.as_ref(), task.create.as_ref());
    let (result, failure) = (task.result.as_ref(), task.failure.as_ref());
    let answer =
        create.map(|create| create.answer).filter(|answer| *answer != CreateAnswer::Unknown);
    let create_failure =
        create.filter(|_| task.task_id.is_none()).and_then(|create| create.failure.as_ref());
    let columns = named_params! {
        ":state": task.state, ":audio_ms": task.media.audio_ms, ":due_at_ms": task.due_at_ms,
        ":tries": task.tries, ":failing_since_ms": task.failing_since_ms,
        ":sessions_lost": task.sessions_lost, ":sessions_after_ms": task.sessions_after_ms,
        ":wait_reason": task.wait_reason, ":may_resend": task.may_resend,
        ":output_blocked": task.output_blocked, ":face_id": plan.map(|plan| &plan.face_id),
        ":plan_start_ms": plan.map(|plan| plan.sound_start_ms),
        ":plan_end_ms": plan.map(|plan| plan.sound_end_ms),
        ":plan_insert_ms": plan.map(|plan| plan.sound_insert_ms),
        ":first_sent_at_ms": create.map(|create| create.first_sent_at_ms),
        ":sent_at_ms": create.map(|create| create.sent_at_ms),
        ":sends": create.map(|create| create.sends),
        ":create_answer": answer.map(CreateAnswer::name),
        ":create_error_code": create_failure.map(|failure| &failure.code),
        ":create_error": create_failure.map(|failure| &failure.message),
        ":slot_released": task.slot_released, ":resend": task.resend.map(Resend::name),
        ":units_micro": task.cost.units_micro, ":money_micro": task.cost.money_micro,
        ":error_code": failure.map(|failure| &failure.code),
        ":error": failure.map(|failure| &failure.message),
        ":error_reason": failure.map(|failure| without_numbers(&failure.message)),
        ":result_bytes": result.map(|result| i64::try_from(result.bytes).unwrap_or(i64::MAX)),
        ":result_sha256": result.map(|result| Hex(&result.sha256)),
        ":result_ms": result.and_then(|result| result.duration_ms), ":updated_at_ms": now_ms,
    };
    let references = named_params! {
        ":task_id": task.task_id, ":session_row": task.session.as_ref().map(|session| session.row),
    };
    let account = named_params! {
        ":host": create.map(|create| &create.host), ":key": create.map(|create| &create.account),
    };
    let others = named_params! {
        ":from": from, ":ended_at_ms": task.state.is_finished().then_some(now_ms), ":id": task.id,
        ":revision": task.revision,
    };
    let [usual, complete] = SQL.get_or_init(|| progress_statements(columns));
    // In the other states, the task mostly has another session or id of Kling.
    let is_usual =
        !task.is_sending() && !matches!(task.state, State::Identified | State::Submitted);
    if is_usual {
        let bound = [columns, others, references].concat();
        if connection.changed_in_order(usual, &bound)? == 1 {
            return Ok(true);
        }
    }
    let bound = [columns, references, account, others].concat();
    Ok(connection.changed_in_order(complete, &bound)? == 1)
}

/// The first statement is for the usual case in which Kling's id, the session and the account stay the same: SQLite
/// does not touch their large indexes then. A create request is the only transition to another account.
fn progress_statements(columns: &Bound<'_>) -> [String; 2] {
    let [_, _, assignments] = lists(columns);
    let statement = |also: &str, and: &str| {
        format!(
            "UPDATE task SET {assignments}, {also} revision = revision + 1,
               ended_at_ms = CASE WHEN :state = :from THEN ended_at_ms ELSE :ended_at_ms END
             WHERE id = :id AND state = :from AND revision = :revision {and}"
        )
    };
    [
        statement(
            "",
            "AND task_id IS :task_id AND session_row IS :session_row
             AND (account_row IS NULL OR :first_sent_at_ms IS NOT NULL)",
        ),
        statement(
            "task_id = :task_id, session_row = :session_row,
             account_row = (SELECT id FROM account WHERE host = :host AND key = :key),",
            "",
        ),
    ]
}
