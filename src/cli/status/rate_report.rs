//! How fast jobs finish, and what limits it: for `--json` and in words.

use serde::Serialize;

use crate::{
    cli::text::{counted, iso_ms, time},
    store::{QueueStatus, RateLimit, SpeedLimit},
};

/// Times in ISO 8601.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RateReport {
    /// Of the last minutes; none: no daemon runs, or it has just started.
    pub(super) finished_per_minute: Option<f64>,
    pub(super) limited_by: Option<&'static str>,
    pub(super) reason: Option<String>,
    /// The API limits the rate of calls; none: it does not.
    pub(super) api: Option<ApiLimitReport>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ApiLimitReport {
    pub(super) code: Option<i64>,
    /// How many calls it refused.
    pub(super) times: i64,
    pub(super) since: String,
    pub(super) limited_until: String,
    pub(super) queries_limited_until: String,
}

impl RateReport {
    /// What a daemon wrote that has ended since is out of date.
    pub(super) fn of(queue: &QueueStatus, is_running: bool) -> Self {
        Self {
            finished_per_minute: queue.finished.per_minute().filter(|_| is_running),
            limited_by: queue.speed_limit().filter(|_| is_running).map(SpeedLimit::name),
            reason: queue.limited_by().filter(|_| is_running),
            api: queue.rate_limit.filter(|_| is_running).map(|limit| ApiLimitReport {
                code: limit.code,
                times: limit.times,
                since: iso_ms(limit.since_ms),
                limited_until: iso_ms(limit.paid_until_ms),
                queries_limited_until: iso_ms(limit.queries_until_ms),
            }),
        }
    }

    /// Returns the report in one sentence; none: nothing is known.
    pub(super) fn text(&self, queue: &QueueStatus, now_ms: i64) -> Option<String> {
        let rate = queue.rate_text().filter(|_| self.finished_per_minute.is_some());
        let by_api = queue.rate_limit.filter(|_| self.api.is_some());
        // Between its refusals, the API may not be what limits the speed.
        let is_by_api = by_api.is_some_and(|limit| {
            limit.paid_until_ms > now_ms || queue.speed_limit() == Some(SpeedLimit::Api)
        });
        let limit = self.reason.as_ref().filter(|_| !is_by_api);
        let limit = limit.map(|reason| format!("limited by {reason}"));
        let by_api = by_api.map(|limit| rate_limited(&limit, now_ms));
        let parts: Vec<String> = rate.into_iter().chain(limit).chain(by_api).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Returns until when (Unix ms) the API limits the rate of calls, and what still runs then.
pub(in crate::cli) fn rate_limited(limit: &RateLimit, now_ms: i64) -> String {
    let RateLimit { code, paid_until_ms, queries_until_ms, since_ms, times } = *limit;
    let code = code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let refused = format!("{} since {}", counted(times, "refusal"), time(since_ms));
    if paid_until_ms <= now_ms {
        return format!("rate limited by the API{code}: {refused}");
    }
    let queries = if queries_until_ms >= paid_until_ms {
        String::new()
    } else if queries_until_ms > now_ms {
        format!("; queries of tasks resume at {}", time(queries_until_ms))
    } else {
        "; tasks are queried".to_owned()
    };
    let until = time(paid_until_ms);
    let again = if times > 1 { format!("; {refused}") } else { String::new() };
    format!("rate limited by the API{code} until {until}: no paid calls{queries}{again}")
}
