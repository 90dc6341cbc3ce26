//! The frame of all pages.

use maud::{DOCTYPE, Markup, html};

use super::assets;

/// The pages of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Jobs,
    Manifests,
    Failures,
    Spend,
}

const PLACES: [(Place, &str, &str); 5] = [
    (Place::Overview, "/", "Overview"),
    (Place::Jobs, "/jobs", "Jobs"),
    (Place::Manifests, "/manifests", "Manifests"),
    (Place::Failures, "/failures", "Failures"),
    (Place::Spend, "/spend", "Spending"),
];

/// Returns a page with navigation.
pub(super) fn page(place: Place, title: &str, main: &Markup, can_log_out: bool) -> Markup {
    let navigation = html! {
        nav aria-label="Pages" {
            @for (this, address, name) in PLACES {
                a href=(address) aria-current=[(this == place).then_some("page")] { (name) }
            }
        }
        @if can_log_out {
            form method="post" action="/logout" { button.quiet { "Log out" } }
        }
    };
    frame(title, &navigation, main)
}

/// Returns a page without navigation.
pub(super) fn bare(title: &str, main: &Markup) -> Markup {
    frame(title, &html! {}, main)
}

fn frame(title: &str, navigation: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · lipsyncd" }
                link rel="icon" href=(assets::address("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::address("style.css"));
                script defer src=(assets::address("live.js")) {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href="/" { "lipsyncd" }
                    (navigation)
                }
                p #offline role="status" hidden {
                    "The daemon does not answer. This page shows what it showed last, and continues by itself."
                }
                main #main tabindex="-1" { (main) }
                footer { "lipsyncd " (env!("CARGO_PKG_VERSION")) " · all times are UTC" }
            }
        }
    }
}
