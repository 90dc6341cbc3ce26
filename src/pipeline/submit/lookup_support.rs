//! How the account answers lookups by name: learned from a task that exists, and proved again by one before an absence
//! is trusted.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    job::{Account, Task, outcome::TransientError},
    kling::{Api, LookupStyle},
    pipeline::{AccountSignal, StepContext, transient_error},
    store::{Lookups, StoreError},
};

/// How long to wait between two lookups of a task that is known to exist.
const BETWEEN: Duration = Duration::from_secs(1);
/// Kling may show a new task late. Only a task that is not shown for this long counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(120);
/// Kling deletes results after 30 days, and need not show older tasks.
const SHOWN_MS: i64 = 29 * 24 * 60 * 60 * 1000;

/// Returns the spellings of a lookup to try: the learned one, or all while none is learned. The one on the list path comes
/// last: an API that ignores it answers with its list, which may lag behind.
pub(super) fn spellings(lookups: Lookups) -> Vec<(Lookups, LookupStyle)> {
    let all = [
        (Lookups::Path, LookupStyle::Path),
        (Lookups::Flag, LookupStyle::Flag),
        (Lookups::Query, LookupStyle::Query),
    ];
    all.into_iter().filter(|(one, _)| *one == lookups || lookups == Lookups::Unknown).collect()
}

/// What a task that exists shows about lookups by name.
pub(super) enum LookupProof {
    /// They find the task.
    Answered,
    /// They do not find the task, although Kling shows it by its id.
    Unanswered,
    /// Kling shows the task not by its name and not by its id, which is returned.
    NotShown(String),
    /// The answer is that of the list, and the list has no other task.
    OnlyListed,
    /// No task of this key at this host is known.
    NoTask,
    /// The calls failed.
    Failed(TransientError, Option<AccountSignal>),
}

/// Looks up the newest known task of an account: the host and key of a create request.
pub(super) async fn prove<A: Api>(
    context: &StepContext<A>,
    account: &Account,
) -> Result<LookupProof, StoreError> {
    // An adopted task shows how the current account answers lookups, but nothing about another account.
    let or_adopted = *account == context.settings.account;
    let since_ms = context.clock.now_ms().saturating_sub(SHOWN_MS);
    let Some(known) = context.store.newest_accepted_task(account, or_adopted, since_ms).await?
    else {
        return Ok(LookupProof::NoTask);
    };
    ask(context, &known).await
}

/// Tries an account again that answered no lookups: it may answer by now, or have shown a new task late.
pub(super) async fn learn_again<A: Api>(context: &StepContext<A>) -> Result<(), StoreError> {
    if context.lookups() == Lookups::Unanswered {
        prove(context, &context.settings.account).await?;
    }
    Ok(())
}

async fn ask<A: Api>(context: &StepContext<A>, known: &Task) -> Result<LookupProof, StoreError> {
    let task_id = known.task_id.clone().unwrap_or_default();
    // The learned spelling may be answered no longer.
    for (lookups, spelling) in spellings(Lookups::Unknown) {
        let name = known.external_task_id();
        match context.query(|| context.api.task_by_name(&name, spelling)).await.result {
            Ok(remote) if remote.task_id == task_id => {
                if spelling == LookupStyle::Query && !lists_others(context, &task_id).await {
                    return Ok(LookupProof::OnlyListed);
                }
                context.learn_lookups(lookups).await?;
                return Ok(LookupProof::Answered);
            }
            Ok(_) => {}
            Err(error) if error.class.is_not_found() => {}
            Err(error) => {
                return Ok(LookupProof::Failed(
                    transient_error(&error),
                    AccountSignal::of_query(&error),
                ));
            }
        }
    }
    Ok(match context.query(|| context.api.task(&task_id)).await.result {
        Ok(remote) if remote.task_id == task_id => LookupProof::Unanswered,
        Ok(_) => LookupProof::NotShown(task_id),
        Err(error) if error.class.is_not_found() => LookupProof::NotShown(task_id),
        Err(error) => LookupProof::Failed(transient_error(&error), AccountSignal::of_query(&error)),
    })
}

/// Whether the list has other tasks than this one. Then an answer on the list path with this task alone is an answer to
/// its name.
async fn lists_others<A: Api>(context: &StepContext<A>, task_id: &str) -> bool {
    let listed = context.query(|| context.api.tasks(1, 2)).await.result;
    listed.is_ok_and(|tasks| tasks.iter().any(|task| task.task_id != task_id))
}

/// Learns from a task that was just accepted how the account answers lookups.
pub(crate) async fn learn<A: Api>(context: &StepContext<A>, task: &Task) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        match ask(context, task).await? {
            LookupProof::Answered => return Ok(()),
            LookupProof::Unanswered if began.elapsed() >= PATIENCE => {
                return context.learn_lookups(Lookups::Unanswered).await;
            }
            LookupProof::Unanswered => sleep(BETWEEN).await,
            // Another failure shows nothing; the next task may show more.
            LookupProof::Failed(error, signal) => {
                if let Some(AccountSignal::RateLimited { code, .. }) = signal {
                    context.slow_down(code, error.retry_after_ms).await?;
                }
                return Ok(());
            }
            LookupProof::NotShown(_) if began.elapsed() >= PATIENCE => return Ok(()),
            LookupProof::NotShown(_) => sleep(BETWEEN).await,
            LookupProof::NoTask | LookupProof::OnlyListed => return Ok(()),
        }
    }
}
