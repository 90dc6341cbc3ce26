//! The tasks at Kling that a task whose create request has an unknown outcome could be.

use super::{TaskListing, first_sent_at_ms, is_of_video};
use crate::{
    job::{State, Task, without_signature},
    kling::{Api, ParentVideo, RemoteTask, TaskStatus},
    pipeline::{StepContext, video_ref},
    store::{Candidate, StoreError},
};

/// A person is shown no more candidates than these.
const CANDIDATES_MAX: usize = 100;

/// The most open create requests that are compared with the unowned tasks.
const OPEN_MAX: usize = 100;

/// Returns the listed tasks without an owner and without another name that are of the task's video. If Kling shows no
/// video as it was sent, videos cannot be compared, and each of these tasks is possible.
pub(super) async fn possible_tasks<'a, A: Api>(
    context: &StepContext<A>,
    task: &Task,
    listing: &'a TaskListing,
) -> Result<Vec<&'a RemoteTask>, StoreError> {
    let (wanted, name) = (video_ref(task), task.external_task_id());
    let mut unowned = Vec::new();
    let mut is_comparable = false;
    for remote in listing.since(first_sent_at_ms(task)) {
        is_comparable |= is_of_video(remote, &wanted);
        match context.store.owner_of_task(&remote.task_id).await? {
            Some(owner) if is_comparable || owner == task.id => {}
            Some(owner) => {
                let owner = context.store.task(owner).await?;
                is_comparable |= owner.is_some_and(|owner| is_of_video(remote, &video_ref(&owner)));
            }
            None if remote.external_task_id.as_ref().is_some_and(|other| *other != name) => {}
            None => unowned.push(remote),
        }
    }
    if !is_comparable && !unowned.is_empty() {
        is_comparable = is_of_open_task(context, &unowned).await?;
    }
    if is_comparable {
        unowned.retain(|remote| is_of_video(remote, &wanted) || !shows_video(remote));
    }
    Ok(unowned)
}

/// Whether one of these tasks shows the video of another create request with an unknown outcome. Its task has no owner
/// either, but its video was sent, so videos can be compared.
async fn is_of_open_task<A: Api>(
    context: &StepContext<A>,
    unowned: &[&RemoteTask],
) -> Result<bool, StoreError> {
    for state in [State::Creating, State::Unresolved] {
        let open = context.store.due_in_state(state, i64::MAX, 0, OPEN_MAX).await?;
        let videos = open.iter().map(video_ref);
        if videos.into_iter().any(|video| unowned.iter().any(|remote| is_of_video(remote, &video)))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn shows_video(remote: &RemoteTask) -> bool {
    remote.parent_video.as_ref().is_some_and(|video| video.url.is_some() || video.id.is_some())
}

/// Returns possible tasks as they are kept for a person.
pub(super) fn to_candidates(tasks: &[&RemoteTask]) -> Vec<Candidate> {
    tasks.iter().take(CANDIDATES_MAX).map(|remote| candidate(remote)).collect()
}

fn candidate(remote: &RemoteTask) -> Candidate {
    // A signature in a URL is a secret.
    let unsigned = |url: String| without_signature(&url).into_owned();
    let video = remote.parent_video.clone();
    let video = video.and_then(|ParentVideo { url, id, .. }| url.map(unsigned).or(id));
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
