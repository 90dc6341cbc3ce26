//! Finds out whether Kling has the task of a create request: by name, by the list, and by what shows that both can be
//! trusted.

use super::{
    Lookup, LookupProof, TaskListing, by_name, first_sent_at_ms, possible_tasks, prove, task_list,
    to_candidates, verify_owner,
};
use crate::{
    job::{Account, CreateAnswer, CreateAttempt, Outcome, Task, outcome::TransientError},
    kling::{Api, RemoteTask},
    pipeline::{AccountSignal, StepContext, transient_error},
    store::{Candidate, HistoryAnswer, ListScan, Lookups, StoreError},
};

const UNANSWERED: &str = "this account answers no lookups by external_task_id";

/// What was found out about a create request.
pub(super) enum Conclusion {
    /// Kling's id of the task.
    Found(String),
    /// A task has the name and cannot be proved to be this one, and why.
    Conflict(String),
    /// Lookup by name and list do not show the task, and both can be trusted.
    Absent,
    /// No query decides, and asking again does not help, and why.
    Undecided(String),
    /// The answers prove nothing this time.
    Unproven(TransientError),
    /// A call failed.
    Failed(TransientError, Option<AccountSignal>),
}

/// A conclusion, and the facts that are stored for a person.
pub(super) struct Inquiry {
    pub(super) conclusion: Conclusion,
    pub(super) answer: Option<HistoryAnswer>,
    /// The tasks that could be this one, if the list was read.
    pub(super) candidates: Option<(Vec<Candidate>, Option<ListScan>)>,
    /// Whether one of them was created since the create request was sent, as far as the clocks show.
    pub(super) is_new_listed: bool,
}

enum ByName {
    Decided(Conclusion),
    /// The list has to be read as well.
    Open(Lookup, Option<NameConflict>),
}

/// A task of the name that cannot be proved to be this one: why, and the task if no job has it.
type NameConflict = (String, Option<Box<RemoteTask>>);

/// Asks Kling for the task of a create request. `listing` is the list, if it was just read.
pub(super) async fn inquire<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    listing: Option<&TaskListing>,
) -> Result<Inquiry, StoreError> {
    let (lookup, answer) = by_name(context, task).await?;
    let Concluded { conclusion, candidates, is_new_listed } = match decide_by_name(task, lookup) {
        ByName::Decided(conclusion) => conclusion.into(),
        ByName::Open(lookup, conflict) => {
            ask_list(context, task, listing, (lookup, conflict)).await?
        }
    };
    Ok(Inquiry { conclusion, answer, candidates, is_new_listed })
}

fn decide_by_name(task: &Task, lookup: Lookup) -> ByName {
    // Nothing was ever sent, and the name is free: the request may be sent.
    let was_never_sent = task.create.is_none() && task.resend.is_none();
    match lookup {
        Lookup::Found(remote) => ByName::Decided(Conclusion::Found(remote.task_id)),
        // The list is read all the same, because a person has to see which other tasks it could be.
        Lookup::Conflict(why, remote) => {
            ByName::Open(Lookup::NotFound { is_proper: false }, Some((why, remote)))
        }
        Lookup::Failed { error, signal, is_answer } if signal.is_some() || !is_answer => {
            ByName::Decided(Conclusion::Failed(error, signal))
        }
        Lookup::NotFound { is_proper: true } if was_never_sent => {
            ByName::Decided(Conclusion::Absent)
        }
        lookup => ByName::Open(lookup, None),
    }
}

struct Concluded {
    conclusion: Conclusion,
    candidates: Option<(Vec<Candidate>, Option<ListScan>)>,
    is_new_listed: bool,
}

impl From<Conclusion> for Concluded {
    fn from(conclusion: Conclusion) -> Self {
        Self { conclusion, candidates: None, is_new_listed: false }
    }
}

