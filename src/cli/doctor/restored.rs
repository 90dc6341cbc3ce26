//! Whether the database is older than what was done with it: put back from a backup, or another's.
//!
//! A result on disk, or a task in the account, that has the name of a job which the database holds as unsent shows it;
//! and so does a result of a job that the database does not know. While one database works, neither can be, because a
//! create request is written before it is sent, and jobs are kept for ever. What was done to jobs that had ended by then
//! is not found. A create request with an unknown outcome is no unsent one: the daemon looks it up.

use std::path::{Path, PathBuf};

use super::{
    api::Account,
    database::Known,
    finding::Finding,
    lookups::Lookups,
    names::{self, Names},
    patience, results,
    who::Who,
};
use crate::{
    cli::text::{counted, shell_word},
    config::Config,
    output::Metadata,
    store::{OpenTask, StoreError},
};

const NAME: &str = "backup";

/// So many jobs of each state are looked at.
const JOBS_MAX: usize = 50;
const NAMED_MAX: usize = 3;

/// A task that the database does not know, and whose it is.
struct Unknown {
    key: String,
    is_unresolved: bool,
    task_id: String,
}

impl Unknown {
    fn of(job: &OpenTask, task_id: String) -> Self {
        Self { key: job.key.clone(), is_unresolved: job.state == "unresolved", task_id }
    }
}

/// What was found, and what was not looked at.
struct Looked {
    /// Results on disk; none: the folder gave no answer.
    results: Option<Vec<Unknown>>,
    tasks: Vec<Unknown>,
    names: Names,
    /// How many jobs that were not sent were looked at.
    unsent: usize,
}

pub(super) fn check(
    config: &Config,
    known: &Known,
    account: Option<&Account>,
    lookups: &Lookups,
    who: &Who,
    findings: &mut Vec<Finding>,
) {
    let looked = look(config, known, account, lookups);
    findings.push(match looked {
        Ok(Looked { results: Some(results), tasks, names, unsent })
            if results.is_empty() && tasks.is_empty() =>
        {
            Finding::ok(NAME, nothing(unsent, &names))
        }
        Ok(Looked { results: None, tasks, .. }) if tasks.is_empty() => {
            let message = format!(
                "{} gives no answer: results that the database does not know were not looked for",
                config.output_dir.display()
            );
            Finding::warning(NAME, message, "see output_dir above")
        }
        Ok(Looked { results, tasks, .. }) => told(&results.unwrap_or_default(), &tasks, known, who),
        Err(error) => Finding::warning(NAME, error.to_string(), who.lipsyncd("status")),
    });
}

fn look(
    config: &Config,
    known: &Known,
    account: Option<&Account>,
    lookups: &Lookups,
) -> Result<Looked, StoreError> {
    let jobs = known.reader.open_tasks(JOBS_MAX)?;
    // What was sent is being looked up by the daemon, or by a person.
    let is_sent = |job: &&OpenTask| ["creating", "unresolved"].contains(&job.state.as_str());
    let unsent: Vec<&OpenTask> = jobs.iter().filter(|job| !is_sent(job)).collect();
    let results = match of_jobs(&config.output_dir, &jobs, known)? {
        Some(mut results) => strangers(&config.output_dir, known)?.map(|strangers| {
            results.extend(strangers);
            results
        }),
        None => None,
    };
    let (found, names) = match account {
        Some(account) => names::look_up(account, &unsent, lookups),
        None => (Vec::new(), Names { unproven: unsent.len(), ..Names::default() }),
    };
    let mut tasks = Vec::new();
    for (job, task_id) in found {
        // Meanwhile the daemon may have sent it.
        if known.reader.owner_of_task(&task_id)?.is_none() && is_still_open(job, known)? {
            tasks.push(Unknown::of(job, task_id));
        }
    }
    Ok(Looked { results, tasks, names, unsent: unsent.len() })
}

