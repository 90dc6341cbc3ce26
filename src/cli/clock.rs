//! Times for people: in UTC, or with `--local` in the time zone of this machine.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};

use crate::actions::with_times;

/// The argument for local times.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct LocalArgs {
    /// Show times in the time zone of this machine instead of UTC
    #[arg(long)]
    local: bool,
}

/// How times are shown: `2026-03-01 12:00:07`, and in a sentence with their zone.
pub(super) struct Clock {
    zone: TimeZone,
}

impl LocalArgs {
    pub(super) fn clock(self) -> Clock {
        Clock { zone: if self.local { TimeZone::system() } else { TimeZone::UTC } }
    }
}

impl Clock {
    /// Returns the name of the zone for a heading.
    pub(super) fn zone_name(&self) -> &'static str {
        if self.zone == TimeZone::UTC { "UTC" } else { "local" }
    }

    /// Formats a time of a view, without its zone.
    pub(super) fn time(&self, iso: &str) -> String {
        self.format(iso, "%Y-%m-%d %H:%M:%S").unwrap_or_else(|| iso.to_owned())
    }

    /// Formats a time of a view with its ms, without its zone.
    pub(super) fn time_ms(&self, iso: &str) -> String {
        self.format(iso, "%Y-%m-%d %H:%M:%S.%3f").unwrap_or_else(|| iso.to_owned())
    }

    /// Formats the times of a view that are part of a sentence.
    pub(super) fn sentence<'a>(&self, text: &'a str) -> Cow<'a, str> {
        with_times(text, |iso| self.format(iso, "%Y-%m-%d %H:%M:%S %Z"))
    }

    fn format(&self, iso: &str, form: &str) -> Option<String> {
        let at: Timestamp = iso.parse().ok()?;
        Some(at.to_zoned(self.zone.clone()).strftime(form).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form() {
        let utc = LocalArgs::default().clock();
        assert_eq!(utc.time("2026-03-01T12:00:07.050Z"), "2026-03-01 12:00:07");
        assert_eq!(utc.time("no time"), "no time");
        let berlin = Clock { zone: TimeZone::get("Europe/Berlin").unwrap() };
        assert_eq!(berlin.time("2026-07-01T23:00:07.050Z"), "2026-07-02 01:00:07");
        assert_eq!((utc.zone_name(), berlin.zone_name()), ("UTC", "local"));
    }

    #[test]
    fn times_in_sentences_are_found() {
        let utc = LocalArgs::default().clock();
        let berlin = Clock { zone: TimeZone::get("Europe/Berlin").unwrap() };
        let text = "THE T; next try at 2026-03-01T12:00:07.050Z, then 2026-03-01T12:00:08Z";
        let shown = "THE T; next try at 2026-03-01 12:00:07 UTC, then 2026-03-01 12:00:08 UTC";
        assert_eq!(utc.sentence(text), shown);
        assert!(berlin.sentence(text).contains("at 2026-03-01 13:00:07 CET, then "));
        for text in ["", "no time", "2026-13-01T12:00:07.050Z", "äääääT12:00:07.050Z", "T"] {
            assert_eq!(utc.sentence(text), text);
        }
    }
}
