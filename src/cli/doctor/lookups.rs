//! Whether the account answers lookups by `external_task_id`: asked of a task that exists. What two databases on one
//! account may pay depends on it.

use std::time::Duration;

use tokio::time::timeout;

use super::{api::Account, database::Known, finding::Finding};
use crate::{
    cli::open,
    config::{Config, Credentials},
    daemon,
    kling::{Api as _, ApiError, Client, ErrorClass, LookupStyle},
    store,
};

const NAME: &str = "lookups";
const PATIENCE: Duration = Duration::from_secs(10);

const TWICE: &str = "two databases on this account may both pay for the same request";

/// What is known about lookups by name.
pub(super) enum Lookups {
    /// A task that exists was found by its name, in this spelling.
    Answered(LookupStyle),
    /// A task that exists was not found by its name, in any spelling.
    Unanswered,
    /// Nothing was proved now.
    Unproven,
}

/// What asking for a task that exists showed.
enum Proof {
    Answered(String, LookupStyle),
    Unanswered(String),
    NotShown(String),
    Failed(String),
}

/// Looks up a task that exists, and says what that means. `account`: none where the API gave no answer.
pub(super) fn check(
    config: &Config,
    credentials: Option<&Credentials>,
    known: &Known,
    account: Option<&Account>,
    findings: &mut Vec<Finding>,
) -> Lookups {
    let here = credentials.map(|credentials| daemon::account(config, credentials));
    let stored = here.as_ref().and_then(|here| known.reader.lookups(here).ok());
    let stored = stored.unwrap_or(store::Lookups::Unknown);
    let task =
        here.as_ref().and_then(|here| known.reader.newest_accepted_task(here).ok().flatten());
    let task = task.and_then(|task| Some((task.task_id.clone()?, task.external_task_id())));
    let proof = account.and_then(|account| {
        let (task_id, name) = task.or_else(|| listed(account))?;
        let asked = open::block_on(async {
            Ok(timeout(PATIENCE, ask(&account.client, &task_id, &name)).await)
        });
        let late = || Proof::Failed(format!("no answer within {} s", PATIENCE.as_secs()));
        Some(asked.ok().and_then(Result::ok).unwrap_or_else(late))
    });
    let (finding, lookups) = match proof {
        Some(Proof::Answered(task_id, spelling)) => {
            (answered(&format!("asked for task {task_id}")), Lookups::Answered(spelling))
        }
        Some(Proof::Unanswered(task_id)) => {
            let shown = format!("Kling shows task {task_id} by its id, and not by its name");
            (unanswered(&shown), Lookups::Unanswered)
        }
        Some(Proof::NotShown(task_id)) => {
            let why = format!("Kling shows task {task_id} neither by its name nor by its id");
            (unknown(&why), Lookups::Unproven)
        }
        Some(Proof::Failed(why)) => {
            (unknown(&format!("a lookup failed: {why}")), Lookups::Unproven)
        }
        None => (from_earlier(stored), Lookups::Unproven),
    };
    findings.push(finding);
    lookups
}

/// A task of the account that shows its name.
fn listed(account: &Account) -> Option<(String, String)> {
    let named = |task: &crate::kling::RemoteTask| {
        Some((task.task_id.clone(), task.external_task_id.clone()?))
    };
    account.tasks.iter().find_map(named)
}

async fn ask(client: &Client, task_id: &str, name: &str) -> Proof {
    let is_it = |found: &str| found == task_id;
    for spelling in LookupStyle::ALL {
        match client.task_by_name(name, spelling).await.result {
            Ok(task) if is_it(&task.task_id) => {
                return Proof::Answered(task_id.to_owned(), spelling);
            }
            Ok(_) => {}
            Err(error) if is_not_found(&error) => {}
            Err(error) => return Proof::Failed(error.to_string()),
        }
    }
    match client.task(task_id).await.result {
        Ok(task) if is_it(&task.task_id) => Proof::Unanswered(task_id.to_owned()),
        Ok(_) => Proof::NotShown(task_id.to_owned()),
        Err(error) if is_not_found(&error) => Proof::NotShown(task_id.to_owned()),
        Err(error) => Proof::Failed(error.to_string()),
    }
}

fn is_not_found(error: &ApiError) -> bool {
    matches!(error.class, ErrorClass::NotFound | ErrorClass::BadRequest | ErrorClass::Empty)
}

/// What the daemon learned, where nothing can be asked now.
fn from_earlier(stored: store::Lookups) -> Finding {
    match stored {
        store::Lookups::Unknown => unknown("the first task that this account accepts shows it"),
        store::Lookups::Unanswered => unanswered("learned from an earlier task"),
        _ => answered("learned from an earlier task"),
    }
}

fn answered(why: &str) -> Finding {
    let message = format!(
        "the account answers lookups by external_task_id ({why}): a task that another database created for \
         the same request is found before it is paid again, unless both are created within seconds"
    );
    Finding::ok(NAME, message)
}

fn unanswered(why: &str) -> Finding {
    let message =
        format!("the account does not answer lookups by external_task_id ({why}): {TWICE}");
    Finding::warning(NAME, message, "use this account with one state database only")
}

fn unknown(why: &str) -> Finding {
    let message = format!(
        "it is not known whether the account answers lookups by external_task_id ({why}); where it does \
         not, {TWICE}"
    );
    Finding::ok(NAME, message)
}
