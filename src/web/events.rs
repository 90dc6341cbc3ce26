//! Live updates: an event when somebody changed the database, and only then.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;

use super::{error::PageError, site::Site};

/// A proxy must not mistake a quiet stream for a dead one.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// `GET /events`
pub(super) async fn events(State(site): State<Arc<Site>>) -> Response {
    let Some(watching) = site.changes.watch() else { return PageError::Busy.into_response() };
    let events = stream::unfold(watching, |mut watching| async {
        let count = watching.next().await?;
        let event = Event::default().event("changed").data(count.to_string());
        Some((Ok::<_, Infallible>(event), watching))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_EVERY);
    Sse::new(events).keep_alive(keep_alive).into_response()
}
