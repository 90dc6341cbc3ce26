//! A job as a row, both ways.
//!
//! Owns the names of the columns of `job`; every statement that reads or writes whole jobs is made
//! here.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, named_params, types::Type};

use super::StoreError;
use crate::job::{
    Create, Delivered, FaceChoice, Failure, Job, JobSpec, Media, Plan, Session, Source,
};

/// All that [`job_from_row`] reads. Follow it by `WHERE …`.
pub(super) const SELECT_JOB: &str = "
    SELECT j.*, s.session_id AS session_name, s.identified_at_ms AS session_identified_at_ms,
      s.expires_at_ms AS session_expires_at_ms
    FROM job j LEFT JOIN session s ON s.id = j.session_row ";

/// Writes what changes as a job goes along, if nobody moved it since it was read.
const UPDATE_PROGRESS: &str = "
    UPDATE job SET
      state = :state, revision = revision + 1, attempt = :attempt,
      -- Only what begins anew is no longer flagged; the flag itself is the manifest's to set.
      changed_since = CASE WHEN :state = 'waiting' THEN 0 ELSE changed_since END,
      wanted_meaning = CASE WHEN :state = 'waiting' THEN NULL ELSE wanted_meaning END,
      changed_at_ms = CASE WHEN :state = 'waiting' THEN NULL ELSE changed_at_ms END,
      media_missing = :media_missing, sound_ms = :sound_ms, sound_print = :sound_print,
      video_ms = :video_ms, video_print = :video_print, video_url = :video_url,
      due_at_ms = :due_at_ms, tries = :tries, failing_since_ms = :failing_since_ms,
      sessions_lost = :sessions_lost, waits = :waits, session_row = :session_row,
      face_id = :face_id, plan_start_ms = :plan_start_ms, plan_end_ms = :plan_end_ms,
      plan_insert_ms = :plan_insert_ms, account = :account, first_sent_at_ms = :first_sent_at_ms,
      sent_at_ms = :sent_at_ms, sends = :sends, sound_sha256 = :sound_sha256,
      task_id = :task_id, units_micro = :units_micro,
      error_code = :error_code, error = :error, result_bytes = :result_bytes,
      result_sha256 = :result_sha256, result_ms = :result_ms,
      updated_at_ms = :now_ms,
      finished_at_ms = CASE WHEN :state = :from THEN finished_at_ms ELSE :finished_at_ms END
    WHERE id = :id AND state = :from AND revision = :revision";

/// Writes what the manifest asks.
const UPDATE_SPEC: &str = "
    UPDATE job SET
      meaning = :meaning, video_kind = :video_kind, video = :video, audio_kind = :audio_kind,
      audio = :audio, face_kind = :face_kind, face = :face, sound_start_ms = :sound_start_ms,
      sound_end_ms = :sound_end_ms, sound_insert_ms = :sound_insert_ms,
      sound_volume = :sound_volume, original_audio_volume = :original_audio_volume,
      watermark = :watermark, callback_url = :callback_url, own_task_id = :own_task_id,
      external_base = coalesce(:own_task_id, :generated), wanted_meaning = NULL,
      changed_at_ms = NULL,
      output = :output, priority = :priority, not_before_at_ms = :not_before_at_ms
    WHERE id = :id";

const INSERT: &str = "
    INSERT INTO job (key, manifest_id, state, turn, name, meaning, video_kind, video, audio_kind,
      audio, face_kind, face, sound_start_ms, sound_end_ms, sound_insert_ms, sound_volume,
      original_audio_volume, watermark, callback_url, own_task_id, output, priority,
      not_before_at_ms, media_missing, sound_ms, sound_print, video_ms, video_print, video_url,
      external_base, due_at_ms, error_code, error, created_at_ms, updated_at_ms, finished_at_ms)
    VALUES (:key, :manifest_id, :state, :turn, :name, :meaning, :video_kind, :video,
      :audio_kind, :audio, :face_kind, :face, :sound_start_ms, :sound_end_ms, :sound_insert_ms,
      :sound_volume, :original_audio_volume, :watermark, :callback_url, :own_task_id, :output,
      :priority, :not_before_at_ms, :media_missing, :sound_ms, :sound_print, :video_ms,
      :video_print, :video_url, :external_base, :due_at_ms, :error_code, :error, :now_ms, :now_ms,
      :finished_at_ms)";

