//! Whether the database is older than the work done with it: restored from a backup, or the wrong one.
//!
//! Signs of that are a result on disk, or a task in the account, with the name of a job that the database holds as
//! unsent, and a result of a job that the database does not know. While one database is in use, neither can happen,
//! because a create request is written before it is sent, and jobs are kept forever. Work for jobs that had ended
//! before the backup is not found. A create request with an unknown outcome is not unsent: the daemon looks it up.

use std::{path::PathBuf, time::Duration};

use tokio::time::timeout;

use super::{
    AccountAnswer, CheckResult, DoctorContext, LookupProof, OpenDatabase, Users, ok, result_files,
    timeout as limit, warning,
};
use crate::{
    cli::{counted, open, shell_word},
    kling::{Api as _, Client, ErrorClass, LookupStyle},
    store::{OpenTask, StoreError},
};

/// The most jobs of each state that are checked, and the most lookups.
const JOBS_MAX: usize = 50;
const LOOKUPS_MAX: usize = 20;
const LOOKUPS_LIMIT: Duration = Duration::from_secs(10);
const NAMED_MAX: usize = 3;

struct UnrecordedTask {
    key: String,
    task_id: String,
    is_unresolved: bool,
}

/// What Kling answered about the names of unsent jobs.
#[derive(Default)]
struct Names<'a> {
    found: Vec<(&'a OpenTask, String)>,
    absent: usize,
    unproven: usize,
}

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let Some(database) = &context.database else { return Vec::new() };
    let compare = || -> Result<CheckResult, StoreError> {
        let jobs = database.reader.open_tasks(JOBS_MAX)?;
        // The daemon looks these up, or a person decides them.
        let is_sent = |job: &&OpenTask| ["creating", "unresolved"].contains(&job.state.as_str());
        let unsent: Vec<&OpenTask> = jobs.iter().filter(|job| !is_sent(job)).collect();
        let results = unknown_results(context, database, &jobs)?;
        let names = match &context.account {
            Some(account) => look_up(account, &unsent, context.lookups),
            None => Names { unproven: unsent.len(), ..Names::default() },
        };
        let mut tasks = Vec::new();
        for (job, task_id) in &names.found {
            // A running daemon may have sent it since.
            if database.reader.owner_of_task(task_id)?.is_none() && is_still_open(job, database)? {
                tasks.push(UnrecordedTask::of(job, task_id.clone()));
            }
        }
        Ok(match results {
            None if tasks.is_empty() => {
                let folder = context.config.output_dir.display();
                let what = "results that the database does not know were not searched";
                warning(format!("{folder} does not answer: {what}"), "see output_dir above")
            }
            Some(results) if results.is_empty() && tasks.is_empty() => {
                ok(nothing_found(unsent.len(), &names))
            }
            results => older(&results.unwrap_or_default(), &tasks, database, &context.users),
        })
    };
    let failed = |error: StoreError| warning(error.to_string(), context.users.lipsyncd("status"));
    vec![compare().unwrap_or_else(failed)]
}

impl UnrecordedTask {
    fn of(job: &OpenTask, task_id: String) -> Self {
        Self { key: job.key.clone(), is_unresolved: job.state == "unresolved", task_id }
    }
}

/// Results on disk that the database does not know; none if the folder does not answer.
fn unknown_results(
    context: &DoctorContext,
    database: &OpenDatabase,
    jobs: &[OpenTask],
) -> Result<Option<Vec<UnrecordedTask>>, StoreError> {
    let root = context.config.output_dir.clone();
    let paths: Vec<PathBuf> =
        jobs.iter().map(|job| root.join(&job.output).with_extension("json")).collect();
    let read = limit::within(limit::FILES, move || {
        let of_jobs: Vec<_> = paths.iter().map(|path| result_files::read(path)).collect();
        (of_jobs, result_files::latest(&root))
    });
    let Some((of_jobs, latest)) = read else { return Ok(None) };
    let mut unknown = Vec::new();
    for (job, result) in jobs.iter().zip(of_jobs) {
        let Some(result) = result else { continue };
        let is_its_own = result.request_hash == job.request_hash && result.take >= job.take;
        if is_its_own && is_still_open(job, database)? {
            unknown.push(UnrecordedTask::of(job, result.task_id));
        }
    }
    for result in latest {
        // By the task, too: the manifest may have been renamed since.
        let is_known = database.reader.detail(&result.job)?.is_some()
            || database.reader.owner_of_task(&result.task_id)?.is_some();
        if !is_known {
            let (key, task_id) = (result.job, result.task_id);
            unknown.push(UnrecordedTask { key, task_id, is_unresolved: false });
        }
    }
    Ok(Some(unknown))
}

