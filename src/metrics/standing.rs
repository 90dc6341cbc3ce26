//! What stands in the database, as metrics: the same that `lipsyncd status` tells.

use super::{age_seconds, text::Page};
use crate::{
    job::State,
    store::{MetricsSnapshot, PauseKind},
};

/// Tells whether the database can be used.
pub(super) fn print_problem(page: &mut Page, has_problem: bool) {
    page.gauge(
        "lipsyncd_database_problem",
        "1 while the state database cannot be opened, read or written",
        truth(has_problem),
    );
}

/// Tells all that was read.
pub(super) fn tell(page: &mut Page, measured: &MetricsSnapshot, now_ms: i64) {
    let MetricsSnapshot { queue_status: standing, oldest_since_ms } = measured;
    page.gauges(
        "lipsyncd_jobs",
        "Jobs by state",
        "state",
        State::ALL.map(|state| (state.name(), standing.count(&[state]) as f64)),
    );
    page.gauge(
        "lipsyncd_superseded_unresolved",
        "Unresolved tasks of requests that their jobs do not ask for any more",
        standing.superseded.tasks as f64,
    );
    page.gauges(
        "lipsyncd_oldest_job_age_seconds",
        "For how long the oldest job of a state has been waiting; 0 when there is none",
        "state",
        oldest_since_ms.iter().map(|(state, since_ms)| {
            (state.name(), since_ms.map_or(0.0, |since_ms| age_seconds(since_ms, now_ms)))
        }),
    );
    page.gauge(
        "lipsyncd_jobs_blocked",
        "Jobs whose place in the output folder cannot be written",
        standing.blocked.as_ref().map_or(0.0, |(jobs, _)| *jobs as f64),
    );
    page.gauges(
        "lipsyncd_manifests",
        "Manifests in the folder by state",
        "state",
        [
            ("accepted", standing.manifests_accepted as f64),
            ("refused", standing.manifests_refused as f64),
        ],
    );
    tell_line(page, measured);
    tell_units(page, measured);
}

fn tell_line(page: &mut Page, MetricsSnapshot { queue_status: standing, .. }: &MetricsSnapshot) {
    page.gauge("lipsyncd_slots_used", "Slots in use", standing.slots_used as f64);
    page.gauge(
        "lipsyncd_slots_limit",
        "Slots that the account lets us use, as far as it is learnt",
        standing.slots_limit as f64,
    );
    page.gauge(
        "lipsyncd_slots_configured",
        "Slots as configured",
        standing.slots_configured as f64,
    );
    let kind = standing.pause.as_ref().map(|pause| pause.kind);
    page.gauges(
        "lipsyncd_paused",
        "1 for what the line is paused by",
        "kind",
        PauseKind::ALL.map(|of| (of.name(), truth(kind == Some(of)))),
    );
    page.gauge(
        "lipsyncd_held",
        "1 while no new task is started though the line is not paused, as when the units of the day are used up",
        truth(standing.hold.is_some()),
    );
    page.gauge(
        "lipsyncd_api_problem",
        "1 while the API gives no usable answer",
        truth(standing.api_problem.is_some()),
    );
}

fn tell_units(page: &mut Page, MetricsSnapshot { queue_status: standing, .. }: &MetricsSnapshot) {
    let units = |micro: i64| micro as f64 / 1e6;
    page.counter(
        "lipsyncd_units_deducted",
        "Units deducted since the database was made",
        units(standing.spent_total_micro),
    );
    page.gauge(
        "lipsyncd_units_today",
        "Units deducted on this UTC day",
        units(standing.spent_today_micro),
    );
    if let Some(cap_micro) = standing.cap_micro {
        page.gauge(
            "lipsyncd_units_per_day_cap",
            "Units after which no new task is started on a UTC day; not there without a cap",
            units(cap_micro),
        );
    }
}

fn truth(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
