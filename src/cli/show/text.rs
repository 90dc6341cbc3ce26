//! `show` for people: the job's facts, then its history as a timeline.

use std::io::{self, Write};

use super::report::{CandidateReport, candidates, earlier_to_decide, next_command, unusable_file};
use crate::{
    cli::{
        clock::Clock,
        open,
        text::{bytes, iso_ms, position, safe},
    },
    job::{Job, Source, State, Task},
    output::Presence,
    store::{HistoryEntry, JobDetail},
};

pub(super) fn write(
    out: &mut dyn Write,
    detail: &JobDetail,
    file: Option<Presence>,
    clock: &Clock,
) -> io::Result<()> {
    writeln!(out, "{}  {}", safe(&detail.overview.key), detail.overview.state)?;
    let mut facts = reasons(detail);
    facts.extend(output(detail, file));
    facts.extend(task(detail));
    facts.extend(wish(&detail.state.job));
    facts.extend(detail.state.task.as_ref().map(used).unwrap_or_default());
    for (name, text) in facts {
        writeln!(out, "  {name:<12}  {}", safe(&clock.sentence(&text)))?;
    }
    if let Some(candidates) = candidates(detail) {
        let mut text = Vec::new();
        write_candidates(&mut text, &candidates, detail.state.listed_at_ms)?;
        write!(out, "{}", clock.sentence(&String::from_utf8_lossy(&text)))?;
    }
    writeln!(out, "\nHistory ({})", clock.zone_name())?;
    if !detail.history_is_complete() {
        writeln!(out, "  entries older than `retention.history` are no longer kept")?;
    }
    for entry in &detail.history {
        write_entry(out, entry, clock)?;
    }
    if let Some(file) = unusable_file(&detail.state.job) {
        writeln!(out, "\nNext: replace {}; it is checked again automatically", safe(file))?;
    }
    match next_command(detail, file) {
        Some(command) => writeln!(out, "\nNext: {}", safe(&command)),
        None => Ok(()),
    }
}

/// A name and its text, not yet safe to show. An empty name continues the fact before it.
type Fact = (&'static str, String);

fn reasons(detail: &JobDetail) -> Vec<Fact> {
    let (line, job) = (&detail.overview, &detail.state.job);
    let mut facts = Vec::new();
    facts.extend(line.waiting_for.clone().map(|reason| ("reason", reason)));
    let earlier = earlier_to_decide(detail);
    if let Some(task) = earlier {
        let sent = task.create.as_ref().map(|create| iso_ms(create.sent_at_ms)).unwrap_or_default();
        let name = &task.name;
        let text =
            format!("an earlier request, sent at {sent} as {name}; Kling may have accepted it");
        facts.push(("unresolved", text));
    }
    if (job.state == State::Unresolved || earlier.is_some()) && detail.state.listed_at_ms.is_none()
    {
        let text =
            "do not use --resend yet: the account's tasks were not read far enough, see below";
        facts.push(("", text.to_owned()));
    }
    if let (Some(error), Some(code)) = (&line.error, &line.error_code) {
        facts.push(("error", format!("{error} ({code})")));
    }
    facts
}

fn output(detail: &JobDetail, file: Option<Presence>) -> Vec<Fact> {
    let line = &detail.overview;
    let gone = if detail.manifest_is_there { "" } else { " (no longer in the folder)" };
    let mut facts = vec![("manifest", format!("{}{gone}", line.manifest))];
    if line.changed_after_sent {
        facts.push(("", changed_after_sent(detail)));
    }
    facts.push(("output", line.output.clone()));
    facts.extend(line.watermark_missing.clone().map(|missing| ("", missing)));
    match file {
        Some(Presence::Absent) => {
            let fetch = open::command("fetch", &line.key);
            facts.push(("", format!("the file is missing; `{fetch}` restores it, free of charge")));
        }
        Some(Presence::Changed) => {
            facts.push(("", "the file was changed after it was delivered".to_owned()));
        }
        Some(Presence::Delivered) | None => {}
    }
    if let Some(verdict) = line.verdict {
        let note = line.verdict_note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        facts.push(("verdict", format!("{}{note}", verdict.name())));
    }
    facts
}

/// A retry is possible only after the job has ended.
fn changed_after_sent(detail: &JobDetail) -> String {
    let command = |verb| open::command(verb, &detail.overview.key);
    let retry = match detail.overview.state {
        State::Unresolved => format!("after `{}`, `{}`", command("resolve"), command("retry")),
        state if state.is_finished() => format!("`{}`", command("retry")),
        _ => format!("when it has ended, `{}`", command("retry")),
    };
    let dismiss = command("dismiss");
    format!(
        "changed after it was sent; {retry} makes the new request, `{dismiss}` keeps the result"
    )
}

fn task(detail: &JobDetail) -> Vec<Fact> {
    let line = &detail.overview;
    let mut facts = vec![("take", line.attempt.to_string())];
    facts.extend(line.shares_task_with.clone().map(|others| ("shared with", others)));
    facts.extend(line.task_id.clone().map(|task_id| ("task", task_id)));
    let name = line.external_task_id.as_ref();
    facts.extend(name.map(|name| ("name", format!("{name} (external_task_id)"))));
    let money = line.money.map(|money| format!(" and {money} in money")).unwrap_or_default();
    facts.push(("cost", format!("{} units{money}, all takes", line.units)));
    facts.push(("priority", line.priority.to_string()));
    facts.push(("created", line.created_at.clone()));
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
        (
            "timing",
            format!("audio from {} {end}, inserted {insert}", position(spec.sound_start_ms)),
        ),
        ("volume", format!("{} (original {})", spec.sound_volume, spec.original_audio_volume)),
    ];
    facts.extend(spec.watermark.then(|| ("watermark", "yes".to_owned())));
    facts.extend(spec.callback_url.clone().map(|url| ("callback_url", url)));
    facts.extend(spec.not_before_at_ms.map(|at_ms| ("not before", iso_ms(at_ms))));
    facts.extend(spec.labels.iter().map(|(name, value)| ("label", format!("{name}: {value}"))));
    facts
}

