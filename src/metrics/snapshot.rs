//! Values from the database, the same that `lipsyncd status` prints.

use super::page::{ScrapePage, age_seconds};
use crate::{
    job::State,
    store::{MetricsSnapshot, NotificationProblems, PauseKind, QueueStatus},
};

/// Adds whether the database has a problem.
pub(super) fn add_problem(page: &mut ScrapePage, has_problem: bool) {
    page.gauge(
        "lipsyncd_database_problem",
        "1 while the state database cannot be opened, read or written",
        flag(has_problem),
    );
}

/// Adds everything that was read.
pub(super) fn add(page: &mut ScrapePage, measured: &MetricsSnapshot, now_ms: i64) {
    add_jobs(page, measured, now_ms);
    add_queue(page, &measured.queue_status);
    add_units(page, &measured.queue_status);
}

fn add_jobs(page: &mut ScrapePage, measured: &MetricsSnapshot, now_ms: i64) {
    let MetricsSnapshot { queue_status, oldest_since_ms } = measured;
    page.gauges(
        "lipsyncd_jobs",
        "Jobs by state",
        "state",
        State::ALL.map(|state| (state.name(), queue_status.count(&[state]) as f64)),
    );
    page.gauge(
        "lipsyncd_superseded_unresolved",
        "Unresolved tasks of requests that their jobs do not ask for any more",
        queue_status.superseded.tasks as f64,
    );
    page.gauges(
        "lipsyncd_oldest_job_age_seconds",
        "How long the oldest job of a state has been waiting; 0 when there is none",
        "state",
        oldest_since_ms.iter().map(|(state, since_ms)| {
            (state.name(), since_ms.map_or(0.0, |since_ms| age_seconds(since_ms, now_ms)))
        }),
    );
    page.gauge(
        "lipsyncd_jobs_blocked",
        "Jobs whose output is not writable",
        queue_status.blocked.as_ref().map_or(0.0, |(jobs, _)| *jobs as f64),
    );
    let manifests = [
        ("accepted", queue_status.manifests_accepted as f64),
        ("refused", queue_status.manifests_refused as f64),
    ];
    page.gauges("lipsyncd_manifests", "Manifests in the folder by state", "state", manifests);
}

fn add_queue(page: &mut ScrapePage, queue_status: &QueueStatus) {
    page.gauge("lipsyncd_slots_used", "Slots in use", queue_status.slots_used as f64);
    page.gauge(
        "lipsyncd_slots_limit",
        "Slots that the account allows, as far as lipsyncd has learned it",
        queue_status.slots_limit as f64,
    );
    page.gauge(
        "lipsyncd_slots_configured",
        "Slots in the configuration",
        queue_status.slots_configured as f64,
    );
    let kind = queue_status.pause.as_ref().map(|pause| pause.kind);
    page.gauges(
        "lipsyncd_paused",
        "1 for the reason that pauses the queue",
        "kind",
        PauseKind::ALL.map(|of| (of.name(), flag(kind == Some(of)))),
    );
    page.gauge(
        "lipsyncd_held",
        "1 while the queue is held without a pause, for example because the daily budget is reached",
        flag(queue_status.hold.is_some()),
    );
    page.gauge(
        "lipsyncd_api_problem",
        "1 while the API gives no usable answer",
        flag(queue_status.api_problem.is_some()),
    );
    page.gauge(
        "lipsyncd_uploads_running",
        "Uploads of local videos in progress",
        queue_status.uploads.running as f64,
    );
    page.gauge(
        "lipsyncd_upload_problem",
        "1 while the bucket takes no videos, and uploads are held",
        flag(queue_status.uploads.problem.is_some()),
    );
    let NotificationProblems { failing, dead, .. } = queue_status.notifications;
    page.gauges(
        "lipsyncd_messages_unsent",
        "Messages of `notify` that could not be sent; dead: for 24 hours",
        "state",
        [("failing", failing as f64), ("dead", dead as f64)],
    );
}

fn add_units(page: &mut ScrapePage, queue_status: &QueueStatus) {
    let units = |micro: i64| micro as f64 / 1e6;
    page.counter(
        "lipsyncd_units_deducted",
        "Units deducted since the database was created",
        units(queue_status.spent_total.units_micro),
    );
    page.gauge(
        "lipsyncd_units_today",
        "Units deducted on this UTC day",
        units(queue_status.spent_today.units_micro),
    );
    page.counter(
        "lipsyncd_money_charged",
        "Money charged since the database was created, for accounts that pay from a balance",
        units(queue_status.spent_total.money_micro),
    );
    page.gauge(
        "lipsyncd_money_today",
        "Money charged on this UTC day",
        units(queue_status.spent_today.money_micro),
    );
    if let Some(cap_micro) = queue_status.caps.money_micro {
        page.gauge(
            "lipsyncd_money_per_day_cap",
            "The daily budget in money; missing without one",
            units(cap_micro),
        );
    }
    if let Some(cap_micro) = queue_status.caps.units_micro {
        page.gauge(
            "lipsyncd_units_per_day_cap",
            "The daily budget in units; missing without one",
            units(cap_micro),
        );
    }
}

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}
