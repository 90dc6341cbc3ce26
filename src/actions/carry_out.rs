//! Carries out an action on all selected jobs, in batches.

use std::ops::ControlFlow;

use futures_util::future::join_all;

use super::{JobAction, NotChanged};
use crate::{
    job::{Moment, Policy},
    store::{CommandFailure, Reader, SelectedJobs, Store, StoreError},
};

/// Jobs that are changed at once. Their changes share few transactions. A batch is short enough
/// for the daemon, which cannot write meanwhile.
const BATCH: usize = 256;

/// What an action needs to change jobs.
#[derive(Clone, Copy)]
pub struct Updater<'a> {
    /// Writes the changes.
    pub store: &'a Store,
    /// Finds the jobs.
    pub reader: &'a Reader,
    /// The delays and limits of the configuration.
    pub policy: &'a Policy,
    /// Now, in Unix ms.
    pub now_ms: fn() -> i64,
}

/// What became of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Changed {
    pub key: String,
    /// What was done, or why not.
    pub result: Result<String, NotChanged>,
}

/// How far an action came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActionProgress {
    /// Jobs that were changed.
    pub changed: usize,
    /// Jobs that the action refused.
    pub refused: usize,
    /// Whether it ended before all jobs had their turn. The same action continues.
    pub is_interrupted: bool,
}

/// Does `action` to the selected jobs. Calls `visit` after each batch; [`ControlFlow::Break`] ends the action. What was
/// visited is committed, and stays, whatever happens later.
pub async fn carry_out<E: From<StoreError>>(
    updater: Updater<'_>,
    jobs: &SelectedJobs,
    action: &JobAction,
    mut visit: impl FnMut(Vec<Changed>, &ActionProgress) -> Result<ControlFlow<()>, E>,
) -> Result<ActionProgress, E> {
    let mut progress = ActionProgress::default();
    let mut pages = jobs.pages(BATCH);
    while let Some(ids) = pages.next(updater.reader)? {
        let keys = updater.reader.keys_of(&ids)?;
        let updates = keys.into_iter().map(|key| update(updater, key, action));
        let changes: Vec<Changed> =
            join_all(updates).await.into_iter().collect::<Result<_, _>>()?;
        for change in &changes {
            match &change.result {
                Ok(_) => progress.changed += 1,
                Err(NotChanged::Refused { .. }) => progress.refused += 1,
                Err(NotChanged::AlreadyDone(_) | NotChanged::NotSelected) => {}
            }
        }
        if visit(changes, &progress)?.is_break() && pages.has_more() {
            return Ok(ActionProgress { is_interrupted: true, ..progress });
        }
    }
    Ok(progress)
}

async fn update(
    updater: Updater<'_>,
    key: String,
    action: &JobAction,
) -> Result<Changed, StoreError> {
    // Randomness spreads automatic retries. A person's action happens at once.
    let moment = Moment { now_ms: (updater.now_ms)(), chance: 0.0 };
    let (decider, policy) = (action.clone(), updater.policy.clone());
    let decide = move |state: &_| decider.decide(state);
    let result = match updater.store.command(&key, decide, moment, policy).await {
        Ok(state) => Ok(action.describe(&state)),
        Err(CommandFailure::Refused(reason)) => Err(reason),
        Err(CommandFailure::Conflict(why)) => Err(NotChanged::Refused { why, hint: None }),
        // It was deleted since it was found.
        Err(CommandFailure::Unknown) => Err(NotChanged::NotSelected),
        Err(CommandFailure::Store(error)) => return Err(error),
    };
    Ok(Changed { key, result })
}