fn used(task: &Task) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(task.media.audio_ms.map(|length_ms| ("audio length", position(length_ms))));
    facts.extend(task.media.video_ms.map(|length_ms| ("video length", position(length_ms))));
    if let Some(plan) = &task.plan {
        let [start, end, insert] =
            [plan.sound_start_ms, plan.sound_end_ms, plan.sound_insert_ms].map(position);
        let text =
            format!("face {}, audio from {start} to {end}, inserted at {insert}", plan.face_id);
        facts.push(("used", text));
    }
    facts.extend(task.create.as_ref().map(|create| ("sent", iso_ms(create.sent_at_ms))));
    if let Some(result) = &task.result {
        let length = result.duration_ms.map(|ms| format!(", {}", position(ms))).unwrap_or_default();
        facts.push(("result", format!("{}{length}", bytes(result.bytes))));
        facts.push(("sha256", result.sha256.clone()));
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

/// Writes the tasks that may be the job's, two lines each, and whether the list is complete. `listed_at_ms`: when the
/// list of the account's tasks was read far enough.
fn write_candidates(
    out: &mut dyn Write,
    candidates: &[CandidateReport<'_>],
    listed_at_ms: Option<i64>,
) -> io::Result<()> {
    if !candidates.is_empty() {
        writeln!(out, "\nThese tasks of the account may be this job's:")?;
    }
    for task in candidates {
        let created = task.created_at.as_deref().unwrap_or("at an unknown time");
        let video = task.video.unwrap_or("an unknown video");
        let text = format!("{}  {}, created {created}, of {video}", task.task_id, task.status);
        writeln!(out, "  {}", safe(&text))?;
        writeln!(out, "    {}", safe(&task.command))?;
    }
    match listed_at_ms {
        Some(at_ms) if candidates.is_empty() => {
            let at = iso_ms(at_ms);
            writeln!(out, "\nNo task of the account can be this job's (list read at {at}).")
        }
        Some(_) => Ok(()),
        None => writeln!(
            out,
            "\nThe list of the account's tasks was not read far enough yet; it may contain the\n\
             task. The daemon reads it, and logs problems. Wait, and do not use --resend."
        ),
    }
}

fn write_entry(out: &mut dyn Write, entry: &HistoryEntry, clock: &Clock) -> io::Result<()> {
    let at = clock.time_ms(&entry.at);
    let is_move = entry.from_state.as_ref() != Some(&entry.to_state);
    let to = if is_move { entry.to_state.as_str() } else { "" };
    writeln!(out, "  {at}  {to:<11}  {}", safe(&clock.sentence(&entry.what)))?;
    match answer(entry) {
        Some(answer) => writeln!(out, "  {:<23}  {:<11}  {}", "", "", safe(&answer)),
        None => Ok(()),
    }
}

fn answer(entry: &HistoryEntry) -> Option<String> {
    let call = entry.call.as_ref()?;
    let status =
        entry.http_status.map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"));
    let mut text = format!("{call}: {status}");
    if let Some(code) = entry.code {
        text += &format!(", code {code}");
    }
    if let Some(units) = entry.units {
        text += &format!(", {units} units");
    }
    if let Some(money) = entry.money {
        text += &format!(", {money} in money");
    }
    if let Some(request_id) = &entry.request_id {
        text += &format!(", request_id {request_id}");
    }
    Some(text)
}