/// What it means that nothing was found: no more than what was asked.
fn nothing(unsent: usize, names: &Names) -> String {
    let jobs = |count: usize| counted(i64::try_from(count).unwrap_or(i64::MAX), "job");
    let looked_at = format!("looked at {} not sent yet: no result on disk is theirs", jobs(unsent));
    match (names.absent, names.unproven) {
        _ if unsent == 0 => {
            "no job is still to be sent, and the latest results on disk are known".to_owned()
        }
        (_, 0) => format!("{looked_at}, and Kling has no task of their names"),
        (0, _) => format!("{looked_at}; whether Kling has tasks of their names is not known"),
        (absent, unproven) => format!(
            "{looked_at}; Kling has no task of the names of {}, and of {} that is not known",
            jobs(absent),
            jobs(unproven)
        ),
    }
}

/// Jobs whose result lies there, made by a task of the job's name or of a later take's; none: the folder gave no
/// answer.
fn of_jobs(
    output_dir: &Path,
    jobs: &[OpenTask],
    known: &Known,
) -> Result<Option<Vec<Unknown>>, StoreError> {
    let places: Vec<PathBuf> =
        jobs.iter().map(|job| output_dir.join(&job.output).with_extension("json")).collect();
    let read = patience::within(patience::FILES, move || {
        places.iter().map(|place| results::metadata(place)).collect::<Vec<_>>()
    });
    let Some(read) = read else { return Ok(None) };
    let mut unknown = Vec::new();
    for (job, found) in jobs.iter().zip(read) {
        let Some(found) = found else { continue };
        let is_its_own = found.request_hash == job.request_hash && found.take >= job.take;
        if is_its_own && is_still_open(job, known)? {
            unknown.push(Unknown::of(job, found.task_id));
        }
    }
    Ok(Some(unknown))
}

/// The latest results, of jobs that the database does not hold; none: the folder gave no answer.
fn strangers(output_dir: &Path, known: &Known) -> Result<Option<Vec<Unknown>>, StoreError> {
    let root = output_dir.to_owned();
    let read = patience::within(patience::FILES, move || results::latest(&root));
    let Some(read) = read else { return Ok(None) };
    let mut unknown = Vec::new();
    for Metadata { job, task_id, .. } in read {
        // A manifest may have been renamed since.
        let is_known =
            known.reader.detail(&job)?.is_some() || known.reader.owner_of_task(&task_id)?.is_some();
        if !is_known {
            unknown.push(Unknown { key: job, is_unresolved: false, task_id });
        }
    }
    Ok(Some(unknown))
}

/// Whether the database still knows of no task of this job's.
fn is_still_open(job: &OpenTask, known: &Known) -> Result<bool, StoreError> {
    let now = known.reader.detail(&job.key)?;
    Ok(now.is_some_and(|now| {
        now.overview.task_id.is_none() && now.overview.state.name() == job.state
    }))
}

fn told(results: &[Unknown], tasks: &[Unknown], known: &Known, who: &Who) -> Finding {
    let all = || results.iter().chain(tasks);
    let mut keys: Vec<&str> = all().map(|unknown| unknown.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let more = if keys.len() > NAMED_MAX { ", …" } else { "" };
    let named = keys.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let count = |list: &[Unknown]| i64::try_from(list.len()).unwrap_or(i64::MAX);
    let parts = [(count(results), "result", "on disk"), (count(tasks), "task", "in the account")];
    let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<String> =
        parts.map(|(count, noun, place)| format!("{} {place}", counted(count, noun))).collect();
    let message = format!(
        "the database does not know of {} ({named}{more}): it was put back from a backup, or another \
         database worked here meanwhile",
        parts.join(" and ")
    );
    let undecided = results.iter().filter(|unknown| unknown.is_unresolved);
    let mut mend: Vec<String> = undecided
        .take(NAMED_MAX)
        .map(|Unknown { key, task_id, .. }| {
            let resolve = format!("resolve {} --task {}", shell_word(key), shell_word(task_id));
            who.lipsyncd(&resolve)
        })
        .collect();
    let next = match known.daemon {
        None => who.start(),
        Some(_) => who.lipsyncd("status"),
    };
    mend.push(format!("{next} (each is recognised before anything is paid)"));
    Finding::warning(NAME, message, mend.join("\n"))
}