/// Puts a job that was never sent into the database and returns its row.
pub(super) fn insert(
    connection: &Connection,
    job: &Job,
    manifest_id: i64,
    meaning: &str,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let (spec, media, failure) = (&job.spec, &job.media, job.failure.as_ref());
    let ((video_kind, video), (audio_kind, audio)) = (source(&spec.video), source(&spec.audio));
    let (face_kind, face) = face(&spec.face);
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":key": spec.key, ":manifest_id": manifest_id, ":state": job.state.name(),
        ":turn": job.turn, ":name": spec.id, ":meaning": meaning, ":video_kind": video_kind,
        ":video": video, ":audio_kind": audio_kind, ":audio": audio, ":face_kind": face_kind,
        ":face": face, ":sound_start_ms": spec.sound_start_ms,
        ":sound_end_ms": spec.sound_end_ms, ":sound_insert_ms": spec.sound_insert_ms,
        ":sound_volume": spec.sound_volume, ":watermark": spec.watermark,
        ":original_audio_volume": spec.original_audio_volume,
        ":callback_url": spec.callback_url, ":own_task_id": spec.external_task_id,
        ":output": spec.output, ":priority": spec.priority,
        ":not_before_at_ms": spec.not_before_at_ms, ":media_missing": media.missing,
        ":sound_ms": media.sound_ms, ":sound_print": media.sound_print,
        ":video_ms": media.video_ms, ":video_print": media.video_print,
        ":video_url": media.video_url, ":external_base": job.external_base,
        ":due_at_ms": job.due_at_ms, ":error_code": failure.map(|failure| &failure.code),
        ":error": failure.map(|failure| &failure.message), ":now_ms": now_ms,
        ":finished_at_ms": job.state.is_finished().then_some(now_ms),
    })?;
    let id = connection.last_insert_rowid();
    write_labels(connection, id, &spec.labels)?;
    Ok(id)
}

/// `generated` names its task from now on, if the manifest does not.
pub(super) fn update_spec(
    connection: &Connection,
    id: i64,
    spec: &JobSpec,
    meaning: &str,
    generated: &str,
) -> Result<(), StoreError> {
    let ((video_kind, video), (audio_kind, audio)) = (source(&spec.video), source(&spec.audio));
    let (face_kind, face) = face(&spec.face);
    connection.prepare_cached(UPDATE_SPEC)?.execute(named_params! {
        ":id": id, ":meaning": meaning, ":video_kind": video_kind, ":video": video,
        ":audio_kind": audio_kind, ":audio": audio, ":face_kind": face_kind, ":face": face,
        ":sound_start_ms": spec.sound_start_ms, ":sound_end_ms": spec.sound_end_ms,
        ":sound_insert_ms": spec.sound_insert_ms, ":sound_volume": spec.sound_volume,
        ":original_audio_volume": spec.original_audio_volume, ":watermark": spec.watermark,
        ":callback_url": spec.callback_url, ":own_task_id": spec.external_task_id,
        ":output": spec.output, ":priority": spec.priority,
        ":not_before_at_ms": spec.not_before_at_ms, ":generated": generated,
    })?;
    connection.prepare_cached("DELETE FROM label WHERE job_id = ?1")?.execute([id])?;
    write_labels(connection, id, &spec.labels)
}

