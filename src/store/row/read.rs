//! Reading a job off its row.
//!
//! Owns the order in which the columns of `job` are read; each is read by its place, which is looked up
//! while compiling.

use std::collections::BTreeMap;

use rusqlite::{Row, types::Type};

use crate::job::{
    Create, Delivered, FaceChoice, Failure, Job, JobSpec, Media, Plan, Session, Source,
};

/// Makes [`COLUMNS`] and [`SELECT_JOB`] of one list of columns of `job`.
macro_rules! read_in_this_order {
    ($($column:literal)+) => {
        /// What [`job_from_row`] reads of `job`, in the order of [`SELECT_JOB`].
        const COLUMNS: &[&str] = &[$($column),+];

        /// All that [`job_from_row`] reads. Follow it by `WHERE …`.
        pub(in crate::store) const SELECT_JOB: &str = concat!(
            "SELECT ",
            $("j.", $column, ", ",)+
            "s.session_id AS session_name, s.identified_at_ms AS session_identified_at_ms, ",
            "s.expires_at_ms AS session_expires_at_ms\n",
            "FROM job j LEFT JOIN session s ON s.id = j.session_row ",
        );
    };
}

read_in_this_order! {
    "id" "revision" "state" "attempt" "turn"
    "key" "name" "video_kind" "video" "audio_kind" "audio" "face_kind" "face" "sound_start_ms"
    "sound_end_ms" "sound_insert_ms" "sound_volume" "original_audio_volume" "watermark"
    "callback_url" "own_task_id" "output" "priority" "not_before_at_ms"
    "media_missing" "sound_ms" "sound_print" "video_ms" "video_print" "video_url"
    "external_base" "due_at_ms" "tries" "failing_since_ms" "sessions_lost" "waits" "session_row"
    "face_id" "plan_start_ms" "plan_end_ms" "plan_insert_ms"
    "account" "first_sent_at_ms" "sent_at_ms" "sends" "sound_sha256"
    "task_id" "units_micro" "error_code" "error" "result_bytes" "result_sha256" "result_ms"
    "changed_since"
    // Of use beside the job.
    "manifest_id" "meaning" "left_at_ms"
}

/// Where the columns of its session stand behind [`COLUMNS`].
const SESSION: usize = COLUMNS.len();

/// Where a column stands in a row of [`SELECT_JOB`]. Asked while compiling: a name that is not there
/// does not compile, and no name is looked for in a million rows.
const fn place(column: &str) -> usize {
    let mut place = 0;
    while place < COLUMNS.len() {
        if is_same(COLUMNS[place].as_bytes(), column.as_bytes()) {
            return place;
        }
        place += 1;
    }
    panic!("no such column is read")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Reads a column of a row of [`SELECT_JOB`] by its place.
macro_rules! read {
    ($row:expr, $column:literal) => {
        $row.get(const { place($column) })
    };
}

/// Reads a job; its labels are left empty, see [`labels`](super::labels).
pub(in crate::store) fn job_from_row(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: read!(row, "id")?,
        revision: read!(row, "revision")?,
        state: parsed_at(row, const { place("state") })?,
        attempt: read!(row, "attempt")?,
        turn: read!(row, "turn")?,
        spec: spec_from_row(row)?,
        media: media_from_row(row)?,
        external_base: read!(row, "external_base")?,
        due_at_ms: read!(row, "due_at_ms")?,
        tries: read!(row, "tries")?,
        failing_since_ms: read!(row, "failing_since_ms")?,
        sessions_lost: read!(row, "sessions_lost")?,
        waits: read!(row, "waits")?,
        session: session_from_row(row)?,
        plan: plan_from_row(row)?,
        create: create_from_row(row)?,
        task_id: read!(row, "task_id")?,
        units_micro: read!(row, "units_micro")?,
        failure: failure_from_row(row)?,
        result: result_from_row(row)?,
        changed_since: read!(row, "changed_since")?,
    })
}

fn source_from_row(row: &Row<'_>, kind: usize, text: usize) -> rusqlite::Result<Source> {
    let spelled = row.get(text)?;
    match row.get_ref(kind)?.as_str()? {
        "url" => Ok(Source::Url(spelled)),
        "file" => Ok(Source::File(spelled)),
        "id" => Ok(Source::Id(spelled)),
        other => Err(nonsense(row, kind, other)),
    }
}

