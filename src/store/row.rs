//! A job as a row, both ways.
//!
//! Owns the names of the columns of `job`; every statement that reads or writes whole jobs is made
//! here, or in `read`.

mod read;

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

pub(super) use read::{SELECT_JOB, job_from_row, parsed};

use super::StoreError;
use crate::job::{FaceChoice, Job, JobSpec, Source, State};

/// Makes a statement that writes what changes as a job goes along, if nobody moved it since it was read.
macro_rules! update_progress {
    ($also:literal, $and:literal) => {
        concat!("
    UPDATE job SET
      state = :state, revision = revision + 1, attempt = :attempt, ", $also, "
      media_missing = :media_missing, sound_ms = :sound_ms, sound_print = :sound_print,
      video_ms = :video_ms, video_print = :video_print, video_url = :video_url,
      due_at_ms = :due_at_ms, tries = :tries, failing_since_ms = :failing_since_ms,
      sessions_lost = :sessions_lost, waits = :waits,
      face_id = :face_id, plan_start_ms = :plan_start_ms, plan_end_ms = :plan_end_ms,
      plan_insert_ms = :plan_insert_ms, account = :account, first_sent_at_ms = :first_sent_at_ms,
      sent_at_ms = :sent_at_ms, sends = :sends, sound_sha256 = :sound_sha256,
      units_micro = :units_micro, error_code = :error_code, error = :error, result_bytes = :result_bytes,
      result_sha256 = :result_sha256, result_ms = :result_ms,
      updated_at_ms = :now_ms,
      finished_at_ms = CASE WHEN :state = :from THEN finished_at_ms ELSE :finished_at_ms END
    WHERE id = :id AND state = :from AND revision = :revision", $and)
    };
}

/// Where neither task nor session change, which is nearly always: their indexes, each as large as all
/// jobs together, are left alone then.
const UPDATE_PROGRESS: &str =
    update_progress!("", " AND task_id IS :task_id AND session_row IS :session_row");

const UPDATE_PROGRESS_WHOLE: &str =
    update_progress!("task_id = :task_id, session_row = :session_row,", "");

/// Only what begins anew is no longer flagged; the flag itself is the manifest's to set.
const BEGIN_ANEW: &str = "
    UPDATE job SET changed_since = 0, wanted_meaning = NULL, changed_at_ms = NULL WHERE id = ?1
      AND (changed_since <> 0 OR wanted_meaning IS NOT NULL OR changed_at_ms IS NOT NULL)";

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
        ":sound_ms": media.audio_ms, ":sound_print": media.audio_stamp,
        ":video_ms": media.video_ms, ":video_print": media.video_stamp,
        ":video_url": media.video_url, ":external_base": job.external_base,
        ":due_at_ms": job.due_at_ms, ":error_code": failure.map(|failure| &failure.code),
        ":error": failure.map(|failure| &failure.message), ":now_ms": now_ms,
        ":finished_at_ms": job.state.is_finished().then_some(now_ms),
    })?;
    let id = connection.last_insert_rowid();
    write_labels(connection, id, &spec.labels)?;
    count(connection, job, manifest_id)?;
    Ok(id)
}

/// Counts a new job, as triggers do all that comes after. A trigger on the insert itself would have
/// SQLite keep a copy of every page that the insert touches, which takes longer than all the rest.
fn count(connection: &Connection, job: &Job, manifest_id: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE state SET jobs = jobs + 1 WHERE name = ?1")?
        .execute([job.state.name()])?;
    connection
        .prepare_cached(
            "UPDATE manifest SET jobs = jobs + 1, failed = failed + (?2 = 'failed') WHERE id = ?1",
        )?
        .execute((manifest_id, job.state.name()))?;
    Ok(())
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
    from: State,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let (plan, create) = (job.plan.as_ref(), job.create.as_ref());
    let (failure, result) = (job.failure.as_ref(), job.result.as_ref());
    let parameters = named_params! {
        ":id": job.id, ":from": from.name(), ":revision": job.revision,
        ":state": job.state.name(), ":attempt": job.attempt,
        ":media_missing": job.media.missing, ":sound_ms": job.media.audio_ms,
        ":sound_print": job.media.audio_stamp, ":video_ms": job.media.video_ms,
        ":video_print": job.media.video_stamp, ":video_url": job.media.video_url,
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
    };
    let written = connection.prepare_cached(UPDATE_PROGRESS)?.execute(parameters)? == 1
        || connection.prepare_cached(UPDATE_PROGRESS_WHOLE)?.execute(parameters)? == 1;
    if written && job.state == State::Waiting {
        connection.prepare_cached(BEGIN_ANEW)?.execute([job.id])?;
    }
    Ok(written)
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

pub(super) fn face(choice: &FaceChoice) -> (&'static str, Option<String>) {
    match choice {
        FaceChoice::Longest => ("longest", None),
        FaceChoice::First => ("first", None),
        FaceChoice::Only => ("only", None),
        FaceChoice::Index(index) => ("index", Some(index.to_string())),
        FaceChoice::Id(id) => ("id", Some(id.clone())),
    }
}
