//! The list of the account's tasks, read for those that a job whose create was lost could be.

use super::{
    context::{Context, kept},
    lookup::{LOOKS_MIN, Open},
    pace::Kind,
    step::{Word, trouble},
};
use crate::{
    job::{Outcome, Task, outcome::Trouble},
    kling::{Api, ApiError, RemoteTask},
    store::{Answer, Call, StoreError},
};

/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE: u32 = 500;
/// By so much a clock may have been set between a create and the look for it: a day, and what two
/// clocks may differ by.
const CLOCK_SET_MS: i64 = 26 * 60 * 60 * 1000;
/// So many pages are read in search of a task; an account with more is not searched whole.
const PAGES_MAX: u32 = 20;

/// What of the list was read.
pub(super) struct Listing {
    /// The tasks, each once.
    pub(super) tasks: Vec<RemoteTask>,
    /// Whether that is all of them.
    pub(super) whole: bool,
    /// The answer that its last page came with.
    pub(super) answer: Option<Answer>,
    /// This machine's time when it was read.
    pub(super) now_ms: i64,
    /// What is taken off that to get the API's.
    ahead_ms: i64,
}

impl Listing {
    /// The tasks that may have been created at `sent_at_ms` (by this machine's clock) or later. The
    /// clock may have been set since: rather a task too many than one too few.
    pub(super) fn since(&self, sent_at_ms: i64) -> impl Iterator<Item = &RemoteTask> {
        let since_ms = match sent_at_ms > self.now_ms {
            true => i64::MIN,
            false => sent_at_ms.saturating_sub(self.ahead_ms).saturating_sub(CLOCK_SET_MS),
        };
        // A task without a time could be any.
        self.tasks
            .iter()
            .filter(move |remote| remote.created_at_ms.is_none_or(|at_ms| at_ms >= since_ms))
    }
}

/// Reads the list, the newest first.
pub(super) async fn read<A: Api>(context: &Context<A>) -> Result<Listing, ApiError> {
    let now_ms = context.clock.now_ms();
    let mut listing =
        Listing { tasks: Vec::new(), whole: false, answer: None, now_ms, ahead_ms: 0 };
    let mut known = std::collections::HashSet::new();
    for page in 1..=PAGES_MAX {
        context.pace.ready(Kind::Query).await;
        let reply = context.api.tasks(page, PAGE_SIZE).await;
        let tasks = reply.result?;
        listing.answer = kept(Call::List, &reply.answer, None);
        // The list tells the API's time, and this machine's clock may be far from it.
        listing.now_ms = context.clock.now_ms();
        let server_at_ms = reply.answer.server_at_ms.unwrap_or(listing.now_ms);
        listing.ahead_ms = listing.now_ms.saturating_sub(server_at_ms);
        listing.whole = tasks.len() < PAGE_SIZE as usize;
        let before = listing.tasks.len();
        listing
            .tasks
            .extend(tasks.into_iter().filter(|remote| known.insert(remote.task_id.clone())));
        // A page that shows nothing new is followed by no other.
        if listing.whole || listing.tasks.len() == before {
            break;
        }
    }
    Ok(listing)
}

/// While nobody knows whether the account answers lookups, every task that was created since the
/// create was sent, and is no other job's, could be it.
pub(super) async fn holds_none_of<A: Api>(
    context: &Context<A>,
    task: &Task,
) -> Result<Result<(), Open>, StoreError> {
    // Asked before and after: a create that begins and ends in between has its task written down.
    let was_under_way = context.under_way.any();
    let listing = match read(context).await {
        Ok(listing) => listing,
        Err(error) => return Ok(Err((Outcome::Trouble(trouble(&error)), Word::of_query(&error)))),
    };
    let is_under_way = was_under_way || context.under_way.any();
    let sent_at_ms = task.create.as_ref().map_or(0, |create| create.first_sent_at_ms);
    for remote in listing.since(sent_at_ms) {
        if context.store.owner_of_task(&remote.task_id).await?.is_some() {
            continue;
        }
        // It may be another job's, whose create is under way, or lost and about to be found.
        if is_under_way || task.tries < LOOKS_MIN {
            let message = format!("task {} could be it: looking again", remote.task_id);
            let code = "lookup".to_owned();
            let again = Trouble { code, message, retry_after_ms: None };
            return Ok(Err((Outcome::Trouble(again), None)));
        }
        let why = format!(
            "the answer to its create was lost, it is not known whether this account answers \
             lookups, and task {} could be it",
            remote.task_id
        );
        return Ok(Err((Outcome::NoLookups(why), None)));
    }
    if listing.whole {
        return Ok(Ok(()));
    }
    let why = "the answer to its create was lost, it is not known whether this account answers \
               lookups, and it has too many tasks to look through";
    Ok(Err((Outcome::NoLookups(why.to_owned()), None)))
}
