//! Tasks of the account that have the name of a job which the database holds as unsent.

use std::time::Duration;

use tokio::time::timeout;

use super::{api::Account, lookups::Lookups};
use crate::{
    cli::open,
    kling::{Api as _, Client, ErrorClass, LookupStyle, RemoteTask},
    store::OpenTask,
};

/// So many names are asked for.
const LOOKUPS_MAX: usize = 20;
const LOOKUP_TIME: Duration = Duration::from_secs(10);

/// What Kling answered to the names of jobs that were not sent.
#[derive(Default)]
pub(super) struct Names {
    /// Kling has no task of so many.
    pub(super) absent: usize,
    /// Of so many that is not known.
    pub(super) unproven: usize,
}

/// Jobs that were not sent, each with its task in the account; and what is known of the other names.
pub(super) fn look_up<'a>(
    account: &Account,
    unsent: &[&'a OpenTask],
    lookups: &Lookups,
) -> (Vec<(&'a OpenTask, String)>, Names) {
    let mut found: Vec<(&'a OpenTask, String)> = Vec::new();
    let mut to_ask: Vec<&'a OpenTask> = Vec::new();
    for job in unsent {
        let is_its =
            |task: &&RemoteTask| task.external_task_id.as_ref() == Some(&job.external_task_id);
        match account.tasks.iter().find(is_its) {
            Some(task) => found.push((job, task.task_id.clone())),
            None => to_ask.push(job),
        }
    }
    let mut names = Names { unproven: to_ask.len(), ..Names::default() };
    // What was answered in time counts.
    let mut asked: Vec<(&'a OpenTask, Option<String>)> = Vec::new();
    let _in_part = open::block_on(async {
        let lookups = async {
            for job in to_ask.iter().take(LOOKUPS_MAX) {
                match by_name(&account.client, &job.external_task_id, lookups).await {
                    Asked::Found(task_id) => asked.push((job, Some(task_id))),
                    Asked::Absent => asked.push((job, None)),
                    Asked::Unproven => {}
                }
            }
        };
        Ok(timeout(LOOKUP_TIME, lookups).await)
    });
    names.unproven -= asked.len();
    for (job, task_id) in asked {
        match task_id {
            Some(task_id) => found.push((job, task_id)),
            None => names.absent += 1,
        }
    }
    (found, names)
}

/// What a lookup of one name showed.
enum Asked {
    Found(String),
    Absent,
    Unproven,
}

/// An empty success proves nothing, and neither does any answer of an account that was not seen to find a task by
/// its name.
async fn by_name(client: &Client, name: &str, lookups: &Lookups) -> Asked {
    let spellings: &[LookupStyle] = match lookups {
        Lookups::Answered(spelling) => std::slice::from_ref(spelling),
        Lookups::Unanswered => &[],
        Lookups::Unproven => &LookupStyle::ALL,
    };
    let mut is_absent = matches!(lookups, Lookups::Answered(_));
    for spelling in spellings {
        match client.task_by_name(name, *spelling).await.result {
            Ok(task) => return Asked::Found(task.task_id),
            Err(error) => is_absent &= error.class == ErrorClass::NotFound,
        }
    }
    if is_absent { Asked::Absent } else { Asked::Unproven }
}