/// Has everybody who read the row before read it anew before they write it.
pub(super) fn count_write(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE job SET revision = revision + 1 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Returns whether the row still stood where it was read; if not, nothing is written.
pub(super) fn update_progress(
    connection: &Connection,
    job: &Job,
    from: crate::job::State,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let (plan, create) = (job.plan.as_ref(), job.create.as_ref());
    let (failure, result) = (job.failure.as_ref(), job.result.as_ref());
    let written = connection.prepare_cached(UPDATE_PROGRESS)?.execute(named_params! {
        ":id": job.id, ":from": from.name(), ":revision": job.revision,
        ":state": job.state.name(), ":attempt": job.attempt,
        ":media_missing": job.media.missing, ":sound_ms": job.media.sound_ms,
        ":sound_print": job.media.sound_print, ":video_ms": job.media.video_ms,
        ":video_print": job.media.video_print, ":video_url": job.media.video_url,
        ":due_at_ms": job.due_at_ms, ":tries": job.tries,
        ":failing_since_ms": job.failing_since_ms, ":sessions_lost": job.sessions_lost,
        ":waits": job.waits, ":session_row": job.session.as_ref().map(|session| session.row),
        ":face_id": plan.map(|plan| &plan.face_id),
        ":plan_start_ms": plan.map(|plan| plan.sound_start_ms),
        ":plan_end_ms": plan.map(|plan| plan.sound_end_ms),
        ":plan_insert_ms": plan.map(|plan| plan.sound_insert_ms),
        ":account": create.map(|create| &create.account),
        ":first_sent_at_ms": create.map(|create| create.first_sent_at_ms),
        ":sent_at_ms": create.map(|create| create.sent_at_ms),
        ":sound_sha256": create.and_then(|create| create.sound_sha256.as_ref()),
        ":sends": create.map(|create| create.sends),
        ":task_id": job.task_id, ":units_micro": job.units_micro,
        ":error_code": failure.map(|failure| &failure.code),
        ":error": failure.map(|failure| &failure.message),
        ":result_bytes": result.map(|result| i64::try_from(result.bytes).unwrap_or(i64::MAX)),
        ":result_sha256": result.map(|result| &result.sha256),
        ":result_ms": result.and_then(|result| result.duration_ms),
        ":now_ms": now_ms, ":finished_at_ms": job.state.is_finished().then_some(now_ms),
    })?;
    Ok(written == 1)
}

/// Reads a job; its labels are left empty, see [`labels`].
pub(super) fn job_from_row(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get("id")?,
        revision: row.get("revision")?,
        state: parsed(row, "state")?,
        attempt: row.get("attempt")?,
        turn: row.get("turn")?,
        spec: spec_from_row(row)?,
        media: media_from_row(row)?,
        external_base: row.get("external_base")?,
        due_at_ms: row.get("due_at_ms")?,
        tries: row.get("tries")?,
        failing_since_ms: row.get("failing_since_ms")?,
        sessions_lost: row.get("sessions_lost")?,
        waits: row.get("waits")?,
        session: session_from_row(row)?,
        plan: plan_from_row(row)?,
        create: create_from_row(row)?,
        task_id: row.get("task_id")?,
        units_micro: row.get("units_micro")?,
        failure: failure_from_row(row)?,
        result: result_from_row(row)?,
        changed_since: row.get("changed_since")?,
    })
}

