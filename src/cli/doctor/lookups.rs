//! Whether the account finds tasks by `external_task_id`, tried with a task that exists. What two databases on one
//! account may pay depends on it.

use std::time::Duration;

use tokio::time::timeout;

use super::{AccountAnswer, CheckResult, DoctorContext, LookupProof, ok, warning};
use crate::{
    cli::open,
    daemon,
    kling::{Api as _, ApiError, Client, LookupStyle, RemoteTask},
    store::Lookups,
};

const TIME_LIMIT: Duration = Duration::from_secs(10);

const TWICE: &str = "two databases on this account may both pay for the same request";

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let Some(database) = &context.database else { return Vec::new() };
    let credentials = context.credentials.as_ref();
    let here = credentials.map(|credentials| daemon::account(&context.config, credentials));
    let stored = here.as_ref().and_then(|here| database.reader.lookups(here).ok());
    let task =
        here.as_ref().and_then(|here| database.reader.newest_accepted_task(here).ok().flatten());
    let task = task.and_then(|task| Some((task.task_id.clone()?, task.external_task_id())));
    let tried = context.account.as_ref().and_then(|account| {
        let (task_id, name) = task.or_else(|| listed(account))?;
        let proof = open::block_on(async {
            Ok(timeout(TIME_LIMIT, look_up(&account.client, &task_id, &name)).await)
        });
        let late = (LookupProof::Unknown, "the lookup got no answer in time".to_owned());
        Some(proof.ok().and_then(Result::ok).unwrap_or(late))
    });
    let (proof, why) = tried.unwrap_or_else(|| (LookupProof::Unknown, String::new()));
    context.lookups = proof;
    let finding = match (proof, why.as_str()) {
        (LookupProof::Works(_), why) => works(why),
        (LookupProof::Fails, why) => fails(why),
        // Nothing could be tried: what the daemon learned from an earlier task.
        (LookupProof::Unknown, "") => match stored.unwrap_or(Lookups::Unknown) {
            Lookups::Unknown => unknown("the first task that this account accepts will show it"),
            Lookups::Unanswered => fails("learned from an earlier task"),
            _ => works("learned from an earlier task"),
        },
        (LookupProof::Unknown, why) => unknown(why),
    };
    vec![finding]
}

/// Returns a task of the account whose list entry shows its name.
fn listed(account: &AccountAnswer) -> Option<(String, String)> {
    let named = |task: &RemoteTask| Some((task.task_id.clone(), task.external_task_id.clone()?));
    account.tasks.iter().find_map(named)
}

async fn look_up(client: &Client, task_id: &str, name: &str) -> (LookupProof, String) {
    let failed = |error: ApiError| (LookupProof::Unknown, format!("a lookup failed: {error}"));
    for style in LookupStyle::ALL {
        match client.task_by_name(name, style).await.result {
            Ok(task) if task.task_id == task_id => {
                return (LookupProof::Works(style), format!("tried with task {task_id}"));
            }
            Err(error) if !error.class.is_not_found() => return failed(error),
            _ => {}
        }
    }
    // Only a task that Kling shows by its id proves that the lookup by name does not work.
    match client.task(task_id).await.result {
        Ok(task) if task.task_id == task_id => {
            let why = format!("Kling shows task {task_id} by its id, and not by its name");
            (LookupProof::Fails, why)
        }
        Err(error) if !error.class.is_not_found() => failed(error),
        _ => {
            let why = format!("Kling does not show task {task_id}, by its name or by its id");
            (LookupProof::Unknown, why)
        }
    }
}

fn works(why: &str) -> CheckResult {
    ok(format!(
        "the account answers lookups by external_task_id ({why}): a task that another database created for \
         the same request is found before it is paid again, unless both are created within seconds"
    ))
}

fn fails(why: &str) -> CheckResult {
    warning(
        format!("the account does not answer lookups by external_task_id ({why}): {TWICE}"),
        "use this account with one state database only",
    )
}

fn unknown(why: &str) -> CheckResult {
    ok(format!(
        "it is not known whether the account answers lookups by external_task_id ({why}); if it does not, {TWICE}"
    ))
}
