//! Values of one moment, and the OpenMetrics text of a scrape.

use std::fmt;

use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

type FloatGauge = Gauge<f64, std::sync::atomic::AtomicU64>;

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Default)]
pub(super) struct ScrapePage(Registry);

impl ScrapePage {
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.0.register(name, help, ConstGauge::new(value));
    }

    /// Adds a counter; `name` is without the `_total` of its sample.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.0.register(name, help, ConstCounter::new(value));
    }

    /// Adds one gauge for each value of `label`.
    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, f64)>,
    ) {
        let family = Family::<[(&'static str, &'static str); 1], FloatGauge>::default();
        for (of, value) in values {
            family.get_or_create(&[(label, of)]).set(value);
        }
        self.0.register(name, help, family);
    }

    /// Renders the counters and the values of this page.
    pub(super) fn render(&self, counters: &Registry) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, counters)?;
        encode_registry(&mut text, &self.0)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// The seconds from `at_ms` to `now_ms` (Unix time); not negative, because clocks can be set back.
pub(super) fn age_seconds(at_ms: i64, now_ms: i64) -> f64 {
    now_ms.saturating_sub(at_ms).max(0) as f64 / 1e3
}
