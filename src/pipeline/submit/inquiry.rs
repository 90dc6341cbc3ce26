//! Whether Kling has the task of a create request: by name, by the list, and by what shows that both can be
//! believed.

use super::{
    candidates::{possible_tasks, to_candidates},
    lookup::{Lookup, by_name, verify_owner},
    lookup_support::{Proof, prove},
    task_list::{self, Listing},
};
use crate::{
    job::{Account, Create, CreateAnswer, Outcome, Task, outcome::TransientError},
    kling::Api,
    pipeline::{
        context::StepContext,
        step::{AccountSignal, transient_error},
    },
    store::{Answer, Candidate, Listed, Lookups, StoreError},
};

/// What was found out.
pub(super) enum Conclusion {
    /// Kling's id of the task.
    Found(String),
    /// A task has the name that cannot be proved to be this one; in words.
    Conflict(String),
    /// There is no such task, by name and by list.
    Absent,
    /// Nothing that can be asked decides, and asking again does not help; in words.
    Undecided(String),
    /// The answers prove nothing this time; in words.
    Unproven(TransientError),
    /// A call failed.
    Failed(TransientError, Option<AccountSignal>),
}

/// What was found out, and what of it is kept for a person.
pub(super) struct Inquiry {
    pub(super) conclusion: Conclusion,
    pub(super) answer: Option<Answer>,
    /// The tasks that it could be, where the list was read.
    pub(super) candidates: Option<(Vec<Candidate>, Option<Listed>)>,
    /// The lookup by name failed: another one may decide.
    pub(super) name_failed: bool,
}

/// Asks Kling for the task of a create request. `listing` is the list, where it was just read.
pub(super) async fn inquire<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    listing: Option<&Listing>,
) -> Result<Inquiry, StoreError> {
    let (lookup, answer) = by_name(context, task).await?;
    let name_failed = matches!(lookup, Lookup::Failed { .. });
    let only = |conclusion| {
        Ok(Inquiry { conclusion, answer: answer.clone(), candidates: None, name_failed })
    };
    let mut conflict = None;
    let by_name = match lookup {
        Lookup::Found(remote) => return only(Conclusion::Found(remote.task_id)),
        // The list is read all the same: a person has to know what else it could be.
        Lookup::Conflict(why, remote) => {
            conflict = Some((why, remote));
            Lookup::NotFound { is_proper: false }
        }
        Lookup::Failed { transient_error, signal, is_answer } if signal.is_some() || !is_answer => {
            return only(Conclusion::Failed(transient_error, signal));
        }
        by_name => by_name,
    };
    // Nothing was ever sent, and the name is free: it may be sent.
    let was_never_sent = task.create.is_none() && task.resend.is_none();
    if was_never_sent && matches!(by_name, Lookup::NotFound { is_proper: true }) {
        return only(Conclusion::Absent);
    }
    // Asked before and after: a create request that begins and ends in between has its task written.
    let was_in_flight = context.in_flight.is_any();
    let read;
    let listing = match listing {
        Some(listing) => listing,
        None => match task_list::read(context, oldest_ms(task)).await {
            Ok(listing) => {
                read = listing;
                &read
            }
            Err(error) => {
                return only(match conflict {
                    Some((why, _)) => Conclusion::Conflict(why),
                    None => {
                        Conclusion::Failed(transient_error(&error), AccountSignal::of_query(&error))
                    }
                });
            }
        },
    };
    let is_in_flight = was_in_flight || context.in_flight.is_any();
    if conflict.is_none()
        && let Some(remote) = listing.named(&task.external_task_id())
    {
        let found = verify_owner(context, task, remote.clone(), listing.ahead_ms).await?;
        match found {
            Lookup::Found(remote) => return only(Conclusion::Found(remote.task_id)),
            Lookup::Conflict(why, remote) => conflict = Some((why, remote)),
            Lookup::Failed { transient_error, signal, .. } => {
                return only(Conclusion::Failed(transient_error, signal));
            }
            Lookup::NotFound { .. } => {}
        }
    }
    let mut all = possible_tasks(context, task, listing).await?;
    let of_name = conflict.as_ref().and_then(|(_, remote)| remote.as_deref());
    all.extend(of_name.filter(|remote| all.iter().all(|it| it.task_id != remote.task_id)));
    let conclusion = match all.first() {
        _ if let Some((why, _)) = &conflict => Conclusion::Conflict(why.clone()),
        _ if !listing.is_complete => Conclusion::Undecided(
            "the account has too many tasks to look through them all".to_owned(),
        ),
        Some(remote) if is_in_flight => {
            // It may be another job's, whose create request is in flight.
            let message = format!("task {} could be it", remote.task_id);
            let code = "lookup".to_owned();
            Conclusion::Unproven(TransientError { code, message, retry_after_ms: None })
        }
        Some(remote) => Conclusion::Undecided(format!(
            "task {} could be it, and Kling shows no name of it",
            remote.task_id
        )),
        None => prove_absence(context, task, by_name).await?,
    };
    let candidates = to_candidates(&all);
    let listed = listing.listed(candidates.len());
    Ok(Inquiry { conclusion, answer, candidates: Some((candidates, listed)), name_failed })
}