fn is_still_open(job: &OpenTask, database: &OpenDatabase) -> Result<bool, StoreError> {
    let now = database.reader.detail(&job.key)?;
    Ok(now.is_some_and(|now| {
        now.overview.task_id.is_none() && now.overview.state.name() == job.state
    }))
}

fn look_up<'a>(account: &AccountAnswer, unsent: &[&'a OpenTask], proof: LookupProof) -> Names<'a> {
    let mut names = Names::default();
    let mut to_look_up: Vec<&'a OpenTask> = Vec::new();
    for job in unsent {
        let mut tasks = account.tasks.iter();
        match tasks.find(|task| task.external_task_id.as_ref() == Some(&job.external_task_id)) {
            Some(task) => names.found.push((job, task.task_id.clone())),
            None => to_look_up.push(job),
        }
    }
    names.unproven = to_look_up.len();
    // After the time limit, the answers so far count.
    let _incomplete = open::block_on(async {
        let lookups = async {
            for job in to_look_up.iter().take(LOOKUPS_MAX) {
                let Some(answer) = by_name(&account.client, &job.external_task_id, proof).await
                else {
                    continue;
                };
                names.unproven -= 1;
                match answer {
                    Some(task_id) => names.found.push((job, task_id)),
                    None => names.absent += 1,
                }
            }
        };
        Ok(timeout(LOOKUPS_LIMIT, lookups).await)
    });
    names
}

/// The task of a name, or `Some(None)` where it is proved that there is none. An empty success proves nothing; neither
/// does an account that was not seen to find a task by its name.
async fn by_name(client: &Client, name: &str, proof: LookupProof) -> Option<Option<String>> {
    let styles: &[LookupStyle] = match &proof {
        LookupProof::Works(style) => std::slice::from_ref(style),
        LookupProof::Fails => &[],
        LookupProof::Unknown => &LookupStyle::ALL,
    };
    let mut is_absent = matches!(proof, LookupProof::Works(_));
    for style in styles {
        match client.task_by_name(name, *style).await.result {
            Ok(task) => return Some(Some(task.task_id)),
            Err(error) => is_absent &= error.class == ErrorClass::NotFound,
        }
    }
    is_absent.then_some(None)
}

/// Claims no more than what was checked.
fn nothing_found(unsent: usize, names: &Names<'_>) -> String {
    let checked = format!("{} not sent yet: none has a result on disk", counted(unsent, "job"));
    match (names.absent, names.unproven) {
        _ if unsent == 0 => {
            "no job is waiting to be sent, and the latest results on disk are known".to_owned()
        }
        (_, 0) => format!("{checked}, and Kling has no tasks with their names"),
        (0, _) => format!("{checked}; it is not known whether Kling has tasks with their names"),
        (absent, unproven) => format!(
            "{checked}; Kling has no task of the names of {}, and for {} that is not known",
            counted(absent, "job"),
            counted(unproven, "job")
        ),
    }
}

fn older(
    results: &[UnrecordedTask],
    tasks: &[UnrecordedTask],
    database: &OpenDatabase,
    users: &Users,
) -> CheckResult {
    let mut keys: Vec<&str> =
        results.iter().chain(tasks).map(|unknown| unknown.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let more = if keys.len() > NAMED_MAX { ", …" } else { "" };
    let named = keys.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let on_disk = format!("{} on disk", counted(results.len(), "result"));
    let in_account = format!("{} in the account", counted(tasks.len(), "task"));
    let what = match (results.is_empty(), tasks.is_empty()) {
        (false, false) => format!("{on_disk} and {in_account}"),
        (false, true) => on_disk,
        _ => in_account,
    };
    let message = format!(
        "the database does not know {what} ({named}{more}): it was restored from a backup, or another database was \
         used here since"
    );
    let undecided = results.iter().filter(|unknown| unknown.is_unresolved).take(NAMED_MAX);
    let resolve = |UnrecordedTask { key, task_id, .. }: &UnrecordedTask| {
        users.lipsyncd(&format!("resolve {} --task {}", shell_word(key), shell_word(task_id)))
    };
    let mut fix: Vec<String> = undecided.map(resolve).collect();
    let next = match database.daemon {
        None => users.start(),
        Some(_) => users.lipsyncd("status"),
    };
    fix.push(format!("{next} (lipsyncd recognises each before it pays anything)"));
    warning(message, fix.join("\n"))
}
