//! Approves and rejects results.

use std::sync::Arc;

use axum::{
    Form,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    job::{TaskId, Verdict},
    store::{JobChange, ResultId},
    web::{address, error::PageError, now::now_ms, site::Site},
};

/// The longest note, in characters.
pub(super) const NOTE_MAX: usize = 1_000;

/// A verdict, and the page to return to.
#[derive(Deserialize)]
pub(in crate::web) struct VerdictForm {
    key: String,
    task: TaskId,
    sha256: String,
    verdict: String,
    #[serde(default)]
    note: String,
}

/// `POST /verdict`
pub(in crate::web) async fn give(
    State(site): State<Arc<Site>>,
    Form(given): Form<VerdictForm>,
) -> Response {
    match write(&site, &given).await {
        Ok(()) => Redirect::to(&format!("{}#take-{}", address::job(&given.key), given.task))
            .into_response(),
        Err(error) => error.into_response(),
    }
}

async fn write(site: &Site, given: &VerdictForm) -> Result<(), PageError> {
    let verdict = Verdict::named(&given.verdict);
    if verdict.is_none() && given.verdict != "none" {
        return Err(PageError::Invalid(format!(
            "there is no verdict `{}`; allowed: approved, rejected, none",
            given.verdict
        )));
    }
    let note = given.note.trim();
    if note.chars().count() > NOTE_MAX {
        return Err(PageError::Invalid(format!(
            "the note is longer than {NOTE_MAX} characters; go back and shorten it"
        )));
    }
    // A withdrawn verdict leaves nothing behind.
    let note = verdict.and(Some(note)).filter(|note| !note.is_empty()).map(str::to_owned);
    let result = ResultId { task: given.task, sha256: given.sha256.clone() };
    let changes = site.store.give_verdict(result, verdict, note, now_ms()).await?;
    let changes = changes.ok_or_else(|| {
        PageError::Invalid(
            "this result is no longer known: open the page of the job again".to_owned(),
        )
    })?;
    changes.iter().for_each(JobChange::log);
    Ok(())
}
