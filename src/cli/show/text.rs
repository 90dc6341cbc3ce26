//! `show` for people: what a job is, then its history as a timeline.

use std::io::{self, Write};

use super::report::{CandidateReport, candidates, earlier_to_decide, next, unfit_file};
use crate::{
    cli::{
        open,
        text::{bytes, position, safe, time},
    },
    job::{Job, Source, State, Task},
    output::Presence,
    store::{HistoryEntry, JobDetail},
};

/// Writes the job whole.
pub(super) fn write(
    out: &mut dyn Write,
    detail: &JobDetail,
    file: Option<Presence>,
) -> io::Result<()> {
    writeln!(out, "{}  {}", safe(&detail.line.key), detail.line.state)?;
    for (name, said) in facts(detail, file) {
        writeln!(out, "  {name:<12}  {}", safe(&said))?;
    }
    if let Some(candidates) = candidates(detail) {
        write_candidates(out, &candidates, detail.state.listed_at_ms)?;
    }
    writeln!(out, "\nHistory (UTC)")?;
    if !detail.history_is_whole() {
        writeln!(out, "  no longer kept: what is older than `retention.history`")?;
    }
    for line in &detail.history {
        write_event(out, line)?;
    }
    if let Some(file) = unfit_file(&detail.state.job) {
        writeln!(out, "\nNext: replace {}; it is checked again automatically", safe(file))?;
    }
    match next(detail, file) {
        Some(command) => writeln!(out, "\nNext: {}", safe(&command)),
        None => Ok(()),
    }
}

type Fact = (&'static str, String);

/// All that is known, as names and what is to be said; not yet safe to show.
fn facts(detail: &JobDetail, file: Option<Presence>) -> Vec<Fact> {
    let mut facts = standing(detail, file);
    facts.extend(wish(&detail.state.job));
    facts.extend(detail.state.task.as_ref().map(found_out).unwrap_or_default());
    facts
}

fn standing(detail: &JobDetail, file: Option<Presence>) -> Vec<Fact> {
    let (line, job) = (&detail.line, &detail.state.job);
    let mut facts = Vec::new();
    if let Some(waiting_for) = &line.waiting_for {
        facts.push(("waits", waiting_for.clone()));
    }
    let earlier = earlier_to_decide(detail);
    if let Some(task) = earlier {
        let sent = task.create.as_ref().map(|create| time(create.sent_at_ms)).unwrap_or_default();
        let name = &task.name;
        facts.push((
            "unresolved",
            format!("an earlier request, sent at {sent} as {name}: Kling may have accepted it"),
        ));
    }
    if (job.state == State::Unresolved || earlier.is_some()) && detail.state.listed_at_ms.is_none()
    {
        let unread = "do not --resend yet: the account's tasks were not read far enough, see below";
        facts.push(("", unread.to_owned()));
    }
    if let (Some(error), Some(code)) = (&line.error, &line.error_code) {
        facts.push(("error", format!("{error} ({code})")));
    }
    let gone = if detail.manifest_is_there { "" } else { " (not in the folder any more)" };
    facts.push(("manifest", format!("{}{gone}", line.manifest)));
    if line.changed_after_sent {
        let flag = "changed after it was sent; `lipsyncd retry` makes the new request, `lipsyncd dismiss` keeps the \
                    result";
        facts.push(("", flag.to_owned()));
    }
    facts.push(("output", line.output.clone()));
    match file {
        Some(Presence::Absent) => {
            let fetch = open::command("fetch", &line.key);
            let gone =
                format!("that file is no longer there; `{fetch}` brings it back, free of charge");
            facts.push(("", gone));
        }
        Some(Presence::Changed) => {
            facts.push(("", "that file was changed after it was delivered".to_owned()));
        }
        Some(Presence::Delivered) | None => {}
    }
    facts.push(("take", line.attempt.to_string()));
    if let Some(others) = &line.shares_task_with {
        facts.push(("shared", format!("shares its task with {others}")));
    }
    if let Some(task_id) = &line.task_id {
        facts.push(("task", task_id.clone()));
    }
    if let Some(name) = &line.external_task_id {
        facts.push(("named", format!("{name} (external_task_id)")));
    }
    facts.push(("cost", format!("{} units, all takes together", line.units)));
    facts.push(("priority", line.priority.to_string()));
    facts.push(("first read", line.created_at.clone()));
    match &line.finished_at {
        Some(finished_at) => facts.push(("ended", finished_at.clone())),
        None => facts.push(("last change", line.updated_at.clone())),
    }
    facts
}

fn wish(job: &Job) -> Vec<Fact> {
    let spec = &job.spec;
    let end = spec.sound_end_ms.map_or_else(
        || "as far as it fits".to_owned(),
        |end_ms| format!("to {}", position(end_ms)),
    );
    let insert = spec.sound_insert_ms.map_or_else(
        || "where the face appears".to_owned(),
        |at_ms| format!("at {}", position(at_ms)),
    );
    let mut facts = vec![
        ("video", source(&spec.video)),
        ("audio", source(&spec.audio)),
        ("face", spec.face.to_string()),
        ("audio", format!("from {} {end}, put in {insert}", position(spec.sound_start_ms))),
        ("volume", format!("{} (original {})", spec.sound_volume, spec.original_audio_volume)),
    ];
    if spec.watermark {
        facts.push(("watermark", "the watermarked result too".to_owned()));
    }
    if let Some(callback_url) = &spec.callback_url {
        facts.push(("callback", callback_url.clone()));
    }
    if let Some(not_before_ms) = spec.not_before_at_ms {
        facts.push(("not before", time(not_before_ms)));
    }
    for (name, value) in &spec.labels {
        facts.push(("label", format!("{name}: {value}")));
    }
    facts
}

fn found_out(task: &Task) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(audio_ms) = task.media.audio_ms {
        facts.push(("audio lasts", position(audio_ms)));
    }
    if let Some(video_ms) = task.media.video_ms {
        facts.push(("video lasts", position(video_ms)));
    }
    if let Some(plan) = &task.plan {
        let [start, end, insert] =
            [plan.sound_start_ms, plan.sound_end_ms, plan.sound_insert_ms].map(position);
        let used =
            format!("face {}: audio from {start} to {end}, put in at {insert}", plan.face_id);
        facts.push(("used", used));
    }
    if let Some(create) = &task.create {
        facts.push(("sent", time(create.sent_at_ms)));
    }
    if let Some(result) = &task.result {
        let lasts = result.duration_ms.map(|ms| format!(", lasts {}", position(ms)));
        let (size, lasts) = (bytes(result.bytes), lasts.unwrap_or_default());
        facts.push(("result", format!("{size}{lasts}, sha256 {}", result.sha256)));
    }
    facts
}

