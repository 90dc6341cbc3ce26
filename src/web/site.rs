//! What every page needs: settings, the store, sessions.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use maud::Markup;

use super::{
    changes::Changes,
    error::PageError,
    layout::{self, Place},
    player::Files,
    readers::Readers,
    sessions::Sessions,
};
use crate::{
    config::{Config, WebPassword},
    job::{AssumedPrices, Policy},
    store::{Reader, Store},
};

/// What the daemon knows and the page needs.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct WebSettings {
    pub config: Config,
    /// Read from `web.password_file`, if that is set.
    pub password: Option<WebPassword>,
    pub policy: Policy,
    pub assumed_prices: AssumedPrices,
}

/// One configuration of the page.
pub(super) struct Site {
    pub(super) settings: WebSettings,
    pub(super) store: Store,
    pub(super) readers: Readers,
    pub(super) sessions: Arc<Sessions>,
    pub(super) changes: Arc<Changes>,
    pub(super) files: Files,
}

pub(super) type PageResult = Result<Markup, PageError>;

impl Site {
    /// Whether the page only shows.
    pub(super) fn is_read_only(&self) -> bool {
        self.settings.config.web.read_only
    }

    /// Returns a page with navigation. Parts of `main` with an id and `data-live` are replaced when something changed.
    pub(super) fn page(&self, place: Place, title: &str, main: &Markup) -> Markup {
        layout::page(place, title, main, self.settings.password.is_some())
    }

    /// Reads and writes a page on a thread that may block: the daemon's own thread must not wait for a page.
    pub(super) async fn render(
        self: &Arc<Self>,
        page: impl FnOnce(&Self, &Reader) -> PageResult + Send + 'static,
    ) -> Response {
        let site = Arc::clone(self);
        let written = self.readers.read(move |reader| page(&site, reader)).await;
        match written {
            Ok(markup) => markup.into_response(),
            Err(error) => error.into_response(),
        }
    }
}