/// Whether an absence can be believed: only of an account that answers lookups by name, which the newest known task
/// has to show. The list shows no task that could be it.
async fn prove_absence<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    by_name: Lookup,
) -> Result<Conclusion, StoreError> {
    let Some(create) = &task.create else { return Ok(Conclusion::Absent) };
    let account = &context.settings.account;
    let sent_to = Account { host: create.host.clone(), key: create.account.clone() };
    if create.host != account.host {
        let message = format!(
            "its create request was sent to {}, and {} does not know it: set kling.base_url back, \
             or type `lipsyncd resolve {}`",
            create.host, account.host, task.spec.key
        );
        return Ok(unproven("other_host", message));
    }
    let is_refused_name = match by_name {
        Lookup::Failed { transient_error, .. } => return Ok(Conclusion::Unproven(transient_error)),
        Lookup::NotFound { is_proper } => is_proper,
        Lookup::Found(_) | Lookup::Conflict(..) => false,
    };
    if context.lookups() == Lookups::Unanswered {
        let why = "this account answers no lookups by external_task_id";
        return Ok(Conclusion::Undecided(why.to_owned()));
    }
    Ok(match prove(context, &sent_to).await? {
        Proof::Answered => Conclusion::Absent,
        Proof::Unanswered => Conclusion::Undecided(
            "this account answers no lookups by external_task_id any more".to_owned(),
        ),
        Proof::NotShown(known) => unproven(
            "unproven",
            format!("Kling shows neither it nor task {known}, which exists, by name"),
        ),
        Proof::Failed(transient_error, signal) => Conclusion::Failed(transient_error, signal),
        Proof::NoTask if create.account != account.key => unproven(
            "other_key",
            format!(
                "its create request was sent with {}, and nothing shows that {} is of the same \
                 account",
                create.account, account.key
            ),
        ),
        // The first task of an account: nothing can be proved, and nothing speaks against it.
        Proof::NoTask if is_refused_name => Conclusion::Absent,
        Proof::NoTask => unproven(
            "unproven",
            "Kling answers with an empty success, which proves nothing".to_owned(),
        ),
    })
}

fn unproven(code: &str, message: String) -> Conclusion {
    let code = code.to_owned();
    Conclusion::Unproven(TransientError { code, message, retry_after_ms: None })
}

/// How far back (Unix ms) the list is read. A name that exists, or a refusal in words that are not known, may be about a
/// task that another database created long ago.
pub(super) fn oldest_ms(task: &Task) -> i64 {
    let answer = task.create.as_ref().map(|create| create.answer);
    match answer {
        Some(CreateAnswer::Unknown) => first_sent_at_ms(task),
        _ => i64::MIN,
    }
}

/// When (Unix ms) the create request was first sent. A task that has none conflicts with one that may be older.
pub(super) fn first_sent_at_ms(task: &Task) -> i64 {
    task.create.as_ref().map_or(i64::MIN, |Create { first_sent_at_ms, .. }| *first_sent_at_ms)
}

/// What an unresolved task becomes by what was found out; none: it stays unresolved.
pub(super) fn outcome_of_unresolved(conclusion: Conclusion, task: &Task) -> Option<Outcome> {
    let answer = task.create.as_ref().map(|create| create.answer);
    match conclusion {
        Conclusion::Found(task_id) => Some(Outcome::Found { task_id }),
        // Kling said that the task exists: that it shows none is no news.
        Conclusion::Absent if answer == Some(CreateAnswer::NameExists) => None,
        Conclusion::Absent => Some(Outcome::Reopened),
        _ => None,
    }
}
