//! Metrics as Prometheus' text format, version 0.0.4, which every reader of metrics takes.
//!
//! The library writes OpenMetrics, where a counter is named without its `_total`. That is the one
//! difference that matters here.

use std::fmt;

use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

/// A gauge with any number in it.
type Number = Gauge<f64, std::sync::atomic::AtomicU64>;

/// What its format is record_call in a header.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Values of one moment.
#[derive(Default)]
pub(super) struct Page(Registry);

impl Page {
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.0.register(name, help, ConstGauge::new(value));
    }

    /// `name` goes without its `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.0.register(name, help, ConstCounter::new(value));
    }

    /// One gauge for each value of `label`.
    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, f64)>,
    ) {
        let family = Family::<[(&'static str, &'static str); 1], Number>::default();
        for (of, value) in values {
            family.get_or_create(&[(label, of)]).set(value);
        }
        self.0.register(name, help, family);
    }

    pub(super) fn write(&self, text: &mut String) -> fmt::Result {
        write(&self.0, text)
    }
}

/// Appends what `registry` holds.
pub(super) fn write(registry: &Registry, text: &mut String) -> fmt::Result {
    let mut open = String::new();
    encode_registry(&mut open, registry)?;
    let of_counter = |name: &str| format!("# TYPE {name} counter");
    let mut lines = open.lines().peekable();
    while let Some(line) = lines.next() {
        // The type is told in the line after the help.
        let help = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '));
        match help {
            Some((name, help)) if lines.next_if_eq(&of_counter(name).as_str()).is_some() => {
                text.push_str(&format!("# HELP {name}_total {help}\n"));
                text.push_str(&format!("# TYPE {name}_total counter\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_named_as_its_samples_are() {
        let mut page = Page::default();
        page.counter("x", "What is counted", 3.0);
        page.gauges("y", "What stands", "of", [("a", 0.5)]);
        let mut text = String::new();
        page.write(&mut text).unwrap();
        assert_eq!(
            text,
            "# HELP x_total What is counted.\n# TYPE x_total counter\nx_total 3.0\n\
             # HELP y What stands.\n# TYPE y gauge\ny{of=\"a\"} 0.5\n"
        );
    }
}
