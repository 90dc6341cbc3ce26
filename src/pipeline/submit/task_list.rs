//! The list of the account's tasks, searched for the task of a create request.

use crate::{
    job::{CreateAttempt, Task, without_signature},
    kling::{Api, ApiError, RemoteTask, VideoRef},
    pipeline::{StepContext, history_answer},
    store::{ApiCall, HistoryAnswer, ListScan},
};

/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE: u32 = 500;
/// How far a clock may have been changed since a create request: a day, and the difference of two clocks.
const CLOCK_SET_MS: i64 = 26 * 60 * 60 * 1000;
/// How much two correctly set clocks may differ.
const SKEW_MS: i64 = 10 * 60 * 1000;
/// The most pages that are read. The list of an account with more tasks is incomplete.
const PAGES_MAX: u32 = 20;

/// Why an incomplete list decides nothing.
pub(super) const INCOMPLETE: &str = "the list of the account's tasks could not be read to its end";

pub(super) struct TaskListing {
    /// The tasks, each once.
    pub(super) tasks: Vec<RemoteTask>,
    /// Whether these are all tasks, or all that may have been created since the time asked for.
    pub(super) is_complete: bool,
    /// The answer with the last page.
    answer: Option<HistoryAnswer>,
    /// This machine's time when the list was read.
    now_ms: i64,
    /// What is subtracted from this machine's time to get the server's.
    pub(super) ahead_ms: i64,
}

impl TaskListing {
    /// Returns the tasks that may have been created at `sent_at_ms` (by this machine's clock) or later.
    pub(super) fn since(&self, sent_at_ms: i64) -> impl Iterator<Item = &RemoteTask> {
        let since_ms = self.earliest_ms(sent_at_ms);
        self.tasks.iter().filter(move |remote| may_be_since(remote, since_ms))
    }

    /// Returns the server's time before which no task of a request can have been created that was sent at `sent_at_ms`.
    /// The clock may have been set since then, so rather one task too many is returned than one too few.
    fn earliest_ms(&self, sent_at_ms: i64) -> i64 {
        match sent_at_ms > self.now_ms {
            true => i64::MIN,
            false => sent_at_ms.saturating_sub(self.ahead_ms).saturating_sub(CLOCK_SET_MS),
        }
    }

    /// Whether a task was created at `sent_at_ms` or later, if no clock was set since.
    pub(super) fn may_be_new(&self, remote: &RemoteTask, sent_at_ms: i64) -> bool {
        let since_ms = sent_at_ms.saturating_sub(self.ahead_ms).saturating_sub(SKEW_MS);
        sent_at_ms > self.now_ms || may_be_since(remote, since_ms)
    }

    /// Returns the task that the list shows under this name.
    pub(super) fn named(&self, name: &str) -> Option<&RemoteTask> {
        self.tasks.iter().find(|remote| remote.external_task_id.as_deref() == Some(name))
    }

    /// Returns what the task's history says about the list. An incomplete list proves nothing and is not mentioned.
    pub(super) fn listed(&self, candidates: usize) -> Option<ListScan> {
        let answer = self.answer.clone().filter(|_| self.is_complete)?;
        let what = match candidates {
            0 => "listed the account's tasks: none could be this one".to_owned(),
            count => format!("listed the account's tasks: {count} could be this one"),
        };
        Some(ListScan { what, answer, at_ms: self.now_ms })
    }
}

/// Reads the list, newest first, to its end or past the tasks that can have been created since `sent_at_ms`.
pub(super) async fn read<A: Api>(
    context: &StepContext<A>,
    sent_at_ms: i64,
) -> Result<TaskListing, ApiError> {
    let now_ms = context.clock.now_ms();
    let mut listing =
        TaskListing { tasks: Vec::new(), is_complete: false, answer: None, now_ms, ahead_ms: 0 };
    let mut known = std::collections::HashSet::new();
    for page in 1..=PAGES_MAX {
        let reply = context.query(|| context.api.tasks(page, PAGE_SIZE)).await;
        let tasks = reply.result?;
        listing.answer = history_answer(ApiCall::List, &reply.answer, None);
        // The answer shows the server's time, from which this machine's clock may differ a lot.
        listing.now_ms = context.clock.now_ms();
        let server_at_ms = reply.answer.server_at_ms.unwrap_or(listing.now_ms);
        listing.ahead_ms = listing.now_ms.saturating_sub(server_at_ms);
        let is_last = tasks.len() < PAGE_SIZE as usize;
        let since_ms = listing.earliest_ms(sent_at_ms);
        let is_past = tasks.iter().all(|remote| !may_be_since(remote, since_ms));
        listing.is_complete = is_last || is_past;
        let before = listing.tasks.len();
        listing
            .tasks
            .extend(tasks.into_iter().filter(|remote| known.insert(remote.task_id.clone())));
        // After a page that shows nothing new, no other page does.
        if listing.is_complete || listing.tasks.len() == before {
            break;
        }
    }
    Ok(listing)
}

/// A task without a time may be of any time.
fn may_be_since(remote: &RemoteTask, since_ms: i64) -> bool {
    remote.created_at_ms.is_none_or(|at_ms| at_ms >= since_ms)
}

/// Returns when (Unix ms) the create request was first sent. Without one, any task may be the task.
pub(super) fn first_sent_at_ms(task: &Task) -> i64 {
    task.create
        .as_ref()
        .map_or(i64::MIN, |CreateAttempt { first_sent_at_ms, .. }| *first_sent_at_ms)
}

/// Whether Kling shows this video for a task. The signature of a URL may differ.
pub(super) fn is_of_video(remote: &RemoteTask, wanted: &VideoRef) -> bool {
    let Some(video) = &remote.parent_video else { return false };
    let address = |url: &String| without_signature(url).into_owned();
    match wanted {
        VideoRef::Url(url) => video.url.as_ref().map(address) == Some(address(url)),
        VideoRef::Id(id) => video.id.as_ref() == Some(id),
    }
}
