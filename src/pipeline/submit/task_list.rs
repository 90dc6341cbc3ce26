//! The list of the account's tasks, read for those that a create request could have made.

use crate::{
    job::without_signature,
    kling::{Api, ApiError, RemoteTask, VideoRef},
    pipeline::context::{StepContext, history_answer},
    store::{Answer, Call, Listed},
};

/// Query Task (List): "Value range: [1, 500]".
const PAGE_SIZE: u32 = 500;
/// By so much a clock may have been set between a create request and the look for it: a day, and what two
/// clocks may differ by.
const CLOCK_SET_MS: i64 = 26 * 60 * 60 * 1000;
/// So many pages are read in search of a task; an account with more is not searched to its end.
const PAGES_MAX: u32 = 20;

/// What of the list was read.
pub(super) struct Listing {
    /// The tasks, each once.
    pub(super) tasks: Vec<RemoteTask>,
    /// Whether that is all of them, or all that may have been created since the time asked for.
    pub(super) is_complete: bool,
    /// The answer that its last page came with.
    answer: Option<Answer>,
    /// This machine's time when it was read.
    now_ms: i64,
    /// What is taken off that to get the server's.
    pub(super) ahead_ms: i64,
}

impl Listing {
    /// The tasks that may have been created at `sent_at_ms` (by this machine's clock) or later.
    pub(super) fn since(&self, sent_at_ms: i64) -> impl Iterator<Item = &RemoteTask> {
        let since_ms = self.earliest_ms(sent_at_ms);
        self.tasks.iter().filter(move |remote| may_be_since(remote, since_ms))
    }

    /// The server's time before which nothing can have been created that was sent at `sent_at_ms`. The clock may
    /// have been set since: rather a task too many than one too few.
    fn earliest_ms(&self, sent_at_ms: i64) -> i64 {
        match sent_at_ms > self.now_ms {
            true => i64::MIN,
            false => sent_at_ms.saturating_sub(self.ahead_ms).saturating_sub(CLOCK_SET_MS),
        }
    }

    /// The task that the list shows under this name.
    pub(super) fn named(&self, name: &str) -> Option<&RemoteTask> {
        self.tasks.iter().find(|remote| remote.external_task_id.as_deref() == Some(name))
    }

    /// What a task's history is to say; nothing of a list that was not read far enough, because that proves
    /// nothing.
    pub(super) fn listed(&self, candidates: usize) -> Option<Listed> {
        let answer = self.answer.clone().filter(|_| self.is_complete)?;
        let what = match candidates {
            0 => "the account's tasks were listed: none could be it".to_owned(),
            count => format!("the account's tasks were listed: could be it: {count}"),
        };
        Some(Listed { what, answer, at_ms: self.now_ms })
    }
}

/// Reads the list, the newest first, to its end or past what can have been created since `sent_at_ms`.
pub(super) async fn read<A: Api>(
    context: &StepContext<A>,
    sent_at_ms: i64,
) -> Result<Listing, ApiError> {
    let now_ms = context.clock.now_ms();
    let mut listing =
        Listing { tasks: Vec::new(), is_complete: false, answer: None, now_ms, ahead_ms: 0 };
    let mut known = std::collections::HashSet::new();
    for page in 1..=PAGES_MAX {
        let reply = context.query(|| context.api.tasks(page, PAGE_SIZE)).await;
        let tasks = reply.result?;
        listing.answer = history_answer(Call::List, &reply.answer, None);
        // The answer shows the server's time, and this machine's clock may be far from it.
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
        // A page that shows nothing new is followed by no other.
        if listing.is_complete || listing.tasks.len() == before {
            break;
        }
    }
    Ok(listing)
}

/// A task without a time could be any.
fn may_be_since(remote: &RemoteTask, since_ms: i64) -> bool {
    remote.created_at_ms.is_none_or(|at_ms| at_ms >= since_ms)
}

/// Whether Kling shows that video for a task; the signature of an address may be another one.
pub(super) fn is_of_video(remote: &RemoteTask, wanted: &VideoRef) -> bool {
    let Some(video) = &remote.parent_video else { return false };
    let address = |url: &String| without_signature(url).into_owned();
    match wanted {
        VideoRef::Url(url) => video.url.as_ref().map(address) == Some(address(url)),
        VideoRef::Id(id) => video.id.as_ref() == Some(id),
    }
}
