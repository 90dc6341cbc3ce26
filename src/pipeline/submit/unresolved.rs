//! Unresolved tasks, looked up again whenever more may be known: a person is not asked in vain.

use super::{
    inquiry::{Finding, Inquiry, inquire, oldest_ms, outcome_of_unresolved},
    lookup_support::learn_again,
    task_list,
};
use crate::{
    job::{CreateAnswer, State, Task},
    kling::{Api, ApiError},
    pipeline::{context::Context, step::Word},
    store::StoreError,
};

/// So many unresolved tasks are looked up in one go.
const TASKS_MAX: usize = 1_000;

/// The result of looking up the unresolved tasks.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct LookedUp {
    /// Those that are not unresolved any more.
    pub(in crate::pipeline) moved: Vec<Task>,
    /// How many still are.
    pub(in crate::pipeline) left: usize,
    /// A call failed: it is to be tried again soon.
    pub(in crate::pipeline) is_failed: bool,
    /// The answers proved nothing about some of them.
    pub(in crate::pipeline) is_unproven: bool,
    /// What the API said about the account.
    pub(in crate::pipeline) word: Option<Word>,
}

/// Reads the list once and asks for each unresolved task; keeps which of the account's tasks it could be.
pub(in crate::pipeline) async fn look_up<A: Api>(
    context: &Context<A>,
) -> Result<LookedUp, StoreError> {
    let mut looked_up = LookedUp::default();
    let tasks = context.store.due_in_state(State::Unresolved, i64::MAX, 0, TASKS_MAX).await?;
    let Some(since_ms) = tasks.iter().map(oldest_ms).min() else { return Ok(looked_up) };
    looked_up.left = tasks.len();
    learn_again(context).await?;
    let listing = match task_list::read(context, since_ms).await {
        Ok(listing) => listing,
        Err(error) => return Ok(failed(looked_up, &error)),
    };
    if !listing.is_complete {
        tracing::warn!(
            tasks = listing.tasks.len(),
            "the account has too many tasks to look through them all for those that unresolved jobs \
             could be"
        );
    }
    for task in tasks {
        let Inquiry { finding, answer, candidates, name_failed } =
            inquire(context, &task, Some(&listing)).await?;
        if let Finding::Failed(_, word) = &finding {
            looked_up.is_failed = true;
            looked_up.word = looked_up.word.or(word.clone());
        }
        looked_up.is_unproven |= name_failed || is_unproven(&finding, &task);
        let Some(outcome) = outcome_of_unresolved(finding, &task) else {
            if let Some((candidates, listed)) = candidates {
                context.store.set_candidates(task.id, candidates, listed).await?;
            }
            continue;
        };
        match context.note(&task, outcome, answer).await {
            Ok(task) => looked_up.moved.push(task),
            // A person decided meanwhile.
            Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. }) => {}
            Err(error) => return Err(error),
        }
        looked_up.left -= 1;
    }
    Ok(looked_up)
}

/// Whether another lookup may soon find more: a name that Kling says exists will show up.
fn is_unproven(finding: &Finding, task: &Task) -> bool {
    let answer = task.create.as_ref().map(|create| create.answer);
    match finding {
        Finding::Unproven(_) => true,
        Finding::Absent => answer == Some(CreateAnswer::NameExists),
        _ => false,
    }
}

fn failed(looked_up: LookedUp, error: &ApiError) -> LookedUp {
    let ApiError { code, request_id, .. } = error;
    tracing::warn!(
        code,
        request_id,
        "the tasks that unresolved jobs could be cannot be listed: {error}"
    );
    LookedUp { is_failed: true, word: Word::of_query(error), ..looked_up }
}