fn face_from_row(row: &Row<'_>) -> rusqlite::Result<FaceChoice> {
    const KIND: usize = place("face_kind");
    match row.get_ref(KIND)?.as_str()? {
        "longest" => Ok(FaceChoice::Longest),
        "first" => Ok(FaceChoice::First),
        "only" => Ok(FaceChoice::Only),
        "index" => parsed_at(row, const { place("face") }).map(FaceChoice::Index),
        "id" => read!(row, "face").map(FaceChoice::Id),
        other => Err(nonsense(row, KIND, other)),
    }
}

fn spec_from_row(row: &Row<'_>) -> rusqlite::Result<JobSpec> {
    Ok(JobSpec {
        key: read!(row, "key")?,
        id: read!(row, "name")?,
        video: source_from_row(row, const { place("video_kind") }, const { place("video") })?,
        audio: source_from_row(row, const { place("audio_kind") }, const { place("audio") })?,
        face: face_from_row(row)?,
        sound_start_ms: read!(row, "sound_start_ms")?,
        sound_end_ms: read!(row, "sound_end_ms")?,
        sound_insert_ms: read!(row, "sound_insert_ms")?,
        sound_volume: read!(row, "sound_volume")?,
        original_audio_volume: read!(row, "original_audio_volume")?,
        watermark: read!(row, "watermark")?,
        callback_url: read!(row, "callback_url")?,
        external_task_id: read!(row, "own_task_id")?,
        output: read!(row, "output")?,
        priority: read!(row, "priority")?,
        not_before_at_ms: read!(row, "not_before_at_ms")?,
        labels: BTreeMap::new(),
    })
}

fn media_from_row(row: &Row<'_>) -> rusqlite::Result<Media> {
    Ok(Media {
        missing: read!(row, "media_missing")?,
        audio_ms: read!(row, "sound_ms")?,
        audio_stamp: read!(row, "sound_print")?,
        audio_sha256: None,
        video_ms: read!(row, "video_ms")?,
        video_stamp: read!(row, "video_print")?,
        video_sha256: None,
        video_url: read!(row, "video_url")?,
    })
}

fn session_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Session>> {
    let Some(session_id) = row.get(SESSION)? else {
        return Ok(None);
    };
    Ok(Some(Session {
        row: read!(row, "session_row")?,
        session_id,
        identified_at_ms: row.get(SESSION + 1)?,
        expires_at_ms: row.get(SESSION + 2)?,
    }))
}

fn plan_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Plan>> {
    let Some(face_id) = read!(row, "face_id")? else {
        return Ok(None);
    };
    Ok(Some(Plan {
        face_id,
        sound_start_ms: read!(row, "plan_start_ms")?,
        sound_end_ms: read!(row, "plan_end_ms")?,
        sound_insert_ms: read!(row, "plan_insert_ms")?,
    }))
}

fn create_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Create>> {
    let Some(first_sent_at_ms) = read!(row, "first_sent_at_ms")? else {
        return Ok(None);
    };
    Ok(Some(Create {
        account: read!(row, "account")?,
        first_sent_at_ms,
        sent_at_ms: read!(row, "sent_at_ms")?,
        sends: read!(row, "sends")?,
        sound_sha256: read!(row, "sound_sha256")?,
    }))
}

fn failure_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Failure>> {
    let Some(code) = read!(row, "error_code")? else {
        return Ok(None);
    };
    Ok(Some(Failure { code, message: read!(row, "error")? }))
}

fn result_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Delivered>> {
    let Some(sha256) = read!(row, "result_sha256")? else {
        return Ok(None);
    };
    let bytes: i64 = read!(row, "result_bytes")?;
    Ok(Some(Delivered {
        bytes: bytes.unsigned_abs(),
        sha256,
        duration_ms: read!(row, "result_ms")?,
    }))
}

/// Reads a column, by its name, whose text stands for something.
pub(in crate::store) fn parsed<T: std::str::FromStr>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    parsed_at(row, row.as_ref().column_index(column)?)
}

fn parsed_at<T: std::str::FromStr>(row: &Row<'_>, place: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(place)?.as_str()?;
    text.parse().map_err(|_| nonsense(row, place, text))
}

/// A value that this program never writes: someone edited the database.
fn nonsense(row: &Row<'_>, place: usize, value: &str) -> rusqlite::Error {
    let column = row.as_ref().column_name(place).unwrap_or("a column");
    let what = format!("{column} holds {value:?}, which lipsyncd never writes");
    rusqlite::Error::FromSqlConversionFailure(place, Type::Text, what.into())
}
