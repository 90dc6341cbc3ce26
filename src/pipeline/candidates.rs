//! The account's tasks that an unresolved job could be: read from the list, and kept for the person who
//! decides.

use super::{
    context::Context,
    listing::{self, Listing},
    local::video_ref,
    step::Word,
};
use crate::{
    job::{State, Task, without_signature},
    kling::{Api, ApiError, ParentVideo, RemoteTask, TaskStatus, VideoRef},
    store::{Candidate, Listed, StoreError},
};

/// So many unresolved jobs are looked at in one go.
const JOBS_MAX: usize = 1_000;
/// A person is shown no more; who has more to choose from looks at the account itself.
const CANDIDATES_MAX: usize = 100;

/// What came of reading the list for unresolved jobs.
#[derive(Debug)]
pub(super) enum Refreshed {
    /// All of them have their candidates.
    Done,
    /// The list could not be read; it is to be tried later.
    Later(Option<Word>),
}

/// Reads the list once, and keeps for each unresolved job which of the tasks could be its own.
pub(super) async fn refresh<A: Api>(context: &Context<A>) -> Result<Refreshed, StoreError> {
    let tasks = context.store.under_way(State::Unresolved, i64::MAX, 0, JOBS_MAX).await?;
    if tasks.is_empty() {
        return Ok(Refreshed::Done);
    }
    let listing = match listing::read(context).await {
        Ok(listing) => listing,
        Err(error) => return Ok(later(&error)),
    };
    for task in tasks {
        let mut free = Vec::new();
        let sent_at_ms = task.create.as_ref().map_or(0, |create| create.first_sent_at_ms);
        for remote in listing.since(sent_at_ms) {
            if context.store.owner_of_task(&remote.task_id).await?.is_none() {
                free.push(remote);
            }
        }
        let candidates = of(&task, &free);
        let listed = listed(&listing, &candidates);
        context.store.set_candidates(task.id, candidates, listed).await?;
    }
    Ok(Refreshed::Done)
}

/// What the job's history is to say; nothing of a list that was not read to its end, for that proves
/// nothing.
fn listed(listing: &Listing, candidates: &[Candidate]) -> Option<Listed> {
    let Some(answer) = listing.answer.clone().filter(|_| listing.whole) else {
        tracing::warn!(
            tasks = listing.tasks.len(),
            "the account has too many tasks to look through for those that unresolved jobs could be"
        );
        return None;
    };
    let what = match candidates.len() {
        0 => "the account's tasks were listed: none could be it".to_owned(),
        count => format!("the account's tasks were listed: could be it: {count}"),
    };
    Some(Listed { what, answer, at_ms: listing.now_ms })
}

fn later(error: &ApiError) -> Refreshed {
    let ApiError { code, request_id, .. } = error;
    tracing::warn!(
        code,
        request_id,
        "the tasks that unresolved jobs could be cannot be listed: {error}"
    );
    Refreshed::Later(Word::of_query(error))
}

/// The tasks of the job's own video; all of them where the API spells none of their videos as it was
/// asked to: a person who is shown nothing would take that for proof that there is nothing.
fn of(task: &Task, free: &[&RemoteTask]) -> Vec<Candidate> {
    let wanted = video_ref(task);
    let same: Vec<&RemoteTask> =
        free.iter().copied().filter(|remote| is_of(remote, &wanted)).collect();
    let could_be = if same.is_empty() { free } else { &same };
    could_be.iter().take(CANDIDATES_MAX).map(|remote| candidate(remote)).collect()
}

/// Whether the API shows that video for a task; the signature of an address may be another one.
pub(super) fn is_of(remote: &RemoteTask, wanted: &VideoRef) -> bool {
    let Some(video) = &remote.parent_video else { return false };
    let address = |url: &String| without_signature(url).into_owned();
    match wanted {
        VideoRef::Url(url) => video.url.as_ref().map(address) == Some(address(url)),
        VideoRef::Id(id) => video.id.as_ref() == Some(id),
    }
}

fn candidate(remote: &RemoteTask) -> Candidate {
    let video = remote.parent_video.clone().and_then(|ParentVideo { url, id, .. }| url.or(id));
    let status = match &remote.status {
        TaskStatus::Submitted => "submitted",
        TaskStatus::Processing => "processing",
        TaskStatus::Succeed => "succeed",
        TaskStatus::Failed => "failed",
        TaskStatus::Other(other) => other,
    };
    Candidate {
        task_id: remote.task_id.clone(),
        status: status.to_owned(),
        video,
        created_at_ms: remote.created_at_ms,
    }
}