fn source(source: &Source) -> String {
    match source {
        Source::Url(url) => url.clone(),
        Source::File(path) => format!("file {path}"),
        Source::Id(id) => format!("id {id}"),
    }
}

/// The tasks that a job could be: two lines each, what it is and what to type if it is; and whether there may be
/// more. `listed_at_ms`: when the list of the account's tasks was read far enough, if it was.
fn write_candidates(
    out: &mut dyn Write,
    candidates: &[CandidateReport<'_>],
    listed_at_ms: Option<i64>,
) -> io::Result<()> {
    if !candidates.is_empty() {
        writeln!(out, "\nIt could be one of these tasks of the account")?;
    }
    for task in candidates {
        let created = task.created_at.as_deref().unwrap_or("at a time that is not told");
        let video = task.video.unwrap_or("a video that is not told");
        let said = format!("{}  {}, created {created}, of {video}", task.task_id, task.status);
        writeln!(out, "  {}", safe(&said))?;
        writeln!(out, "    {}", safe(&task.command))?;
    }
    match listed_at_ms {
        Some(at_ms) if candidates.is_empty() => {
            let at = time(at_ms);
            writeln!(out, "\nNo task of the account could be it, by the list as read at {at}")
        }
        Some(_) => Ok(()),
        None => {
            writeln!(
                out,
                "\nThe list of the account's tasks was not read far enough yet, and may hold it."
            )?;
            writeln!(
                out,
                "The daemon reads it, and its log says what is in the way: wait, and do not --resend."
            )
        }
    }
}

/// A line of the timeline, and one below it for the API's answer, if there was one.
fn write_event(out: &mut dyn Write, line: &HistoryEntry) -> io::Result<()> {
    // As the view spells it, for reading: `2026-03-01T12:00:07.050Z`.
    let at = line.at.replacen('T', " ", 1);
    let at = at.trim_end_matches('Z');
    let moved = line.from_state.as_ref() != Some(&line.to_state);
    let to = if moved { line.to_state.as_str() } else { "" };
    writeln!(out, "  {at}  {to:<11}  {}", safe(&line.what))?;
    match answer(line) {
        Some(answer) => writeln!(out, "  {:<23}  {:<11}  {}", "", "", safe(&answer)),
        None => Ok(()),
    }
}

fn answer(line: &HistoryEntry) -> Option<String> {
    let call = line.call.as_ref()?;
    let status =
        line.http_status.map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"));
    let mut said = format!("{call}: {status}");
    if let Some(code) = line.code {
        said += &format!(", code {code}");
    }
    if let Some(units) = line.units {
        said += &format!(", {units} units");
    }
    if let Some(request_id) = &line.request_id {
        said += &format!(", request_id {request_id}");
    }
    Some(said)
}
