//! `check` for people: a line per manifest as it is read, then the rest, errors last.

use std::io::{self, Write};

use super::report::{CheckReport, CheckedManifest, PlannedJob};
use crate::cli::counted;

/// Writes the line of a manifest, after the plans of its jobs.
pub(super) fn write_manifest(out: &mut dyn Write, manifest: &CheckedManifest) -> io::Result<()> {
    for job in manifest.plan.iter().flatten() {
        writeln!(out, "{}", plan(job))?;
    }
    let CheckedManifest { path, jobs, waiting, errors, price_text, .. } = manifest;
    let mut parts = Vec::new();
    if *jobs > 0 {
        parts.push(counted(*jobs, "job"));
    }
    if *waiting > 0 {
        parts.push(format!("{waiting} waiting for files"));
    }
    if *errors > 0 {
        parts.push(counted(*errors, "error"));
    }
    match price_text {
        Some(price) => parts.push(price.clone()),
        None if *errors == 0 && *waiting == 0 => parts.push("nothing to pay".to_owned()),
        None => {}
    }
    writeln!(out, "{path}  {}", parts.join(", "))
}

fn plan(job: &PlannedJob) -> String {
    let shares = job.shares_task_of.as_ref().map(|other| format!(", shares the task of {other}"));
    match (&job.plan, &job.waits_for) {
        (Some(plan), _) => format!("{plan}{}", shares.unwrap_or_default()),
        (None, Some(what)) => waits(&job.key, what),
        (None, None) => job.key.clone(),
    }
}

pub(super) fn waits(key: &str, what: &str) -> String {
    format!("{key}  would wait: {what}")
}

/// Writes what is about all manifests, the warnings, the jobs that would wait, the errors, and the counts.
pub(super) fn write_summary(err: &mut dyn Write, report: &CheckReport) -> io::Result<()> {
    if let Some(price) = &report.texts.price {
        writeln!(err, "price: {price}")?;
    }
    if report.shared_tasks > 0 {
        let are = match report.shared_tasks {
            1 => "1 of them is".to_owned(),
            shared => format!("{shared} of them are"),
        };
        writeln!(
            err,
            "{} at Kling; {are} shared by several jobs and paid once",
            counted(report.tasks, "task")
        )?;
    }
    report.texts.warnings.iter().try_for_each(|warning| err.write_all(warning.as_bytes()))?;
    report.texts.waiting.iter().try_for_each(|job| writeln!(err, "{job}"))?;
    let more = report.waiting - report.texts.waiting.len().min(report.waiting);
    if more > 0 && !report.texts.waiting.is_empty() {
        writeln!(err, "{} would wait, too; --plan shows all", counted(more, "job"))?;
    }
    report.texts.errors.iter().try_for_each(|error| err.write_all(error.as_bytes()))?;
    let warnings = match report.warnings.len() {
        0 => String::new(),
        warnings => format!("{}, ", counted(warnings, "warning")),
    };
    writeln!(
        err,
        "{}, {}, {warnings}{} waiting for files",
        counted(report.jobs, "job"),
        counted(report.errors.len(), "error"),
        report.waiting
    )
}
