//! How the account answers lookups by name: learned from a task that exists, and proved again by one before an
//! absence is believed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    job::{Account, Task, outcome::TransientError},
    kling::{Api, ErrorClass, Spelling},
    pipeline::{
        context::StepContext,
        step::{AccountSignal, transient_error},
    },
    store::{Lookups, StoreError},
};

/// How long to wait between two lookups of a task that is known to exist.
const BETWEEN: Duration = Duration::from_secs(1);
/// A new task may become visible late; only what stays unseen for so long counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(120);
/// Kling deletes results after 30 days; an older task need not be shown any more.
const SHOWN_MS: i64 = 29 * 24 * 60 * 60 * 1000;

/// The ways in which a name may be asked for: the one that was learned, or all while none is.
pub(super) fn spellings(lookups: Lookups) -> Vec<(Lookups, Spelling)> {
    let all = [
        (Lookups::Path, Spelling::Path),
        (Lookups::Query, Spelling::Query),
        (Lookups::Flag, Spelling::Flag),
    ];
    all.into_iter().filter(|(one, _)| *one == lookups || lookups == Lookups::Unknown).collect()
}

/// What a task that exists shows about lookups by name.
pub(super) enum Proof {
    /// They find it.
    Answered,
    /// They do not find it, though Kling shows it by its id.
    Unanswered,
    /// Kling shows it by no name and not by its id, which is returned.
    NotShown(String),
    /// No task of this key at this host is known.
    NoTask,
    /// The calls failed.
    Failed(TransientError, Option<AccountSignal>),
}

/// Looks up the newest known task of an account. `account` is what a create request was sent to and with.
pub(super) async fn prove<A: Api>(
    context: &StepContext<A>,
    account: &Account,
) -> Result<Proof, StoreError> {
    // An adopted task shows how the account at hand answers, and says nothing of another one.
    let or_adopted = *account == context.settings.account;
    let since_ms = context.clock.now_ms().saturating_sub(SHOWN_MS);
    let Some(known) = context.store.known_task(account, or_adopted, since_ms).await? else {
        return Ok(Proof::NoTask);
    };
    ask(context, &known).await
}

/// Tries an account again that answered no lookups: it may by now, or have been slow to show a new task.
pub(super) async fn learn_again<A: Api>(context: &StepContext<A>) -> Result<(), StoreError> {
    if context.lookups() == Lookups::Unanswered {
        prove(context, &context.settings.account).await?;
    }
    Ok(())
}

async fn ask<A: Api>(context: &StepContext<A>, known: &Task) -> Result<Proof, StoreError> {
    let task_id = known.task_id.clone().unwrap_or_default();
    // What was learned may hold no longer.
    for (lookups, spelling) in spellings(Lookups::Unknown) {
        let name = known.external_task_id();
        match context.query(|| context.api.task_by_name(&name, spelling)).await.result {
            Ok(remote) if remote.task_id == task_id => {
                context.learn_lookups(lookups).await?;
                return Ok(Proof::Answered);
            }
            Ok(_) => {}
            Err(error) if is_not_found(error.meaning) => {}
            Err(error) => {
                return Ok(Proof::Failed(transient_error(&error), AccountSignal::of_query(&error)));
            }
        }
    }
    Ok(match context.query(|| context.api.task(&task_id)).await.result {
        Ok(remote) if remote.task_id == task_id => Proof::Unanswered,
        Ok(_) => Proof::NotShown(task_id),
        Err(error) if is_not_found(error.meaning) => Proof::NotShown(task_id),
        Err(error) => Proof::Failed(transient_error(&error), AccountSignal::of_query(&error)),
    })
}

/// Learns from a task that was just accepted how the account answers lookups.
pub(crate) async fn learn<A: Api>(context: &StepContext<A>, task: &Task) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        match ask(context, task).await? {
            Proof::Answered => return Ok(()),
            Proof::Unanswered if began.elapsed() >= PATIENCE => {
                return context.learn_lookups(Lookups::Unanswered).await;
            }
            Proof::Unanswered => sleep(BETWEEN).await,
            // Another failure teaches nothing; the next task may.
            Proof::Failed(transient_error, signal) => {
                if let Some(AccountSignal::RateLimited { .. }) = signal {
                    context.rate.slow_down(transient_error.retry_after_ms);
                }
                return Ok(());
            }
            Proof::NotShown(_) if began.elapsed() >= PATIENCE => return Ok(()),
            Proof::NotShown(_) => sleep(BETWEEN).await,
            Proof::NoTask => return Ok(()),
        }
    }
}

fn is_not_found(meaning: ErrorClass) -> bool {
    matches!(meaning, ErrorClass::NotFound | ErrorClass::BadRequest | ErrorClass::Empty)
}