pub(super) fn labels(
    connection: &Connection,
    job_id: i64,
) -> Result<BTreeMap<String, String>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name, value FROM label WHERE job_id = ?1")?;
    let labels = statement.query_map([job_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(labels.collect::<Result<_, _>>()?)
}

fn write_labels(
    connection: &Connection,
    job_id: i64,
    labels: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    for (name, value) in labels {
        connection
            .prepare_cached("INSERT INTO label (job_id, name, value) VALUES (?1, ?2, ?3)")?
            .execute((job_id, name, value))?;
    }
    Ok(())
}

pub(super) fn source(source: &Source) -> (&'static str, &str) {
    match source {
        Source::Url(url) => ("url", url),
        Source::File(path) => ("file", path),
        Source::Id(id) => ("id", id),
    }
}

fn source_from_row(row: &Row<'_>, kind: &str, text: &str) -> rusqlite::Result<Source> {
    let spelled = row.get(text)?;
    match row.get_ref(kind)?.as_str()? {
        "url" => Ok(Source::Url(spelled)),
        "file" => Ok(Source::File(spelled)),
        "id" => Ok(Source::Id(spelled)),
        other => Err(nonsense(row, kind, other)),
    }
}

pub(super) fn face(choice: &FaceChoice) -> (&'static str, Option<String>) {
    match choice {
        FaceChoice::Longest => ("longest", None),
        FaceChoice::First => ("first", None),
        FaceChoice::Only => ("only", None),
        FaceChoice::Index(index) => ("index", Some(index.to_string())),
        FaceChoice::Id(id) => ("id", Some(id.clone())),
    }
}

fn face_from_row(row: &Row<'_>) -> rusqlite::Result<FaceChoice> {
    match row.get_ref("face_kind")?.as_str()? {
        "longest" => Ok(FaceChoice::Longest),
        "first" => Ok(FaceChoice::First),
        "only" => Ok(FaceChoice::Only),
        "index" => parsed(row, "face").map(FaceChoice::Index),
        "id" => row.get("face").map(FaceChoice::Id),
        other => Err(nonsense(row, "face_kind", other)),
    }
}

fn spec_from_row(row: &Row<'_>) -> rusqlite::Result<JobSpec> {
    Ok(JobSpec {
        key: row.get("key")?,
        id: row.get("name")?,
        video: source_from_row(row, "video_kind", "video")?,
        audio: source_from_row(row, "audio_kind", "audio")?,
        face: face_from_row(row)?,
        sound_start_ms: row.get("sound_start_ms")?,
        sound_end_ms: row.get("sound_end_ms")?,
        sound_insert_ms: row.get("sound_insert_ms")?,
        sound_volume: row.get("sound_volume")?,
        original_audio_volume: row.get("original_audio_volume")?,
        watermark: row.get("watermark")?,
        callback_url: row.get("callback_url")?,
        external_task_id: row.get("own_task_id")?,
        output: row.get("output")?,
        priority: row.get("priority")?,
        not_before_at_ms: row.get("not_before_at_ms")?,
        labels: BTreeMap::new(),
    })
}

fn media_from_row(row: &Row<'_>) -> rusqlite::Result<Media> {
    Ok(Media {
        missing: row.get("media_missing")?,
        sound_ms: row.get("sound_ms")?,
        sound_print: row.get("sound_print")?,
        video_ms: row.get("video_ms")?,
        video_print: row.get("video_print")?,
        video_url: row.get("video_url")?,
    })
}

fn session_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Session>> {
    let Some(session_id) = row.get("session_name")? else {
        return Ok(None);
    };
    Ok(Some(Session {
        row: row.get("session_row")?,
        session_id,
        identified_at_ms: row.get("session_identified_at_ms")?,
        expires_at_ms: row.get("session_expires_at_ms")?,
    }))
}

fn plan_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Plan>> {
    let Some(face_id) = row.get("face_id")? else {
        return Ok(None);
    };
    Ok(Some(Plan {
        face_id,
        sound_start_ms: row.get("plan_start_ms")?,
        sound_end_ms: row.get("plan_end_ms")?,
        sound_insert_ms: row.get("plan_insert_ms")?,
    }))
}

fn create_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Create>> {
    let Some(first_sent_at_ms) = row.get("first_sent_at_ms")? else {
        return Ok(None);
    };
    Ok(Some(Create {
        account: row.get("account")?,
        first_sent_at_ms,
        sent_at_ms: row.get("sent_at_ms")?,
        sends: row.get("sends")?,
        sound_sha256: row.get("sound_sha256")?,
    }))
}

fn failure_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Failure>> {
    let Some(code) = row.get("error_code")? else {
        return Ok(None);
    };
    Ok(Some(Failure { code, message: row.get("error")? }))
}

fn result_from_row(row: &Row<'_>) -> rusqlite::Result<Option<Delivered>> {
    let Some(sha256) = row.get("result_sha256")? else {
        return Ok(None);
    };
    let bytes: i64 = row.get("result_bytes")?;
    Ok(Some(Delivered { bytes: bytes.unsigned_abs(), sha256, duration_ms: row.get("result_ms")? }))
}

pub(super) fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|_| nonsense(row, column, text))
}

/// A value that this program never writes: someone edited the database.
fn nonsense(row: &Row<'_>, column: &str, value: &str) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or(0);
    let what = format!("{column} holds {value:?}, which lipsyncd never writes");
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, what.into())
}
