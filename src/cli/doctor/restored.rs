//! Whether the database is older than what was done with it: put back from a backup, or another's.
//!
//! What tells it: a result on disk, or a task in the account, that goes by the very name of a job which the
//! database holds as unsent; and a result of a job that it does not hold. In the daemon's course neither can
//! be, for a create is written down before it is sent, and jobs are kept for ever. What was done to jobs that
//! had ended by then cannot be told.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;

use super::{api::Account, database::Known, finding::Finding, patience, results, who::Who};
use crate::{
    cli::{
        open,
        text::{counted, shell_word},
    },
    config::Config,
    kling::Api as _,
    output::Metadata,
    store::{OpenTask, StoreError},
};

const NAME: &str = "backup";

/// So many jobs of each state are looked at.
const JOBS_MAX: usize = 50;
/// So many names are asked for.
const LOOKUPS_MAX: usize = 20;
const LOOKUP_TIME: Duration = Duration::from_secs(10);
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

pub(super) fn check(
    config: &Config,
    known: &Known,
    account: Option<&Account>,
    who: &Who,
    findings: &mut Vec<Finding>,
) {
    let looked = known.reader.open_tasks(JOBS_MAX).and_then(|jobs| {
        let mut found = of_jobs(&config.output_dir, &jobs, known)?;
        found.extend(strangers(&config.output_dir, known)?);
        let tasks = match account {
            Some(account) => tasks(account, &jobs, known)?,
            None => Vec::new(),
        };
        Ok((jobs.len(), found, tasks))
    });
    findings.push(match looked {
        Ok((jobs, results, tasks)) if results.is_empty() && tasks.is_empty() => {
            let looked_at = counted(i64::try_from(jobs).unwrap_or(i64::MAX), "job");
            Finding::ok(
                NAME,
                format!("{looked_at} not sent yet: no result and no task goes by a name of theirs"),
            )
        }
        Ok((_, results, tasks)) => told(&results, &tasks, known, who),
        Err(error) => Finding::warning(NAME, error.to_string(), who.lipsyncd("status")),
    });
}

/// Jobs whose result lies there, made by a task of the job's name or of a later take's.
fn of_jobs(
    output_dir: &Path,
    jobs: &[OpenTask],
    known: &Known,
) -> Result<Vec<Unknown>, StoreError> {
    let places: Vec<PathBuf> =
        jobs.iter().map(|job| output_dir.join(&job.output).with_extension("json")).collect();
    let read = patience::within(patience::FILES, move || {
        places.iter().map(|place| results::metadata(place)).collect::<Vec<_>>()
    });
    let mut unknown = Vec::new();
    for (job, found) in jobs.iter().zip(read.unwrap_or_default()) {
        let Some(found) = found else { continue };
        let is_its_own = found.request_hash == job.request_hash && found.take >= job.take;
        if is_its_own && is_still_open(job, known)? {
            unknown.push(Unknown::of(job, found.task_id));
        }
    }
    Ok(unknown)
}

/// The latest results, of jobs that the database does not hold.
fn strangers(output_dir: &Path, known: &Known) -> Result<Vec<Unknown>, StoreError> {
    let root = output_dir.to_owned();
    let read = patience::within(patience::FILES, move || results::latest(&root));
    let mut unknown = Vec::new();
    for Metadata { job, task_id, .. } in read.unwrap_or_default() {
        // A manifest may have been renamed since.
        let is_known =
            known.reader.detail(&job)?.is_some() || known.reader.owner_of_task(&task_id)?.is_some();
        if !is_known {
            unknown.push(Unknown { key: job, is_unresolved: false, task_id });
        }
    }
    Ok(unknown)
}

/// Jobs whose task is in the account. Only asked for where the account has tasks that no job knows.
fn tasks(account: &Account, jobs: &[OpenTask], known: &Known) -> Result<Vec<Unknown>, StoreError> {
    let mut strange = false;
    for task in &account.tasks {
        strange |= known.reader.owner_of_task(&task.task_id)?.is_none();
    }
    if !strange {
        return Ok(Vec::new());
    }
    // What was sent is being looked up by the daemon, or by a person.
    let unsent =
        jobs.iter().filter(|job| !["creating", "unresolved"].contains(&job.state.as_str()));
    let unsent: Vec<&OpenTask> = unsent.take(LOOKUPS_MAX).collect();
    let asked = open::block_on(async {
        let mut found = Vec::new();
        let lookups = async {
            for job in unsent {
                if let Ok(task) = account.client.task(&job.external_task_id).await.result {
                    found.push((job, task.task_id));
                }
            }
        };
        let _in_part = timeout(LOOKUP_TIME, lookups).await;
        Ok(found)
    });
    let mut still = Vec::new();
    for (job, task_id) in asked.unwrap_or_default() {
        // Meanwhile the daemon may have sent it.
        if is_still_open(job, known)? {
            still.push(Unknown::of(job, task_id));
        }
    }
    Ok(still)
}

/// Whether the database still knows of no task of this job's.
fn is_still_open(job: &OpenTask, known: &Known) -> Result<bool, StoreError> {
    let now = known.reader.detail(&job.key)?;
    Ok(now.is_some_and(|now| now.line.task_id.is_none() && now.line.state.name() == job.state))
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
    if known.daemon.is_none() {
        mend.push(format!("{} (each is found by its name before anything is paid)", who.start()));
    } else {
        let status = who.lipsyncd("status");
        mend.push(format!("{status} (each is found by its name before anything is paid)"));
    }
    Finding::warning(NAME, message, mend.join("\n"))
}
