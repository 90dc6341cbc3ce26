//! What pays or changes many jobs asks on a page of its own: how many jobs, and the price. The form repeats what was shown,
//! and nothing is done if that is no longer true.

use std::{ops::ControlFlow, sync::Arc};

use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{Markup, html};
use tokio::{runtime::Handle, task::spawn_blocking};
use tracing::info;
use url::form_urlencoded;

use super::{
    address,
    error::PageError,
    format::{counted, text},
    layout::Place,
    now::now_ms,
    price::prices,
    selection::Selection,
    site::{PageResult, Site},
    verb::Verb,
};
use crate::{
    actions::{ActionPlan, ActionProgress, NotChanged, Updater, carry_out},
    store::{PageEnd, Reader, SelectedJobs, SortBy},
};

/// For more jobs there is the command, which shows how far it is and can be interrupted.
const JOBS_MAX: usize = 10_000;
/// Refused jobs that are named.
const REFUSED_MAX: usize = 20;

/// `GET /retry`, `/cancel`, `/dismiss`, `/undo-dismissal`
pub(super) async fn ask(verb: Verb, site: Arc<Site>, query: Option<String>) -> Response {
    site.render(move |site, reader| {
        let selection = verb.restrict(Selection::parse(&query.unwrap_or_default())?)?;
        let jobs = found(reader, &selection)?;
        let plan = plan(site, reader, verb, &jobs)?;
        Ok(question(site, verb, &selection, &plan, false))
    })
    .await
}

/// `POST` of the same paths.
pub(super) async fn act(verb: Verb, site: Arc<Site>, form: String) -> Response {
    let acting = Arc::clone(&site);
    // Continues to its end, also if the browser is gone by then.
    let done = spawn_blocking(move || carry_out_confirmed(&acting, verb, &form)).await;
    match done {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error.into_response(),
        Err(_) => PageError::Panicked.into_response(),
    }
}

/// Returns the selected jobs, if they are not too many.
fn found(reader: &Reader, selection: &Selection) -> Result<SelectedJobs, PageError> {
    let jobs = reader.select(&selection.select)?;
    let first = reader.selected(&jobs, SortBy::Read, None::<&PageEnd>, JOBS_MAX + 1)?;
    if first.ids.len() > JOBS_MAX {
        let why = format!("more than {JOBS_MAX} jobs match: use the command, or select fewer");
        return Err(PageError::Invalid(why));
    }
    Ok(jobs)
}

fn plan(
    site: &Site,
    reader: &Reader,
    verb: Verb,
    jobs: &SelectedJobs,
) -> Result<ActionPlan, PageError> {
    ActionPlan::read(reader, jobs, &verb.action(), &prices(site, reader)?, |_| Ok(()))
}

fn question(
    site: &Site,
    verb: Verb,
    selection: &Selection,
    plan: &ActionPlan,
    has_changed: bool,
) -> Markup {
    let title = format!("{} {}?", verb.title(), counted(plan.jobs(), "job"));
    let back = selection.address("/jobs", []);
    let main = html! {
        h1 { (title) }
        @if has_changed {
            p.warning role="alert" { "Nothing was done: jobs, tasks or the price changed since this page was shown. Check it again." }
        }
        @if plan.jobs() == 0 { p { "None of the selected jobs can be changed in this way." } }
        @else {
            p { (verb.explanation()) }
            @if verb.pays() { p.big { (plan.payment_text()) } }
            p { "Jobs: " (text(&plan.jobs_text())) }
            @if !site.is_read_only() {
                form method="post" action=(verb.path()) {
                    (selection.fields())
                    input type="hidden" name="plan" value=(plan.digest());
                    div.actions {
                        button { (verb.button()) }
                        a href=(back) { "Do nothing" }
                    }
                }
            }
        }
        (refused(plan.refused_jobs, plan.refused.iter().map(|job| (&*job.key, &*job.why))))
    };
    site.page(Place::Jobs, &title, &main)
}

fn refused<'a>(count: usize, named: impl Iterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        @if count > 0 {
            h2 { (counted(count, "job")) " left as they are" }
            ul { @for (key, why) in named { li { a href=(address::job(key)) { (text(key)) } " " (text(why)) } } }
        }
    }
}

/// Runs on a thread that may block.
fn carry_out_confirmed(site: &Site, verb: Verb, form: &str) -> Result<Response, PageError> {
    let selection = verb.restrict(Selection::parse(form)?)?;
    let mut fields = form_urlencoded::parse(form.as_bytes());
    let confirmed = fields.find(|(name, _)| name == "plan").map(|(_, value)| value.into_owned());
    let reader = Reader::open(&site.settings.config.state_db)?;
    let jobs = found(&reader, &selection)?;
    let plan = plan(site, &reader, verb, &jobs)?;
    if confirmed != Some(plan.digest().to_string()) {
        return Ok(question(site, verb, &selection, &plan, true).into_response());
    }
    let only = Some(plan.first.clone()).filter(|_| plan.jobs() == 1);
    let action = plan.confirmed(verb.action());
    let policy = &site.settings.policy;
    let updater = Updater { store: &site.store, reader: &reader, policy, now_ms };
    let mut left = Vec::new();
    let work = carry_out(updater, &jobs, &action, |changes, _| {
        let named = changes.into_iter().filter_map(|change| match change.result {
            Err(NotChanged::Refused { why, .. }) => Some((change.key, why)),
            _ => None,
        });
        left.extend(named.take(REFUSED_MAX.saturating_sub(left.len())));
        Ok::<_, PageError>(ControlFlow::Continue(()))
    });
    let progress = Handle::current().block_on(work)?;
    let changed = counted(progress.changed, "job");
    info!("web: {changed}: {}", verb.done());
    match only.as_deref() {
        Some([key]) if progress.changed == 1 => {
            Ok(Redirect::to(&address::job(key)).into_response())
        }
        _ => Ok(result(site, verb, progress, &left)?.into_response()),
    }
}

fn result(
    site: &Site,
    verb: Verb,
    progress: ActionProgress,
    left: &[(String, String)],
) -> PageResult {
    let changed = counted(progress.changed, "job");
    let main = html! {
        h1 { "Done" }
        p.good role="status" { (changed) " " (verb.done()) "." }
        (refused(progress.refused, left.iter().map(|(key, why)| (&**key, &**why))))
        p { a href="/jobs" { "Jobs" } " · " a href="/failures" { "Failures" } }
    };
    Ok(site.page(Place::Jobs, "Done", &main))
}

/// The two handlers of a verb.
macro_rules! handlers {
    ($verb:expr) => {
        axum::routing::get(|State(site): State<Arc<Site>>, RawQuery(query): RawQuery| {
            ask($verb, site, query)
        })
        .post(|State(site): State<Arc<Site>>, form: String| act($verb, site, form))
    };
}

/// Returns the routes of all verbs.
pub(super) fn routes() -> axum::Router<Arc<Site>> {
    axum::Router::new()
        .route(Verb::Retry.path(), handlers!(Verb::Retry))
        .route(Verb::Cancel.path(), handlers!(Verb::Cancel))
        .route(Verb::Dismiss.path(), handlers!(Verb::Dismiss))
        .route(Verb::UndoDismissal.path(), handlers!(Verb::UndoDismissal))
}