async fn ask_list<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    listing: Option<&TaskListing>,
    (lookup, mut conflict): (Lookup, Option<NameConflict>),
) -> Result<Concluded, StoreError> {
    // Checked before and after: the task of a request that starts and ends in between is recorded by then.
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
                let signal = AccountSignal::of_query(&error);
                let failed = || Conclusion::Failed(transient_error(&error), signal);
                let conclusion = conflict.map_or_else(failed, |(why, _)| Conclusion::Conflict(why));
                return Ok(conclusion.into());
            }
        },
    };
    let is_in_flight = was_in_flight || context.in_flight.is_any();
    if conflict.is_none()
        && let Some(remote) = listing.named(&task.external_task_id())
    {
        match verify_owner(context, task, remote.clone(), listing.ahead_ms).await? {
            Lookup::Found(remote) => return Ok(Conclusion::Found(remote.task_id).into()),
            Lookup::Conflict(why, remote) => conflict = Some((why, remote)),
            Lookup::Failed { error, signal, .. } => {
                return Ok(Conclusion::Failed(error, signal).into());
            }
            Lookup::NotFound { .. } => {}
        }
    }
    let mut possible = possible_tasks(context, task, listing).await?;
    let named = conflict.as_ref().and_then(|(_, remote)| remote.as_deref());
    possible.extend(named.filter(|named| possible.iter().all(|it| it.task_id != named.task_id)));
    let conclusion = match possible.first() {
        _ if let Some((why, _)) = &conflict => Conclusion::Conflict(why.clone()),
        _ if !listing.is_complete => Conclusion::Undecided(task_list::INCOMPLETE.to_owned()),
        // It may be the task of another job, whose create request is in flight.
        Some(remote) if is_in_flight => {
            unproven("lookup", format!("task {} could be this one", remote.task_id))
        }
        Some(remote) => Conclusion::Undecided(format!(
            "task {} could be this one, and Kling does not show its name",
            remote.task_id
        )),
        None => prove_absence(context, task, lookup).await?,
    };
    let candidates = to_candidates(&possible);
    let listed = listing.listed(candidates.len());
    let sent_at_ms = first_sent_at_ms(task);
    let is_new_listed = possible.iter().any(|remote| listing.may_be_new(remote, sent_at_ms));
    Ok(Concluded { conclusion, candidates: Some((candidates, listed)), is_new_listed })
}

/// Decides whether an absence can be trusted, after the list showed no task that could be this one. Only an account that
/// answers lookups by name can prove it, and the newest known task has to show that it does.
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
            "the create request was sent to {}, and {} does not know its task: set kling.base_url \
             back, or type `lipsyncd resolve {}`",
            create.host, account.host, task.spec.key
        );
        return Ok(unproven("other_host", message));
    }
    let is_proper = match by_name {
        Lookup::Failed { error, .. } => return Ok(Conclusion::Unproven(error)),
        Lookup::NotFound { is_proper } => is_proper,
        Lookup::Found(_) | Lookup::Conflict(..) => false,
    };
    if context.lookups() == Lookups::Unanswered {
        return Ok(Conclusion::Undecided(UNANSWERED.to_owned()));
    }
    Ok(match prove(context, &sent_to).await? {
        LookupProof::Answered => Conclusion::Absent,
        LookupProof::Unanswered if context.lookups() == Lookups::Unknown => {
            Conclusion::Undecided(UNANSWERED.to_owned())
        }
        LookupProof::Unanswered => Conclusion::Undecided(
            "this account no longer answers lookups by external_task_id".to_owned(),
        ),
        LookupProof::NotShown(known) => unproven(
            "unproven",
            format!("Kling does not show task {known} either, although Kling accepted that task"),
        ),
        LookupProof::OnlyListed => unproven(
            "unproven",
            "Kling lists only one task, which does not show whether Kling answers lookups by external_task_id"
                .to_owned(),
        ),
        LookupProof::Failed(error, signal) => Conclusion::Failed(error, signal),
        LookupProof::NoTask if create.account != account.key => unproven(
            "other_key",
            format!(
                "the create request was sent with {}, and nothing shows that {} belongs to the same \
                 account",
                create.account, account.key
            ),
        ),
        // The first task of an account: nothing can be proved, and nothing contradicts the answer.
        LookupProof::NoTask if is_proper => Conclusion::Absent,
        LookupProof::NoTask => unproven(
            "unproven",
            "Kling answers with an empty success, which proves nothing".to_owned(),
        ),
    })
}

fn unproven(code: &str, message: String) -> Conclusion {
    let code = code.to_owned();
    Conclusion::Unproven(TransientError { code, message, retry_after_ms: None })
}

/// Returns how far back (Unix ms) the list is read. After a refusal that says that the name exists, or one in unknown
/// words, the task may be one that another database created long ago.
pub(super) fn oldest_ms(task: &Task) -> i64 {
    match &task.create {
        Some(CreateAttempt { answer: CreateAnswer::Unknown, .. }) => first_sent_at_ms(task),
        _ => i64::MIN,
    }
}

/// Returns what an unresolved task becomes; none: it stays unresolved.
pub(super) fn outcome_of_unresolved(conclusion: Conclusion, task: &Task) -> Option<Outcome> {
    let answer = task.create.as_ref().map(|create| create.answer);
    match conclusion {
        Conclusion::Found(task_id) => Some(Outcome::Found { task_id }),
        // Kling said that the task exists. That it does not show the task is nothing new.
        Conclusion::Absent if answer == Some(CreateAnswer::NameExists) => None,
        Conclusion::Absent => Some(Outcome::Reopened),
        _ => None,
    }
}
