//! Calls of the API and download requests: how many, with which result, how long.

use std::{borrow::Cow, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Upper ends of the histogram's buckets, in seconds.
const BUCKETS: [f64; 11] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// An endpoint of the API, or a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum MeteredCall {
    Identify,
    Create,
    /// Query Task (Single).
    Task,
    /// Query Task (List).
    Tasks,
    Costs,
    /// A result or remote audio, up to its first byte.
    Fetch,
}

impl MeteredCall {
    const ALL: [Self; 6] =
        [Self::Identify, Self::Create, Self::Task, Self::Tasks, Self::Costs, Self::Fetch];

    const fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Create => "create",
            Self::Task => "task",
            Self::Tasks => "tasks",
            Self::Costs => "costs",
            Self::Fetch => "fetch",
        }
    }
}

/// The result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// The API's own code, 0 for success.
    Api(i64),
    /// The HTTP status of an answer that is not the API's.
    Http(u16),
    /// A success that cannot be read.
    Unreadable,
    /// The address is not allowed for a download; nothing was sent.
    AddressRefused,
    /// No answer.
    Transport,
}

impl CallResult {
    /// The label. Codes that the API does not document are all `other`, so that there are few labels.
    fn label(self) -> Cow<'static, str> {
        match self {
            Self::Api(
                code @ (0 | 1000..=1004 | 1100..=1103 | 1200..=1203 | 1300..=1304 | 5000..=5002),
            ) => code.to_string().into(),
            Self::Http(status @ 100..=599) => format!("http_{status}").into(),
            Self::Api(_) | Self::Http(_) => "other".into(),
            Self::Unreadable => "unreadable".into(),
            Self::AddressRefused => "address_refused".into(),
            Self::Transport => "transport".into(),
        }
    }
}

type OfCall = [(&'static str, &'static str); 1];
type OfCode = [(&'static str, Cow<'static, str>); 2];

pub(super) struct Calls {
    total: Family<OfCode, Counter>,
    seconds: Family<OfCall, Histogram, fn() -> Histogram>,
}

impl Calls {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(BUCKETS);
        let calls =
            Self { total: Family::default(), seconds: Family::new_with_constructor(seconds) };
        registry.register(
            "lipsyncd_api_calls",
            "Calls by endpoint and result",
            calls.total.clone(),
        );
        registry.register(
            "lipsyncd_api_call_duration_seconds",
            "Duration of calls",
            calls.seconds.clone(),
        );
        // A counter that starts at 0 shows its first increase; one that appears later does not.
        for call in MeteredCall::ALL {
            drop(calls.seconds.get_or_create(&[("call", call.name())]));
            let success =
                if call == MeteredCall::Fetch { CallResult::Http(200) } else { CallResult::Api(0) };
            drop(calls.total.get_or_create(&labels(call, success)));
        }
        calls
    }

    pub(super) fn count(&self, call: MeteredCall, code: CallResult, took: Duration) {
        self.total.get_or_create(&labels(call, code)).inc();
        self.seconds.get_or_create(&[("call", call.name())]).observe(took.as_secs_f64());
    }
}

fn labels(call: MeteredCall, code: CallResult) -> OfCode {
    [("call", call.name().into()), ("code", code.label())]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn number_of_labels_is_small() {
        let api = (-10_000..100_000).map(|code| CallResult::Api(code).label());
        let http = (0..=u16::MAX).map(|status| CallResult::Http(status).label());
        let labels: BTreeSet<_> = api.chain(http).collect();
        assert_eq!(labels.len(), 1 + 5 + 4 + 4 + 5 + 3 + 500 + 1);
        assert_eq!(CallResult::Api(1303).label(), "1303");
        assert_eq!(CallResult::Api(1305).label(), "other");
        assert_eq!(CallResult::Http(502).label(), "http_502");
    }
}
